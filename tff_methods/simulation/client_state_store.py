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

from collections.abc import (
  Callable,
  Generator,
  Iterable,
  Mapping,
  Sequence,
)
from concurrent import futures
import contextlib
import hashlib
import operator
import os
import shutil
import tempfile
from typing import TypeVar
import weakref

import numpy as np

from tff_methods.simulation import client_state_files
from tff_methods.simulation import client_state_log
from tff_methods.simulation import store_files

_SAVED_ROUNDS = 'saved_rounds.json'
_LOG = 'versions.log'
_STATES = 'states'
_NUMERIC_KINDS = 'biufc'
# To hash and copy to and from the operating system's cache.
_NUM_THREADS = min(4, os.cpu_count() or 1)

_T = TypeVar('_T')
_R = TypeVar('_R')
State = client_state_files.State


class ClientStateStore:
  """Store of the states of clients in files, by client id and round.

  A state is a list of arrays. Rounds are numbers of completed rounds. A program
  reads and writes the states of each round's clients, and saves its own state
  within `checkpoint`:

      store = ClientStateStore('/tmp/run/client_states')
      # Round 0 if there is none.
      server_state, round_num, checksum = load_checkpoint()
      store.restore(round_num, checksum)
      while round_num < num_rounds:
        client_ids = sample_clients(round_num)
        states = store.read(client_ids, round_num)  # `None` for new clients.
        server_state, new_states = run_round(server_state, client_ids, states)
        round_num += 1
        store.write(round_num, dict(zip(client_ids, new_states)))
        if round_num % rounds_per_checkpoint == 0:
          with store.checkpoint(round_num) as checksum:
            save_checkpoint(server_state, round_num, checksum)

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
  while a checkpoint is incomplete.

  Damage is an error, `DamagedClientStatesError`, that names the file:

  *   Each file of a state ends with a SHA-256 of client, round and arrays,
      which each read verifies.
  *   `versions.log` has a line for each version written, with round, client and
      checksum. `saved_rounds.json` has the length and a checksum of this log
      for each checkpoint. `restore` verifies the log, and that the newest
      version of each client is the file that was written. It changes nothing
      before all is verified.

  Files that are removed while a program runs are not noticed by this program.

  The log takes about 135 bytes for each client in each round: 135 MB after
  10,000 rounds of 100 clients. While `restore` verifies it, it takes about
  0.5 KB of memory for each client that has a state. Otherwise the store keeps
  nothing in memory for a client but `cache_bytes` for all of them, so its
  memory does not grow with the number of clients. The operating system caches
  recently used files, too, and writes them to disk in the background.

  Files are not forced to the disk. They survive the end of the program, but not
  a crash of the machine, like the checkpoints of
  `tff.program.FileProgramStateManager`. Two processes must not use a directory
  at the same time.
  """

  def __init__(self, directory: str | None = None, cache_bytes: int = 0):
    """Initializes the store; neither reads nor changes the directory.

    Args:
      directory: Directory of the files, made when first needed. `None` makes a
        temporary directory, which is removed with the store.
      cache_bytes: Most bytes of states that stay in memory, too, once written,
        the most recently used ones. They are read from there, as read-only
        arrays; their files are verified by `restore` alone.
    """
    if directory is None:
      directory = tempfile.mkdtemp(prefix='client_states_')
      weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
    self._directory = os.path.abspath(directory)
    self._saved_rounds_path = os.path.join(self._directory, _SAVED_ROUNDS)
    self._files = client_state_files.ClientStateFiles(
      os.path.join(self._directory, _STATES), cache_bytes
    )
    self._log = client_state_log.ClientStateLog(
      os.path.join(self._directory, _LOG)
    )
    self._is_started = False
    self._is_whole = True  # Unless a call of `write` failed.
    self._saved_rounds: dict[int, client_state_log.Position] = {}
    # The last round written or saved, and the one before the last written.
    self._round = self._previous_round = 0
    # Ends of the log after these rounds.
    self._end = self._previous_end = client_state_log.START

  @property
  def last_round(self) -> int:
    """Last round that was written, saved or restored; 0 before the first."""
    return self._round

  def any_state(self, round_num: int) -> State | None:
    """Returns the state of some client after a round; `None` if there is none.

    Args:
      round_num: Number of completed rounds, whose states are kept.
    """
    states = (self._read(key, round_num) for key in self._files.keys())
    return next((state for state in states if state is not None), None)

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
      DamagedClientStatesError: If the file of a state is damaged.
      OSError: If a file cannot be read; has the name of the file.
      ValueError: If the states after this round are no longer kept.
    """
    is_new = not self._is_started
    self._start()
    if is_new and round_num > 0:
      raise ValueError(
        f'Expected the client states after round {round_num}, found a store '
        'without states: call restore first, with the files of that round.'
      )
    round_num = operator.index(round_num)  # NumPy's integers, too.
    self._check_kept(round_num)
    return _map(lambda i: self._read(_key(i), round_num), client_ids)

  def write(
    self, round_num: int, states: Mapping[str, Sequence[np.ndarray]]
  ) -> None:
    """Writes the states of clients after a round.

    States written earlier for this round and later ones are dropped. After an
    error, write the round again, or restore another.

    Args:
      round_num: Number of completed rounds, including this one.
      states: The new states, by client id.

    Raises:
      DamagedClientStatesError: If the log of versions is damaged.
      OSError: If a file cannot be written, such as on a full disk; has the name
        of the file.
      TypeError: If an array does not have a numeric dtype of NumPy.
      ValueError: If the states after the previous round are no longer kept.
    """
    for arrays in states.values():
      _check_numeric(arrays)
    round_num = operator.index(round_num)
    self._go_back(round_num - 1)
    self._round, self._previous_round = round_num, round_num - 1
    self._previous_end = self._end
    kept_rounds = [*self._saved_rounds, round_num - 1]

    def write(item):
      key, arrays = _key(item[0]), item[1]
      checksum = self._files.save(key, round_num, arrays)
      versions = self._files.versions(key)
      kept = {client_state_files.newest(versions, r) for r in kept_rounds}
      self._files.remove(key, set(versions) - kept - {round_num})
      return key, checksum

    self._is_whole = False
    checksums = _map(write, states.items())
    self._end = self._log.append(self._end, round_num, checksums)
    self._is_whole = True

  @contextlib.contextmanager
  def checkpoint(self, round_num: int) -> Generator[str, None, None]:
    """Keeps the states after a round while the caller saves its own state.

    Use it as `with store.checkpoint(round_num): save_checkpoint(...)`. From
    entry on, the states after this round are kept until a later checkpoint is
    complete; those of earlier checkpoints are kept until the body has
    completed. A program killed in between, or whose body raises, can `restore`
    either. States written for later rounds are dropped on entry.

    Args:
      round_num: Number of completed rounds of the caller's state.

    Yields:
      A checksum of the states that were written up to this round, in
      hexadecimal digits, for `restore`.

    Raises:
      OSError: If a file cannot be written; has the name of the file.
      ValueError: If the states after this round are no longer kept.
    """
    round_num = operator.index(round_num)
    self._save(round_num)
    yield self._saved_rounds[round_num].checksum
    self._forget_before(round_num)

  def restore(self, round_num: int, checksum: str | None = None) -> None:
    """Restores the states after a round, for a program that resumes.

    The states of other checkpoints are no longer kept. (An earlier one is left
    by a program that was killed at the end of `checkpoint`.)

    Args:
      round_num: Number of completed rounds of the checkpoint that the program
        resumes from; 0 removes all states.
      checksum: Checksum of this checkpoint; `None` if it was not kept, so that
        the states of another run of the same rounds would be taken.

    Raises:
      DamagedClientStatesError: If there was no checkpoint of this round in this
        directory, a later one was completed since, it has another checksum, or
        files of the checkpoint are damaged or missing. Nothing is changed then.
      OSError: If a file cannot be read or changed; has the name of the file.
    """
    round_num = operator.index(round_num)
    if round_num == 0:
      self._remove_all()
      end = client_state_log.START
    else:
      saved_rounds = self._read_saved_rounds()
      if round_num not in saved_rounds:
        raise store_files.damaged(
          f'{self._directory} to have the client states that were saved after '
          f'round {round_num}',
          f'those of rounds {list(saved_rounds)}',
        )
      end = saved_rounds[round_num]
      if checksum is not None and checksum != end.checksum:
        raise store_files.damaged(
          f'{self._directory} to have the client states with the checksum '
          f'{checksum}',
          f'those of another run, with {end.checksum}',
        )
      self._verify(round_num, end)
    self._drop_later(round_num, end)
    self._is_started = True
    self._forget_before(round_num)

  def _save(self, round_num: int) -> None:
    """Keeps the states after a round until `_forget_before`."""
    self._go_back(round_num)
    self._round = round_num
    if round_num not in self._saved_rounds:
      self._set_saved_rounds({**self._saved_rounds, round_num: self._end})

  def _forget_before(self, round_num: int) -> None:
    """Stops keeping the states of rounds saved before a round.

    Their files are removed when their clients are next in a round.
    """
    self._set_saved_rounds(
      {r: end for r, end in self._saved_rounds.items() if r >= round_num}
    )

  def _start(self) -> None:
    """Raises `ValueError` if an earlier program's states were not restored."""
    if not self._is_started and (
      os.path.exists(self._files.path) or os.path.exists(self._log.path)
    ):
      raise ValueError(
        f'Expected no client states in {self._directory}, found those of an '
        'earlier program: call restore first.'
      )
    self._is_started = True

  def _check_kept(self, round_num: int) -> None:
    """Raises `ValueError` if the states after a round are no longer kept."""
    if not self._is_whole and round_num >= self._round:
      raise ValueError(
        f'Expected the client states of round {self._round} to be written, '
        'found a write that failed: write them again, or restore a checkpoint.'
      )
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
      end = self._saved_rounds.get(round_num, self._previous_end)
      self._drop_later(round_num, end)

  def _drop_later(self, round_num: int, end: client_state_log.Position) -> None:
    """Drops the states of later rounds, and the log after its end."""
    # First, so that a round dropped in part is not taken for whole.
    saved_rounds = self._read_saved_rounds()
    self._set_saved_rounds(
      {r: saved for r, saved in saved_rounds.items() if r <= round_num}
    )
    for key in self._files.keys():
      self._files.remove(
        key, [v for v in self._files.versions(key) if v > round_num]
      )
      self._files.remove_unfinished(key)
    self._log.cut(end)
    self._round = self._previous_round = round_num
    self._end = self._previous_end = end
    self._is_whole = True

  def _verify(self, round_num: int, end: client_state_log.Position) -> None:
    """Raises `DamagedClientStatesError` if files are not those of the log."""
    newest = self._log.newest_versions(end)
    for key, (version, checksum) in newest.items():
      if self._files.stored_checksum(key, version) != checksum:
        raise store_files.damaged(
          f'a client state in {self._files.file(key, version)}',
          'a file that is damaged or of another run',
        )
    for key in self._files.keys():
      version = self._files.newest(key, round_num)
      if version and (key not in newest or version != newest[key].round_num):
        raise store_files.damaged(
          f'only client states that were written up to round {round_num}',
          f'{self._files.file(key, version)} of another run',
        )

  def _read(self, key: str, round_num: int) -> State | None:
    version = self._files.newest(key, round_num)
    return self._files.load(key, version) if version else None

  def _remove_all(self) -> None:
    # In this order, so that rounds removed in part are not taken for whole, and
    # the next program finds states as long as anything else is left.
    for path in (self._saved_rounds_path, self._log.path, self._files.path):
      if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
      elif os.path.lexists(path):
        os.remove(path)

  def _read_saved_rounds(self) -> dict[int, client_state_log.Position]:
    return client_state_log.read_saved_rounds(self._saved_rounds_path)

  def _set_saved_rounds(
    self, rounds: dict[int, client_state_log.Position]
  ) -> None:
    if rounds != self._read_saved_rounds():
      client_state_log.write_saved_rounds(self._saved_rounds_path, rounds)
    self._saved_rounds = rounds


def _key(client_id: str) -> str:
  """Returns a file name for any string, distinct for distinct strings."""
  return hashlib.sha256(client_id.encode('utf-8', 'surrogatepass')).hexdigest()


def _check_numeric(arrays: Sequence[np.ndarray]) -> None:
  for array in arrays:
    if array.dtype.kind not in _NUMERIC_KINDS:
      raise TypeError(
        "Expected client states of NumPy's own numeric dtypes, found "
        f'{array.dtype}: cast them.'
      )


def _map(fn: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
  """Returns the results of `fn`, which may run in several threads."""
  with futures.ThreadPoolExecutor(_NUM_THREADS) as executor:
    return list(executor.map(fn, items))
