# Copyright 2026, The tff-methods Authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Omniglot: drawn characters of many alphabets; each character is a class."""

import numpy as np

from tasks import catalog
from tasks import input_files
from tasks import npz_files
from tasks.images import image_sources

IMAGE_SIZE = 28

_DRAWING_SIZE = 105
_NUM_TRAIN_DRAWERS = 16
_IMAGES_AT_ONCE = 2048
# Changes when the images that `load` returns change.
_VERSION = 'area-28'


def omniglot(data_dir: str) -> image_sources.ImageSource:
  """Opens Omniglot in `omniglot.npz`, averaged to 28x28 pixels.

  The file has `images`, uint8 `[n, 105, 14]`: rows of 105 pixels packed to bits
  by `numpy.packbits`, 1 for ink; `label`, uint16 `[n]`; `drawer`, uint8 `[n]`,
  from 1; and `evaluation`, uint8 `[n]`: 0 in the background set, whose labels
  start from 0, and 1 in the evaluation set.

  Training data is the background set by drawers 1 to 16, test data is the
  background set by the other drawers, and the evaluation set is for retrieval.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source of images of shape `[28, 28, 1]`, from 0 (paper) to 255 (ink): the
    share of ink in the square of the drawing that the pixel covers.

  Raises:
    ValueError: If the file is missing or damaged.
  """
  files = input_files.InputFiles.hash(catalog.files('omniglot').find(data_dir))
  (path,) = files.paths
  names = ('label', 'drawer', 'evaluation')
  with files.reading():
    label, drawer, evaluation = npz_files.read_npz(path, names)
  num_classes = _count_classes(path, label, drawer, evaluation)

  def load():
    with files.reading():
      (bits,) = npz_files.read_npz(path, ['images'])
    size = _DRAWING_SIZE
    npz_files.check_labelled_images(
      path,
      bits,
      label,
      (label.size, size, -(-size // 8)),
      num_classes=label.max() + 1,
      label_type=np.uint16,
    )
    x = _average_bits(bits)
    is_train = (evaluation == 0) & (drawer <= _NUM_TRAIN_DRAWERS)
    is_test = (evaluation == 0) & (drawer > _NUM_TRAIN_DRAWERS)
    is_retrieval = evaluation == 1
    return image_sources.LabelledImages(
      x[is_train],
      label[is_train],
      x[is_test],
      label[is_test],
      retrieval=(x[is_retrieval], label[is_retrieval]),
    )

  fingerprint = f'{_VERSION}-{files.fingerprint}'
  return image_sources.ImageSource(fingerprint, load, num_classes)


def _count_classes(
  path: str, label: np.ndarray, drawer: np.ndarray, evaluation: np.ndarray
) -> int:
  """Returns the number of background classes, after checking the arrays."""
  shapes = [list(a.shape) for a in (label, drawer, evaluation)]
  if shapes != [[label.size]] * 3:
    raise ValueError(
      f'Expected {path} to have label, drawer and evaluation of one shape '
      f'[n], found {shapes}: replace it.'
    )
  classes = np.unique(label[evaluation == 0])
  is_held_out = (evaluation == 0) & (drawer > _NUM_TRAIN_DRAWERS)
  if not is_held_out.any():
    raise ValueError(
      f'Expected {path} to have a background set with drawers above '
      f'{_NUM_TRAIN_DRAWERS}, found drawers up to {drawer.max(initial=0)}: '
      'replace it.'
    )
  is_from_zero = np.array_equal(classes, np.arange(len(classes)))
  if not is_from_zero or not (evaluation == 1).any():
    raise ValueError(
      f'Expected {path} to have a background set with consecutive labels '
      f'from 0 and an evaluation set, found {len(classes)} labels up to '
      f'{classes.max(initial=0)} and {(evaluation == 1).sum()} examples: '
      'replace it.'
    )
  is_sound = drawer.dtype.kind in 'iu' and evaluation.dtype.kind in 'biu'
  if not is_sound or drawer.min() < 1 or evaluation.max() > 1:
    raise ValueError(
      f'Expected {path} to have integer drawers from 1 and evaluation of 0 '
      f'and 1, found {drawer.dtype} from {drawer.min()} and '
      f'{evaluation.dtype} up to {evaluation.max()}: replace it.'
    )
  return len(classes)


def _average_bits(bits: np.ndarray) -> np.ndarray:
  """Averages bits over the squares of a coarser grid, in integer arithmetic.

  Args:
    bits: uint8 `[n, 105, 14]`, packed.

  Returns:
    uint8 `[n, 28, 28, 1]`, 255 times the averages, rounded.
  """
  overlaps = _overlaps(_DRAWING_SIZE, IMAGE_SIZE)
  whole = int(overlaps[0].sum()) ** 2
  x = np.empty((len(bits), IMAGE_SIZE, IMAGE_SIZE, 1), np.uint8)
  for start in range(0, len(bits), _IMAGES_AT_ONCE):
    part = slice(start, start + _IMAGES_AT_ONCE)
    ink = np.unpackbits(bits[part], axis=2, count=_DRAWING_SIZE)
    # float32 represents these integers exactly, and multiplies fast.
    sums = overlaps @ ink.astype(np.float32) @ overlaps.T
    x[part, ..., 0] = (255 * sums.astype(np.int64) + whole // 2) // whole
  return x


def _overlaps(fine: int, coarse: int) -> np.ndarray:
  """Returns the overlaps of coarse and fine intervals, in common units."""
  unit = np.gcd(fine, coarse)
  fine_edges = np.arange(fine + 1) * (coarse // unit)
  coarse_edges = np.arange(coarse + 1) * (fine // unit)
  starts = np.maximum(fine_edges[:-1], coarse_edges[:-1, np.newaxis])
  ends = np.minimum(fine_edges[1:], coarse_edges[1:, np.newaxis])
  return np.maximum(ends - starts, 0).astype(np.float32)
