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
"""Labelled images from files, or from what scikit-learn carries."""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
import lzma
import os
import zipfile
import zlib

import numpy as np
from sklearn import datasets as sklearn_datasets

NUM_CLASSES = 10

# What `np.load` raises for files that are cut short or altered.
_NPZ_ERRORS = (
  EOFError,
  KeyError,
  OSError,
  ValueError,
  lzma.LZMAError,
  zipfile.BadZipFile,
  zlib.error,
)


@dataclasses.dataclass(frozen=True)
class LabelledImages:
  """Images and their labels, split into training and held-out test data.

  Attributes:
    x_train: uint8 `[num_train, height, width, channels]`.
    y_train: uint8 `[num_train]`.
    x_test: uint8 `[num_test, height, width, channels]`.
    y_test: uint8 `[num_test]`.
  """

  x_train: np.ndarray
  y_train: np.ndarray
  x_test: np.ndarray
  y_test: np.ndarray


@dataclasses.dataclass(frozen=True)
class ImageSource:
  """Where labelled images come from.

  Attributes:
    fingerprint: A hash of all that `load` reads.
    load: Reads and decodes the images; raises `ValueError` if it cannot.
  """

  fingerprint: str
  load: Callable[[], LabelledImages]


def digits() -> ImageSource:
  """The 1,797 handwritten digits of 8x8 pixels that scikit-learn carries.

  Pixels are 0 (background) to 16. Every sixth example, beginning with the
  sixth, is held out for testing: 299 examples, and 1,498 to train on.
  """
  bunch = sklearn_datasets.load_digits()
  x = bunch.images.astype(np.uint8)[..., np.newaxis]
  y = bunch.target.astype(np.uint8)
  is_test = np.arange(len(y)) % 6 == 5
  images = LabelledImages(x[~is_test], y[~is_test], x[is_test], y[is_test])
  fingerprint = hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()
  return ImageSource(fingerprint, lambda: images)


def mnist(data_dir: str) -> ImageSource:
  """MNIST from `mnist.npz`: `x_train`, `y_train`, `x_test` and `y_test`.

  All are uint8; images are `[n, 28, 28]`, with 0 for the background.

  Args:
    data_dir: The directory that holds the file.

  Returns:
    A source of images of shape `[28, 28, 1]`.

  Raises:
    ValueError: If the file is missing.
  """
  (path,) = _find_files(data_dir, ['mnist.npz'])

  def load():
    names = ('x_train', 'y_train', 'x_test', 'y_test')
    x_train, y_train, x_test, y_test = _read_npz(path, names)
    for x, y in ((x_train, y_train), (x_test, y_test)):
      _check_arrays(path, x, y, (y.size, 28, 28))
    return LabelledImages(
      x_train[..., np.newaxis], y_train, x_test[..., np.newaxis], y_test
    )

  return ImageSource(_hash_files([path]), load)


def cifar10(data_dir: str) -> ImageSource:
  """CIFAR-10 from `cifar10_train_{0..4}.npz` and `cifar10_test.npz`.

  Each file has the labels `y`, uint8 `[n]`, and `x_delta`, uint8
  `[3, n, 32, 32]`. The three planes are green, red minus green and blue minus
  green, each as its mixed first differences along rows and columns, all modulo
  256.

  Args:
    data_dir: The directory that holds the files.

  Returns:
    A source of RGB images of shape `[32, 32, 3]`.

  Raises:
    ValueError: If a file is missing.
  """
  names = [f'cifar10_train_{i}.npz' for i in range(5)] + ['cifar10_test.npz']
  paths = _find_files(data_dir, names)

  def load():
    parts = [_load_cifar10_part(path) for path in paths]
    x_train = np.concatenate([x for x, _ in parts[:-1]])
    y_train = np.concatenate([y for _, y in parts[:-1]])
    return LabelledImages(x_train, y_train, *parts[-1])

  return ImageSource(_hash_files(paths), load)


def _load_cifar10_part(path: str) -> tuple[np.ndarray, np.ndarray]:
  delta, y = _read_npz(path, ('x_delta', 'y'))
  _check_arrays(path, delta, y, (3, y.size, 32, 32))
  planes = delta.cumsum(axis=2, dtype=np.uint8).cumsum(axis=3, dtype=np.uint8)
  green, red_minus_green, blue_minus_green = planes
  rgb = (red_minus_green + green, green, blue_minus_green + green)
  return np.stack(rgb, axis=-1), y


def _find_files(data_dir: str, names: Sequence[str]) -> list[str]:
  data_dir = os.path.expanduser(data_dir)
  paths = [os.path.join(data_dir, name) for name in names]
  for path in paths:
    if not os.path.isfile(path):
      raise ValueError(
        f'Expected the file {path}, found none: '
        f'`data_dir` must be a directory with {", ".join(names)}.'
      )
  return paths


def _hash_files(paths: Sequence[str]) -> str:
  digest = hashlib.sha256()
  for path in paths:
    with open(path, 'rb') as f:
      digest.update(hashlib.file_digest(f, 'sha256').digest())
  return digest.hexdigest()


def _read_npz(path: str, names: Sequence[str]) -> list[np.ndarray]:
  try:
    with np.load(path) as arrays:
      return [arrays[name] for name in names]
  except _NPZ_ERRORS as e:
    raise ValueError(
      f'Expected {path} to be an .npz file with {", ".join(names)}, found '
      f'that it cannot be read ({type(e).__name__}): replace it.'
    ) from e


def _check_arrays(
  path: str, x: np.ndarray, y: np.ndarray, shape: tuple[int, ...]
) -> None:
  is_sound = (
    (x.dtype, y.dtype) == (np.uint8, np.uint8)
    and (x.shape, y.shape) == (shape, (y.size,))
    and 0 < y.size
    and y.max() < NUM_CLASSES
  )
  if not is_sound:
    raise ValueError(
      f'Expected {path} to have uint8 images {list(shape)} and uint8 labels '
      f'below {NUM_CLASSES}, found {x.dtype} {list(x.shape)} and {y.dtype} '
      f'{list(y.shape)} up to {y.max(initial=0)}: replace it.'
    )
