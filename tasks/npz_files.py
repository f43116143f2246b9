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
"""Arrays in .npz files, checked before they are read."""

from collections.abc import Sequence
import io
import math
from typing import cast, NamedTuple
import warnings
import zipfile

import numpy as np

from tasks import input_files

_COMPRESSIONS = (
  zipfile.ZIP_STORED,
  zipfile.ZIP_DEFLATED,
  zipfile.ZIP_BZIP2,
  zipfile.ZIP_LZMA,
)
_ENCRYPTED = 1  # Bit of a member's flags.
_NUMBERS = 'biuf'  # Booleans, integers and floats.
_TEXT = 'US'
_OTHER_KINDS = {
  'c': 'complex numbers',
  'M': 'dates',
  'm': 'durations',
  'O': 'Python objects',
  'S': 'strings',
  'U': 'strings',
  'V': 'records',
}
# NumPy parses no longer headers.
_MAX_HEADER_BYTES = 10_000
_CHUNK_BYTES = 2**24


class _DamageError(Exception):
  """Damage. The message continues "Expected FILE to be an .npz file with"."""


class _MissingError(Exception):
  """Missing arrays, as a complete message."""


class _Header(NamedTuple):
  """Header of an array.

  Attributes:
    shape: Shape of the array.
    is_fortran: If true, the first index changes fastest.
    dtype: Type of the entries.
    num_bytes: Length of the header in the file.
  """

  shape: tuple[int, ...]
  is_fortran: bool
  dtype: np.dtype
  num_bytes: int


def read_npz(
  path: str, names: Sequence[str], *, has_text: bool = False
) -> list[np.ndarray]:
  """Reads arrays of numbers of an .npz file, and decompresses no others.

  Memory is not allocated before the header of an array agrees with its size in
  the file.

  Args:
    path: Path of the file.
    names: Names of the arrays.
    has_text: If true, arrays may also be of strings (types `U` and `S`).

  Returns:
    The arrays, in the order of `names`: of booleans, integers or floats.

  Raises:
    ValueError: If the file cannot be read or is damaged, or an array is missing
      or of another type.
  """
  listed = ', '.join(names)
  kinds = _NUMBERS + _TEXT if has_text else _NUMBERS
  with input_files.open_file(path) as f:
    try:
      with zipfile.ZipFile(f) as archive:
        members = _find_members(path, archive, names)
        return [
          _read_array(archive, name, member, kinds)
          for name, member in zip(names, members, strict=True)
        ]
    except _MissingError as e:
      raise ValueError(str(e)) from None
    except _DamageError as e:
      raise ValueError(
        f'Expected {path} to be an .npz file with {listed}, found {e}'
      ) from None
    # The errors of zip files and decompressors have a dozen types.
    except Exception as e:
      raise ValueError(
        f'Expected {path} to be an .npz file with {listed}, found '
        f'{_describe(f)} that cannot be read ({type(e).__name__}): replace it.'
      ) from e


def _find_members(
  path: str, archive: zipfile.ZipFile, names: Sequence[str]
) -> list[zipfile.ZipInfo]:
  """Returns the members of arrays, after checking that they can be read."""
  found = {
    info.filename.removesuffix('.npy'): info for info in archive.filelist
  }
  missing = [name for name in names if name not in found]
  if missing:
    raise _MissingError(
      f'Expected {path} to have {", ".join(names)}, found no '
      f'{", ".join(missing)}: replace it.'
    )
  for name in names:
    if found[name].flag_bits & _ENCRYPTED:
      raise _DamageError(f'`{name}` encrypted: save it without a password.')
    if found[name].compress_type not in _COMPRESSIONS:
      raise _DamageError(
        f'`{name}` compressed by the unknown method '
        f'{found[name].compress_type}: save it with numpy.savez_compressed.'
      )
  return [found[name] for name in names]


def _read_array(
  archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo, kinds: str
) -> np.ndarray:
  with archive.open(member) as f:
    header = _read_header(name, f.read(_MAX_HEADER_BYTES))
    if header.dtype.kind not in kinds:
      raise _DamageError(
        f'{_OTHER_KINDS.get(header.dtype.kind, "no numbers")} in `{name}`: '
        'save numbers.'
      )
    num_bytes = math.prod(header.shape) * header.dtype.itemsize
    if header.num_bytes + num_bytes != member.file_size:
      raise _DamageError(
        f'{member.file_size - header.num_bytes} bytes in `{name}`, whose '
        f'header claims {_amount(num_bytes)}: replace it.'
      )
    try:
      data = np.empty(math.prod(header.shape), header.dtype)
    except MemoryError:
      raise _DamageError(
        f'`{name}` of {_amount(num_bytes)} bytes, more than the free memory: '
        'take a smaller data set.'
      ) from None
    f.seek(header.num_bytes)
    _read_into(cast(io.BufferedIOBase, f), name, data)
  if header.is_fortran:
    return data.reshape(header.shape[::-1]).transpose()
  return data.reshape(header.shape)


def _read_header(name: str, start: bytes) -> _Header:
  """Parses the header of an array, given the first bytes of its member."""
  f = io.BytesIO(start)
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')  # Damage can look like odd Python.
      version = np.lib.format.read_magic(f)
      if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(f)
      else:  # Version 3.0 differs in names of columns only.
        header = np.lib.format.read_array_header_2_0(f)
  # NumPy has Python parse the header, whose errors have many types.
  except Exception as e:
    raise _DamageError(
      f'a broken header of `{name}` ({type(e).__name__}): replace it.'
    ) from e
  shape, is_fortran, dtype = header
  if any(isinstance(n, bool) or n < 0 for n in shape):
    raise _DamageError(f'negative sizes in the shape of `{name}`: replace it.')
  return _Header(shape, is_fortran, dtype, f.tell())


def _read_into(f: io.BufferedIOBase, name: str, data: np.ndarray) -> None:
  """Reads a whole array, and so verifies the checksum of its member."""
  view = data.view(np.uint8).data
  start = 0
  while start < len(view):
    # Memory that is not written to is not taken from the system.
    num_read = f.readinto(view[start : start + _CHUNK_BYTES])
    if not num_read:
      raise _DamageError(
        f'the end of `{name}` after {start} of {len(view)} bytes: replace it.'
      )
    start += num_read
  f.read(1)


def _amount(number: int) -> str:
  return str(number) if number < 10**18 else 'over 10^18'


def _describe(f: io.BufferedReader) -> str:
  """Returns the kind of a file that is no zip file."""
  f.seek(0)
  is_npy = f.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
  return 'a single array, written by numpy.save,' if is_npy else 'a file'


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
