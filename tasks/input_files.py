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
"""Access to data files with one-line errors; no TensorFlow or NumPy import."""

from collections.abc import Generator, Sequence
import contextlib
import dataclasses
import errno
import hashlib
import io
import os
import stat

# Size, time of the last change, device and inode.
_State = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class InputFiles:
  """Files that are hashed first, and read later.

  Attributes:
    paths: Paths of the files.
    fingerprint: SHA-256 of their contents, in this order.
  """

  paths: tuple[str, ...]
  fingerprint: str
  _states: tuple[_State, ...]

  @classmethod
  def hash(cls, paths: Sequence[str]) -> 'InputFiles':
    """Hashes files.

    Args:
      paths: Paths of the files.

    Returns:
      The files, with their fingerprint.

    Raises:
      ValueError: If a file cannot be read, or changes meanwhile.
    """
    states = tuple(map(_state, paths))
    digest = hashlib.sha256()
    for path in paths:
      digest.update(bytes.fromhex(hash_file(path)))
    files = cls(tuple(paths), digest.hexdigest(), states)
    files.check_unchanged()
    return files

  def check_unchanged(self) -> None:
    """Checks that the files are those that were hashed.

    Raises:
      ValueError: If a file was written, replaced or removed.
    """
    for path, state in zip(self.paths, self._states, strict=True):
      if _state(path) != state:
        raise _changed(path)

  @contextlib.contextmanager
  def reading(self) -> Generator[None, None, None]:
    """Context in which the files are read.

    Yields:
      Nothing.

    Raises:
      ValueError: If a file differs from the hashed one, at the end of the
        context. This error replaces other `ValueError`s, since a file that is
        being written looks damaged.
    """
    try:
      yield
    except ValueError:
      self.check_unchanged()
      raise
    self.check_unchanged()


def hash_file(path: str) -> str:
  """Returns the SHA-256 of a file, in hexadecimal digits.

  Args:
    path: Path of the file.

  Raises:
    ValueError: If the file cannot be read, or changes meanwhile.
  """
  with open_file(path) as f:
    before = os.fstat(f.fileno())
    try:
      digest = hashlib.file_digest(f, 'sha256').hexdigest()
    except OSError as e:
      raise cannot_read(path, e) from e
    after = os.fstat(f.fileno())
  if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
    raise _changed(path)
  return digest


def open_file(path: str) -> io.BufferedReader:
  """Opens a file to read bytes.

  Args:
    path: Path of the file.

  Returns:
    The file.

  Raises:
    ValueError: If there is no such file, it is a directory or another thing, or
      it cannot be opened.
  """
  try:
    mode = os.stat(path).st_mode
    # Opening a pipe waits for a writer.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
      raise OSError(errno.EINVAL, 'no regular file')
    return open(path, 'rb')
  except OSError as e:
    raise cannot_read(path, e) from e


def cannot_read(path: str, error: OSError) -> ValueError:
  """Returns the error to raise for a file that the system does not read.

  Args:
    path: Path of the file.
    error: Error of the system.
  """
  if isinstance(error, IsADirectoryError):
    found, remedy = 'a directory', 'replace it'
  elif isinstance(error, PermissionError):
    found, remedy = 'no permission', 'make it readable'
  elif isinstance(error, FileNotFoundError):
    found, remedy = 'none', 'put it there'
  else:
    found, remedy = error.strerror or type(error).__name__, 'replace it'
  return ValueError(
    f'Expected to read the file {path}, found {found}: {remedy}.'
  )


def _state(path: str) -> _State:
  try:
    found = os.stat(path)
  except OSError as e:
    raise cannot_read(path, e) from e
  return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino


def _changed(path: str) -> ValueError:
  return ValueError(
    f'Expected {path} to stay the same while it is read, found that it '
    'changed: run again when no program writes it.'
  )
