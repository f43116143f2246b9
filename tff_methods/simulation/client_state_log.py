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
"""Log of the client states that a store wrote."""

from collections.abc import Iterable, Mapping
import hashlib
import json
import os
from typing import NamedTuple

from tff_methods.simulation import store_files

_MAX_LINE_SIZE = 1000  # Longer lines are damaged.


class Version(NamedTuple):
  """Version of the state of a client.

  Attributes:
    round_num: Number of completed rounds when the state was written.
    checksum: Checksum of its file, in hexadecimal digits.
  """

  round_num: int
  checksum: str


class Position(NamedTuple):
  """Position in the log, with a checksum of the lines before.

  Attributes:
    length: Number of bytes before the position.
    checksum: SHA-256, in hexadecimal digits: of nothing at the start, of the
      checksum before a line and the line after it.
  """

  length: int
  checksum: str

  def after(self, line: bytes) -> 'Position':
    """Returns the position after a line that begins here.

    Args:
      line: The line, with its end.
    """
    checksum = hashlib.sha256(self.checksum.encode() + line).hexdigest()
    return Position(self.length + len(line), checksum)


START = Position(0, hashlib.sha256().hexdigest())


class ClientStateLog:
  """Append-only file with a line for each version of a client's state.

  A line has the round, the key of the client and the checksum of the file of
  the state. Rounds never decrease from line to line.
  """

  def __init__(self, path: str):
    """Initializes the log; neither reads nor changes the file.

    Args:
      path: Path of the file, made when first needed.
    """
    self.path = path

  def append(
    self, end: Position, round_num: int, checksums: Iterable[tuple[str, str]]
  ) -> Position:
    """Appends the versions of a round.

    Args:
      end: End of the log.
      round_num: Number of completed rounds.
      checksums: Pairs of the key of a client and the checksum of its file.

    Returns:
      The new end of the log.

    Raises:
      DamagedClientStatesError: If the file does not end at `end`.
      OSError: If the file cannot be written; has the name of the file.
    """
    lines = [
      f'{round_num} {key} {checksum}\n'.encode() for key, checksum in checksums
    ]
    if not lines:
      return end
    os.makedirs(os.path.dirname(self.path), exist_ok=True)
    with store_files.naming(self.path), open(self.path, 'ab') as f:
      if f.tell() != end.length:
        raise self._damaged(end, f'one of {f.tell()} bytes')
      f.write(b''.join(lines))
    for line in lines:
      end = end.after(line)
    return end

  def cut(self, end: Position) -> None:
    """Removes all lines after a position.

    Args:
      end: New end of the log.

    Raises:
      OSError: If the file cannot be changed; has the name of the file.
    """
    try:
      if os.path.getsize(self.path) > end.length:
        os.truncate(self.path, end.length)
    except FileNotFoundError:
      pass

  def newest_versions(self, end: Position) -> dict[str, Version]:
    """Returns the newest version of each client up to a position.

    Args:
      end: The position, of an earlier end of the log.

    Returns:
      The versions by the keys of the clients.

    Raises:
      DamagedClientStatesError: If the log before the position is damaged.
      OSError: If the file cannot be read; has the name of the file.
    """
    position, versions = START, {}
    if position == end:
      return versions
    try:
      with store_files.naming(self.path), open(self.path, 'rb') as f:
        while position.length < end.length:
          line = f.readline(_MAX_LINE_SIZE)
          if not line:
            raise self._damaged(end, f'one of {position.length} bytes')
          position = position.after(line)
          round_num, key, checksum = line.decode().split()
          versions[key] = Version(int(round_num), checksum)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as e:
      raise self._damaged(end, 'none') from e
    except store_files.DamagedClientStatesError:
      raise
    except ValueError as e:
      raise self._damaged(end, 'a damaged one') from e
    if position != end:
      raise self._damaged(end, 'one with other contents')
    return versions

  def _damaged(self, end: Position, found: str) -> ValueError:
    return store_files.damaged(
      f'the log of client states in {self.path}, with at least the saved '
      f'{end.length} bytes',
      found,
    )


def read_saved_rounds(path: str) -> dict[int, Position]:
  """Reads the rounds that a store saved.

  Args:
    path: Path of the file.

  Returns:
    The ends of the log by rounds; empty if there is no file.

  Raises:
    DamagedClientStatesError: If the file is damaged.
    OSError: If the file cannot be read; has the name of the file.
  """
  try:
    with store_files.naming(path), open(path, 'rb') as f:
      contents = json.loads(f.read())
    if contents['sha256'] != _checksum(contents['rounds']):
      raise ValueError('Expected the checksum of the rounds, found another.')
    return {
      int(round_num): Position(int(length), str(checksum))
      for round_num, length, checksum in contents['rounds']
    }
  except FileNotFoundError:
    return {}
  # JSON may have any type, at any depth.
  except (
    *(ValueError, TypeError, KeyError, RecursionError, IsADirectoryError),
  ) as e:
    raise store_files.damaged(
      f'the saved rounds of a ClientStateStore in {path}',
      'a damaged file or other contents',
    ) from e


def write_saved_rounds(path: str, rounds: Mapping[int, Position]) -> None:
  """Writes the rounds that a store saved, atomically.

  Args:
    path: Path of the file.
    rounds: The ends of the log by rounds.

  Raises:
    OSError: If the file cannot be written; has the name of the file.
  """
  listed = [[round_num, *end] for round_num, end in rounds.items()]
  contents = json.dumps({'rounds': listed, 'sha256': _checksum(listed)})
  store_files.write_whole(path, lambda f: f.write(contents.encode()))


def _checksum(rounds: object) -> str:
  return hashlib.sha256(json.dumps(rounds).encode()).hexdigest()
