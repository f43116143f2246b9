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
"""Files of client states, with checksums."""

from collections.abc import Generator, Iterable, Iterator, Sequence
import contextlib
import hashlib
import io
import os
import re
from typing import Any, BinaryIO

import numpy as np

from tff_methods.simulation import client_state_cache
from tff_methods.simulation import store_files

State = list[np.ndarray]

_NAME = re.compile(r'([1-9][0-9]*)\.npy')
_CHECKSUM_SIZE = hashlib.sha256().digest_size
_CHUNK_SIZE = 2**18


class ClientStateFiles:
  """Files of the versions of client states, in a folder for each client.

  A file contains the number of arrays and the arrays, each as `np.save` writes
  it, and then the SHA-256 of the version, the key of the client, a newline and
  these contents.
  """

  def __init__(self, path: str, cache_bytes: int = 0):
    """Initializes the files; neither reads nor changes any.

    Args:
      path: Path of the folder of all clients, made when first needed.
      cache_bytes: Most bytes of written states that are also kept in memory,
        from which `load` takes them.
    """
    self.path = path
    self._cache = None
    if cache_bytes:
      self._cache = client_state_cache.ClientStateCache(cache_bytes)

  def keys(self) -> Iterator[str]:
    """Yields the keys of the clients that have folders."""
    for shard in store_files.list_folder(self.path):
      yield from store_files.list_folder(os.path.join(self.path, shard))

  def versions(self, key: str) -> list[int]:
    """Returns the rounds for which the state of a client was written.

    Args:
      key: Key of the client.
    """
    names = store_files.list_folder(self._folder(key))
    return [int(match[1]) for match in map(_NAME.fullmatch, names) if match]

  def newest(self, key: str, round_num: int) -> int:
    """Returns the newest version up to a round, 0 without any.

    Args:
      key: Key of the client.
      round_num: Number of completed rounds.
    """
    return newest(self.versions(key), round_num)

  def file(self, key: str, version: int) -> str:
    """Returns the path of a file.

    Args:
      key: Key of the client.
      version: Version of its state.
    """
    return os.path.join(self._folder(key), f'{version}.npy')

  def save(self, key: str, version: int, arrays: Sequence[np.ndarray]) -> str:
    """Writes a version, atomically.

    Args:
      key: Key of the client.
      version: Version of its state.
      arrays: The state.

    Returns:
      The checksum, in hexadecimal digits.

    Raises:
      OSError: If the file cannot be written; has the name of the file.
    """
    checksum = _new_checksum(key, version)

    def write(f):
      contents = _ChecksummedFile(f, checksum)
      # The number first, so that arrays at the end cannot be missing.
      for array in (np.array(len(arrays)), *arrays):
        _save_array(contents, np.asarray(array, order='C'))
      f.write(checksum.digest())

    store_files.write_whole(self.file(key, version), write)
    if self._cache is not None:
      self._cache.put(key, version, arrays)
    return checksum.hexdigest()

  def load(self, key: str, version: int) -> State:
    """Reads a version.

    Args:
      key: Key of the client.
      version: Version of its state.

    Returns:
      The state; read-only arrays if it is in memory.

    Raises:
      DamagedClientStatesError: If the file is missing or damaged, or is of
        another client or version, and the state is not in memory.
      OSError: If the file cannot be read; has the name of the file.
    """
    cached = self._cache and self._cache.get(key, version)
    if cached is not None:
      return cached
    path = self.file(key, version)
    with _reading(path) as f:
      checksum = _new_checksum(key, version)
      size = os.fstat(f.fileno()).st_size - _CHECKSUM_SIZE
      _read_into_checksum(f, size, checksum)
      if f.read() != checksum.digest():
        raise _damaged(path, 'it damaged, or of another client or round')
      f.seek(0)
      try:
        num_arrays = int(_load_array(f))
        return [_load_array(f) for _ in range(num_arrays)]
      except OSError:
        raise
      except Exception as e:  # NumPy raises many kinds on unknown headers.
        raise _damaged(path, 'other contents') from e

  def stored_checksum(self, key: str, version: int) -> str:
    """Returns the checksum at the end of a file, without verifying it.

    Args:
      key: Key of the client.
      version: Version of its state.

    Raises:
      DamagedClientStatesError: If the file is missing.
      OSError: If the file cannot be read; has the name of the file.
    """
    with _reading(self.file(key, version)) as f:
      size = os.fstat(f.fileno()).st_size
      f.seek(max(size - _CHECKSUM_SIZE, 0))
      return f.read().hex()

  def remove(self, key: str, versions: Iterable[int]) -> None:
    """Removes files.

    Args:
      key: Key of the client.
      versions: Versions of its state.
    """
    for version in versions:
      if self._cache is not None:
        self._cache.remove(key, version)
      os.remove(self.file(key, version))

  def remove_unfinished(self, key: str) -> None:
    """Removes files that a killed program did not finish writing.

    Args:
      key: Key of the client.
    """
    folder = self._folder(key)
    for name in store_files.list_folder(folder):
      if name.endswith(store_files.TEMPORARY_SUFFIX):
        os.remove(os.path.join(folder, name))

  def _folder(self, key: str) -> str:
    # In shards, since file systems are slow with very many names in a folder.
    return os.path.join(self.path, key[:2], key)


def newest(versions: Iterable[int], round_num: int) -> int:
  """Returns the newest version up to a round, 0 without any.

  Args:
    versions: Versions of the state of a client.
    round_num: Number of completed rounds.
  """
  return max((v for v in versions if v <= round_num), default=0)


def _new_checksum(key: str, version: int) -> Any:
  return hashlib.sha256(f'{version} {key}\n'.encode())


def _damaged(path: str, found: str) -> store_files.DamagedClientStatesError:
  return store_files.damaged(f'a client state in {path}', found)


@contextlib.contextmanager
def _reading(path: str) -> Generator[io.BufferedReader, None, None]:
  """Opens a file that the store wrote."""
  with store_files.naming(path):
    try:
      f = open(path, 'rb')
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as e:
      found = 'a directory' if isinstance(e, IsADirectoryError) else 'no file'
      raise _damaged(path, found) from e
    with f:
      yield f


class _ChecksummedFile:
  """File whose checksum is computed while it is written."""

  def __init__(self, f: BinaryIO, checksum: Any):
    self._file, self._checksum = f, checksum

  def write(self, data: Any) -> int:
    self._checksum.update(data)
    return self._file.write(data)


def _read_into_checksum(f: io.BufferedReader, size: int, checksum: Any) -> None:
  """Reads up to `size` bytes."""
  chunk = memoryview(bytearray(min(max(size, 0), _CHUNK_SIZE)))
  while size > 0 and (num_read := f.readinto(chunk[:size])):
    checksum.update(chunk[:num_read])
    size -= num_read


def _save_array(f: Any, array: np.ndarray) -> None:
  """Writes an array as `np.save` does, but without a copy of the values."""
  header = np.lib.format.header_data_from_array_1_0(array)
  np.lib.format.write_array_header_1_0(f, header)
  f.write(array.reshape(-1).view(np.uint8))


def _load_array(f: BinaryIO) -> np.ndarray:
  return np.lib.format.read_array(f, allow_pickle=False)
