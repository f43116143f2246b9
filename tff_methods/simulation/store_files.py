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
"""Files that are written whole, and errors that name files."""

from collections.abc import Callable, Generator
import contextlib
import errno
import os
from typing import BinaryIO

TEMPORARY_SUFFIX = '.temporary'


class DamagedClientStatesError(ValueError):
  """Client states are damaged, missing or those of another run."""


def damaged(expected: str, found: str) -> DamagedClientStatesError:
  """Returns the error of files that are not those that a store wrote.

  Args:
    expected: Contents that the store expects, with the path.
    found: Contents found.
  """
  return DamagedClientStatesError(
    f'Expected {expected}, found {found}: put back a copy of the run '
    'directory, or start again.'
  )


def write_whole(path: str, write: Callable[[BinaryIO], object]) -> None:
  """Writes a file atomically: readers find all of it or none.

  Args:
    path: Path of the file.
    write: Writes the contents into a file.

  Raises:
    OSError: If the file cannot be written; has the name of the file.
  """
  os.makedirs(os.path.dirname(path), exist_ok=True)
  temporary_path = path + TEMPORARY_SUFFIX
  try:
    with naming(path), open(temporary_path, 'wb') as f:
      write(f)
    os.replace(temporary_path, path)
  except OSError:
    with contextlib.suppress(OSError):  # Makes room on a full disk.
      os.remove(temporary_path)
    raise


@contextlib.contextmanager
def naming(path: str) -> Generator[None, None, None]:
  """Adds the name of a file to errors that lack it, such as of a full disk.

  Args:
    path: Path of the file.

  Yields:
    Nothing.

  Raises:
    OSError: If the body raises it.
  """
  try:
    yield
  except OSError as e:
    if e.filename is not None:
      raise
    raise OSError(e.errno or errno.EIO, e.strerror or str(e), path) from e


def list_folder(path: str) -> list[str]:
  """Returns the names in a folder; none if there is no such folder.

  Args:
    path: Path of the folder.
  """
  try:
    return os.listdir(path)
  except (FileNotFoundError, NotADirectoryError):
    return []
