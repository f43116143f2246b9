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
"""Store of the states that simulated clients keep between rounds."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
import contextlib
import hashlib
import json
import operator
import os
import shutil
import tempfile
from typing import BinaryIO
import weakref

import numpy as np

_SAVED_ROUNDS = 'saved_rounds.json'
_STATES = 'states'
_SUFFIX = '.npy'
_TEMPORARY_SUFFIX = '.temporary'
_NUMERIC_KINDS = 'biufc'

State = list[np.ndarray]


class ClientStateStore:
  """Store of the states of clients in files, by client id and round.

  A state is a list of arrays. Rounds are numbers of completed rounds. A program
  reads and writes the states of each round's clients, and saves its own state
  within `checkpoint`:

      store = ClientStateStore('/tmp/run/client_states')
      server_state, round_num = load_checkpoint()  # Round 0 if there is none.
      store.restore(round_num)
      while round_num < num_rounds:
        client_ids = sample_clients(round_num)
        states = store.read(client_ids, round_num)  # `None` for new clients.
        server_state, new_states = run_round(server_state, client_ids, states)
        round_num += 1
        store.write(round_num, dict(zip(client_ids, new_states)))
        if round_num % rounds_per_checkpoint == 0:
          with store.checkpoint(round_num):
            save_checkpoint(server_state, round_num)

  Killed at any point, the program resumes from its latest checkpoint with the
  client states of that round.

  Each client has a folder, with a file for each version of its state. A version
  is the client's state from one round to the client's next, and is never
  changed. Only these versions remain readable:

  *   those of the latest checkpoint, and of the one before until the latest is
      complete;
  *   those of the last round written;
  *   those of the round before it, so that the last round can be run again.

  Reading others raises an error. That is three files for each client, four
  while a checkpoint is incomplete. A file contains the number of arrays and
  then the arrays, each as `np.save` writes it.

  Files are not forced to the disk. They survive the end of the program, but not
  a crash of the machine, like the checkpoints of
  `tff.program.FileProgramStateManager`. The operating system caches recently
  used files as far as memory allows, and writes them to disk in the background.
  The store itself keeps nothing in memory for a client, so its memory does not
  grow with the number of clients. Two processes must not use a directory at the
  same time.
  """

  def __init__(self, directory: str | None = None):
    """Initializes the store; neither reads nor changes the directory.

    Args:
      directory: Directory of the files, made when first needed. `None` makes a
        temporary directory, which is removed with the store.
    """
    if directory is None:
      directory = tempfile.mkdtemp(prefix='client_states_')
      weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
    self._directory = os.path.abspath(directory)
    self._saved_rounds_path = os.path.join(self._directory, _SAVED_ROUNDS)
    self._states_path = os.path.join(self._directory, _STATES)
    self._is_started = False
    self._saved_rounds = []
    # The last round written or saved, and the one before the last written.
    self._round = self._previous_round = 0

  def read(
    self, client_ids: Sequence[str], round_num: int
  ) -> list[State | None]:
    """Returns the states of clients after a round.

    Args:
      client_ids: Client ids, any strings.
      round_num: Number of completed rounds.

    Returns:
      For each client the arrays that were written for its last round up to
      `round_num`; `None` if there was none.

    Raises:
      ValueError: If the states after this round are no longer kept, or a file
        is damaged.
    """
    is_new = not self._is_started
    self._start()
    if is_new and round_num > 0:
      raise ValueError(
        f'Expected the client states after round {round_num}, found a store '
        'without states: call restore first, with the files of that round.'
      )
    self._check_kept(operator.index(round_num))
    return [self._read(_key(client_id), round_num) for client_id in client_ids]

  def write(
    self, round_num: int, states: Mapping[str, Sequence[np.ndarray]]
  ) -> None:
    """Writes the states of clients after a round.

    States written earlier for this round and later ones are dropped.

    Args:
      round_num: Number of completed rounds, including this one.
      states: The new states, by client id.

    Raises:
      TypeError: If an array does not have a numeric dtype of NumPy.
      ValueError: If the states after the previous round are no longer kept.
    """
    for arrays in states.values():
      _check_numeric(arrays)
    round_num = operator.index(round_num)  # NumPy's integers, too.
    self._go_back(round_num - 1)
    self._round, self._previous_round = round_num, round_num - 1
    kept_rounds = [*self._saved_rounds, round_num - 1]
    for client_id, arrays in states.items():
      key = _key(client_id)
      _save(self._path(key, round_num), arrays)
      versions = self._versions(key)
      kept = {_newest(versions, r) for r in kept_rounds} | {round_num}
      self._remove(key, set(versions) - kept)

  @contextlib.contextmanager
  def checkpoint(self, round_num: int) -> Generator[None, None, None]:
    """Keeps the states after a round while the caller saves its own state.

    Use it as `with store.checkpoint(round_num): save_checkpoint(...)`. From
    entry on, the states after this round are kept until a later checkpoint is
    complete; those of earlier checkpoints are kept until the body has
    completed. A program killed in between, or whose body raises, can `restore`
    either. States written for later rounds are dropped on entry.

    Args:
      round_num: Number of completed rounds of the caller's state.

    Yields:
      Nothing.

    Raises:
      ValueError: If the states after this round are no longer kept.
    """
    self._save(operator.index(round_num))
    yield
    self._forget_before(round_num)

  def restore(self, round_num: int) -> None:
    """Restores the states after a round, for a program that resumes.

    The states of other checkpoints are no longer kept. (An earlier one is left
    by a program that was killed at the end of `checkpoint`.)

    Args:
      round_num: Number of completed rounds of the checkpoint that the program
        resumes from; 0 removes all states.

    Raises:
      ValueError: If there was no checkpoint of this round in this directory, or
        a later one was completed since.
    """
    round_num = operator.index(round_num)
    if round_num == 0:
      self._remove_all()
    elif round_num not in (saved_rounds := self._read_saved_rounds()):
      raise ValueError(
        f'Expected {self._directory} to have the client states that were saved '
        f'after round {round_num}, found those of rounds {saved_rounds}: put '
        'back the files of the checkpoint, or start again.'
      )
    self._drop_later(round_num)
    self._is_started = True
    self._forget_before(round_num)

  def _save(self, round_num: int) -> None:
    """Keeps the states after a round until `_forget_before`."""
    self._go_back(round_num)
    self._round = round_num
    if round_num not in self._saved_rounds:
      self._set_saved_rounds([*self._saved_rounds, round_num])

  def _forget_before(self, round_num: int) -> None:
    """Stops keeping the states of rounds saved before a round.

    Their files are removed when their clients are next in a round.
    """
    self._set_saved_rounds([r for r in self._saved_rounds if r >= round_num])

  def _start(self) -> None:
    """Raises `ValueError` if an earlier program's states were not restored."""
    if not self._is_started and os.path.exists(self._states_path):
      raise ValueError(
        f'Expected no client states in {self._directory}, found those of an '
        'earlier program: call restore first.'
      )
    self._is_started = True

  def _check_kept(self, round_num: int) -> None:
    """Raises `ValueError` if the states after a round are no longer kept."""
    kept = (*self._saved_rounds, self._previous_round)
    if round_num < self._round and round_num not in kept:
      raise ValueError(
        f'Expected a round whose client states are kept, one of {kept} or '
        f'from {self._round} on, found {round_num}: make a checkpoint of each '
        'round to go back to.'
      )

  def _go_back(self, round_num: int) -> None:
    """Drops the states written for later rounds."""
    self._start()
    self._check_kept(round_num)
    if round_num < self._round:
      self._drop_later(round_num)

  def _drop_later(self, round_num: int) -> None:
    # First, so that a round dropped in part is not taken for whole.
    self._set_saved_rounds(
      [r for r in self._read_saved_rounds() if r <= round_num]
    )
    for shard in _list(self._states_path):
      for key in _list(os.path.join(self._states_path, shard)):
        self._remove(key, [v for v in self._versions(key) if v > round_num])
        self._remove_unfinished(key)
    self._round = self._previous_round = round_num

  def _read(self, key: str, round_num: int) -> State | None:
    version = _newest(self._versions(key), round_num)
    return _load(self._path(key, version)) if version else None

  def _versions(self, key: str) -> list[int]:
    """Returns the rounds for which a client's state was written."""
    return [
      int(name.removesuffix(_SUFFIX))
      for name in _list(self._folder(key))
      if name.endswith(_SUFFIX)
    ]

  def _remove(self, key: str, versions: Iterable[int]) -> None:
    for version in versions:
      os.remove(self._path(key, version))

  def _remove_unfinished(self, key: str) -> None:
    """Removes files that a killed program did not finish writing."""
    folder = self._folder(key)
    for name in _list(folder):
      if name.endswith(_TEMPORARY_SUFFIX):
        os.remove(os.path.join(folder, name))

  def _folder(self, key: str) -> str:
    # In shards, since file systems are slow with very many names in a folder.
    return os.path.join(self._states_path, key[:2], key)

  def _path(self, key: str, version: int) -> str:
    return os.path.join(self._folder(key), f'{version}{_SUFFIX}')

  def _remove_all(self) -> None:
    # First, so that rounds removed in part are not taken for whole.
    if os.path.exists(self._saved_rounds_path):
      os.remove(self._saved_rounds_path)
    if os.path.exists(self._states_path):
      shutil.rmtree(self._states_path)

  def _read_saved_rounds(self) -> list[int]:
    try:
      with open(self._saved_rounds_path, encoding='utf-8') as f:
        return json.load(f)
    except FileNotFoundError:
      return []
    except ValueError as e:
      raise _damaged(self._saved_rounds_path) from e

  def _set_saved_rounds(self, rounds: Sequence[int]) -> None:
    if rounds != self._read_saved_rounds():
      _write_whole(
        self._saved_rounds_path, lambda f: f.write(json.dumps(rounds).encode())
      )
    self._saved_rounds = rounds


