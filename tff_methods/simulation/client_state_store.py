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
"""What clients keep between their rounds, kept for them: in a simulation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
  """The states of clients, by client id and round, in files.

  Each client has a folder, and each version of its state a file in it, of the
  round after which it is the client's. A version is never changed, so a program
  that is killed finds those of its checkpoint whole:

      store.restore(round_num)  # That of the checkpoint, 0 without any.
      while ...:
        states = store.read(client_ids, round_num)
        ...
        round_num += 1
        store.write(round_num, new_states)
        if ...:
          store.save(round_num)
          ...  # Save the server's checkpoint.
          store.forget(round_num)

  Only some versions are there for ever to be read: of the rounds saved and not
  forgotten, of the last round written, and of the one before, so that it can be
  run again. That is three files for each client, four while there are two
  rounds saved. To ask for others is an error. A file is a number of arrays and
  then these, each as `np.save` writes it.

  Files are not forced to the disk, and so safe from a program's end, but not
  from the machine's; like the checkpoints of
  `tff.program.FileProgramStateManager`. What was used last the operating system
  still has in memory, as far as there is room, and writes it out behind; the
  store itself holds nothing for a client, so its memory does not grow with
  their number. Two processes must not use a directory at the same time.
  """

  def __init__(self, directory: str | None = None):
    """Looks at nothing, and changes nothing, in the directory.

    Args:
      directory: Where files are; made when first needed. `None` for a temporary
        one, which goes with the store.
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
    """Returns the states that clients have after a round.

    Args:
      client_ids: Any strings.
      round_num: The number of completed rounds.

    Returns:
      For each client the arrays that it left when it was last in a round;
      `None` if it was in none.

    Raises:
      ValueError: If the states after this round are not kept any longer, or a
        file is damaged.
    """
    is_new = not self._is_started
    self._start()
    if is_new and round_num > 0:
      raise ValueError(
        f'Expected the client states after round {round_num}, found a store '
        'that has none yet: restore those, with the files that have them.'
      )
    self._check_kept(operator.index(round_num))
    return [self._read(_key(client_id), round_num) for client_id in client_ids]

  def write(
    self, round_num: int, states: Mapping[str, Sequence[np.ndarray]]
  ) -> None:
    """Sets the states that clients have after a round.

    What was written for this round and later ones is dropped.

    Args:
      round_num: The number of completed rounds, this one among them.
      states: By client id.

    Raises:
      TypeError: If an array has no numeric dtype of NumPy's own.
      ValueError: If the states after the round before are not kept any longer.
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

  def save(self, round_num: int) -> None:
    """Keeps the states after a round until `forget`, whatever happens.

    To be called before the server's checkpoint of the round is saved. What was
    written for later rounds is dropped.

    Raises:
      ValueError: If the states after this round are not kept any longer.
    """
    round_num = operator.index(round_num)
    self._go_back(round_num)
    self._round = round_num
    if round_num not in self._saved_rounds:
      self._set_saved_rounds([*self._saved_rounds, round_num])

  def forget(self, round_num: int) -> None:
    """Stops keeping the states of rounds saved before a round.

    To be called once the server's checkpoint of the round is there. Files that
    nobody needs any more go when their client is next in a round.
    """
    self._start()
    self._set_saved_rounds([r for r in self._saved_rounds if r >= round_num])

  def restore(self, round_num: int) -> None:
    """Goes back to the states after a round: for a program that resumes.

    Args:
      round_num: That of the checkpoint; 0 removes all states.

    Raises:
      ValueError: If the states after this round were not saved here, or
        forgotten.
    """
    round_num = operator.index(round_num)
    if round_num == 0:
      self._remove_all()
    elif round_num not in (saved_rounds := self._read_saved_rounds()):
      raise ValueError(
        f'Expected {self._directory} to have the client states that were saved '
        f'after round {round_num}, found those of rounds {saved_rounds}: put '
        'back the files that go with the checkpoint, or start again.'
      )
    self._drop_later(round_num)
    self._is_started = True

  def _start(self) -> None:
    if not self._is_started and os.path.exists(self._states_path):
      raise ValueError(
        f'Expected no client states in {self._directory}, found those of an '
        'earlier program: call restore first.'
      )
    self._is_started = True

  def _check_kept(self, round_num: int) -> None:
    kept = (*self._saved_rounds, self._previous_round)
    if round_num < self._round and round_num not in kept:
      raise ValueError(
        f'Expected a round of which client states are kept, one of {kept} or '
        f'from {self._round} on, found {round_num}: save those to go back to.'
      )

  def _go_back(self, round_num: int) -> None:
    """Drops what was written for later rounds."""
    self._start()
    self._check_kept(round_num)
    if round_num < self._round:
      self._drop_later(round_num)

  def _drop_later(self, round_num: int) -> None:
    # First, so that what is dropped in part is not taken for whole.
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
    """The rounds after which a client's state is one of its own."""
    return [
      int(name.removesuffix(_SUFFIX))
      for name in _list(self._folder(key))
      if name.endswith(_SUFFIX)
    ]

  def _remove(self, key: str, versions: Iterable[int]) -> None:
    for version in versions:
      os.remove(self._path(key, version))

  def _remove_unfinished(self, key: str) -> None:
    """Removes what a program that was killed could not finish writing."""
    folder = self._folder(key)
    for name in _list(folder):
      if name.endswith(_TEMPORARY_SUFFIX):
        os.remove(os.path.join(folder, name))

  def _folder(self, key: str) -> str:
    # In shards, since file systems are slow with very many names in one.
    return os.path.join(self._states_path, key[:2], key)

  def _path(self, key: str, version: int) -> str:
    return os.path.join(self._folder(key), f'{version}{_SUFFIX}')

  def _remove_all(self) -> None:
    # First, so that what is removed in part is not taken for whole.
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
  """Returns a file name for any string, and never the same for two."""
  return hashlib.sha256(client_id.encode('utf-8', 'surrogatepass')).hexdigest()


def _newest(versions: Sequence[int], round_num: int) -> int:
  """Returns the newest version up to a round, 0 if there is none."""
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
    'back a copy of all files, with the checkpoint, or start again.'
  )


def _write_whole(path: str, write: Callable[[BinaryIO], object]) -> None:
  """Writes a file that is there as a whole or not at all."""
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
