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
"""Client states in memory, up to a number of bytes."""

import collections
from collections.abc import Sequence
import threading

import numpy as np


class ClientStateCache:
  """Recent versions of client states; the least recently used leave first.

  May be used from several threads. Its arrays are read-only; they are copies,
  unless those that it got are read-only and own their memory.
  """

  def __init__(self, max_bytes: int):
    """Initializes the cache.

    Args:
      max_bytes: Most bytes of all arrays together.
    """
    self._max_bytes = max_bytes
    self._num_bytes = 0
    self._states: collections.OrderedDict[
      tuple[str, int], tuple[np.ndarray, ...]
    ] = collections.OrderedDict()
    self._lock = threading.Lock()

  def get(self, key: str, version: int) -> list[np.ndarray] | None:
    """Returns a version of a client's state; `None` if it is not here.

    Args:
      key: Key of the client.
      version: Version of its state.
    """
    with self._lock:
      arrays = self._states.get((key, version))
      if arrays is None:
        return None
      self._states.move_to_end((key, version))
      return list(arrays)

  def put(self, key: str, version: int, arrays: Sequence[np.ndarray]) -> None:
    """Keeps a version, if it fits, in place of an earlier one.

    Args:
      key: Key of the client.
      version: Version of its state.
      arrays: The state.
    """
    num_bytes = _num_bytes(arrays)
    is_kept = num_bytes <= self._max_bytes
    state = tuple(map(_read_only, arrays)) if is_kept else ()
    with self._lock:
      self._remove((key, version))
      if not is_kept:
        return
      self._states[key, version] = state
      self._num_bytes += num_bytes
      while self._num_bytes > self._max_bytes:
        self._remove(next(iter(self._states)))

  def remove(self, key: str, version: int) -> None:
    """Drops a version, if it is here.

    Args:
      key: Key of the client.
      version: Version of its state.
    """
    with self._lock:
      self._remove((key, version))

  def _remove(self, entry: tuple[str, int]) -> None:
    arrays = self._states.pop(entry, None)
    if arrays is not None:
      self._num_bytes -= _num_bytes(arrays)


def _num_bytes(arrays: Sequence[np.ndarray]) -> int:
  return sum(array.nbytes for array in arrays)


def _read_only(array: np.ndarray) -> np.ndarray:
  if array.flags.owndata and not array.flags.writeable:
    return array
  copy = np.array(array, order='C')
  copy.flags.writeable = False
  return copy