def _key(client_id: str) -> str:
  """Returns a file name for any string, distinct for distinct strings."""
  return hashlib.sha256(client_id.encode('utf-8', 'surrogatepass')).hexdigest()


def _newest(versions: Sequence[int], round_num: int) -> int:
  """Returns the newest version up to a round, 0 without any."""
  return max((v for v in versions if v <= round_num), default=0)


def _check_numeric(arrays: Sequence[np.ndarray]) -> None:
  for array in arrays:
    if array.dtype.kind not in _NUMERIC_KINDS:
      raise TypeError(
        "Expected client states of NumPy's own numeric dtypes, found "
        f'{array.dtype}: cast them.'
      )


def _save(path: str, arrays: Sequence[np.ndarray]) -> None:
  def write(f):
    # The number first, so that a file cut short is not taken for whole.
    for array in (np.array(len(arrays)), *arrays):
      np.save(f, array, allow_pickle=False)

  _write_whole(path, write)


def _load(path: str) -> State:
  with open(path, 'rb') as f:
    try:
      num_arrays = int(_load_array(f))
      arrays = [_load_array(f) for _ in range(num_arrays)]
      is_whole = not f.read(1)
    except OSError:
      raise
    except Exception as e:  # NumPy raises many kinds on damaged headers.
      raise _damaged(path) from e
  if not is_whole:
    raise _damaged(path)
  return arrays


def _load_array(f: BinaryIO) -> np.ndarray:
  return np.lib.format.read_array(f, allow_pickle=False)


def _damaged(path: str) -> ValueError:
  return ValueError(
    f'Expected a file of a ClientStateStore in {path}, found it damaged: put '
    'back a copy of all files and of the checkpoint, or start again.'
  )


def _write_whole(path: str, write: Callable[[BinaryIO], object]) -> None:
  """Writes a file atomically: readers find all of it or none."""
  os.makedirs(os.path.dirname(path), exist_ok=True)
  temporary_path = path + _TEMPORARY_SUFFIX
  with open(temporary_path, 'wb') as f:
    write(f)
  os.replace(temporary_path, path)


def _list(folder: str) -> list[str]:
  try:
    return os.listdir(folder)
  except (FileNotFoundError, NotADirectoryError):
    return []
