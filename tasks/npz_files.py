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
"""Reading and checking of .npz files."""

from collections.abc import Sequence
import hashlib
import lzma
import zipfile
import zlib

import numpy as np

# Raised by `np.load` for files that are cut short or altered.
_NPZ_ERRORS = (
  EOFError,
  KeyError,
  OSError,
  ValueError,
  lzma.LZMAError,
  zipfile.BadZipFile,
  zlib.error,
)


def hash_files(paths: Sequence[str]) -> str:
  """Returns a hash of the contents of files, in this order."""
  digest = hashlib.sha256()
  for path in paths:
    with open(path, 'rb') as f:
      digest.update(hashlib.file_digest(f, 'sha256').digest())
  return digest.hexdigest()


def read_npz(path: str, names: Sequence[str]) -> list[np.ndarray]:
  """Reads arrays of an .npz file, and decompresses no others.

  Args:
    path: Path of the file.
    names: Names of the arrays.

  Returns:
    The arrays, in the order of `names`.

  Raises:
    ValueError: If the file is damaged or lacks an array.
  """
  try:
    with np.load(path) as arrays:
      missing = [name for name in names if name not in arrays]
      if not missing:
        return [arrays[name] for name in names]
  except _NPZ_ERRORS as e:
    raise ValueError(
      f'Expected {path} to be an .npz file with {", ".join(names)}, found a '
      f'file that cannot be read ({type(e).__name__}): replace it.'
    ) from e
  raise ValueError(
    f'Expected {path} to have {", ".join(names)}, found no '
    f'{", ".join(missing)}: replace it.'
  )


def check_labelled_images(
  path: str,
  x: np.ndarray,
  y: np.ndarray,
  shape: tuple[int, ...],
  *,
  num_classes: int,
  label_type: type[np.integer] = np.uint8,
) -> None:
  """Checks the types, shapes and labels of images read from a file.

  Args:
    path: Path of the file, for messages.
    x: Images, expected to be uint8.
    y: Labels, expected to be `[num_images]`.
    shape: Expected shape of the images.
    num_classes: Exclusive upper bound of the labels.
    label_type: Expected type of the labels.

  Raises:
    ValueError: If a type, a shape or a label differs, or there are no images.
  """
  is_sound = (
    (x.dtype, y.dtype) == (np.uint8, label_type)
    and (x.shape, y.shape) == (shape, (y.size,))
    and 0 < y.size
    and y.max() < num_classes
  )
  if not is_sound:
    raise ValueError(
      f'Expected {path} to have uint8 images {list(shape)} and '
      f'{np.dtype(label_type)} labels below {num_classes}, found {x.dtype} '
      f'{list(x.shape)} and {y.dtype} {list(y.shape)} up to '
      f'{y.max(initial=0)}: replace it.'
    )
