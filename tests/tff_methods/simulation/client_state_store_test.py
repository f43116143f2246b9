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
"""Tests for client_state_store.py."""

import contextlib
import gc
import inspect
import os
import pathlib
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import ml_dtypes
import numpy as np

from tff_methods.simulation import client_state_log
from tff_methods.simulation import client_state_store
from tff_methods.simulation import store_files


def _state(*values):
  return [np.array(values, np.float32)]


class _InterruptedError(Exception):
  """Raised by a program that cannot save its own state."""


class _History:
  """Model of a store: all versions ever written, in a dict.

  `begin_checkpoint` is a checkpoint whose body is interrupted.
  """

  def __init__(self):
    self.versions, self.saved, self.last, self.previous = {}, [], 0, 0

  def restore(self, round_num):
    self._drop_later(round_num)
    self.saved = [r for r in self.saved if r == round_num]

  def _drop_later(self, round_num):
    self.versions = {r: s for r, s in self.versions.items() if r <= round_num}
    self.saved = [r for r in self.saved if r <= round_num]
    self.last = self.previous = round_num

  def write(self, round_num, states):
    self._drop_later(round_num - 1)
    self.versions[round_num] = states
    self.last = round_num

  def begin_checkpoint(self, round_num):
    if round_num < self.last:
      self._drop_later(round_num)
    self.saved += [round_num] * (round_num > 0)

  @contextlib.contextmanager
  def checkpoint(self, round_num):
    self.begin_checkpoint(round_num)
    yield
    self.saved = [r for r in self.saved if r >= round_num]

  def is_kept(self, round_num):
    return round_num >= self.last or round_num in (*self.saved, self.previous)

  def read(self, client_ids, round_num):
    states = {}
    for r in sorted(self.versions):
      states.update(self.versions[r] if r <= round_num else {})
    return [states.get(client_id) for client_id in client_ids]


def _begin_checkpoint(store, round_num):
  """Keeps the states of a round, and those of the checkpoints before."""
  with contextlib.suppress(_InterruptedError), store.checkpoint(round_num):
    raise _InterruptedError


def _checkpoint(store, round_num):
  with store.checkpoint(round_num):
    pass


class StoreTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    parent = self.enter_context(tempfile.TemporaryDirectory())
    self.parent = pathlib.Path(parent)
    self.directory = self.parent / 'store'

  def store(self, round_num=None, cache_bytes=0):
    """Returns the store of a new program, resumed from a round if given."""
    store = client_state_store.ClientStateStore(
      str(self.directory), cache_bytes
    )
    if round_num is not None:
      store.restore(round_num)
    return store

  @contextlib.contextmanager
  def copied(self):
    """Has `store` use a copy of the files."""
    original = self.directory
    with tempfile.TemporaryDirectory() as parent:
      self.directory = pathlib.Path(parent) / 'store'
      if original.exists():
        shutil.copytree(original, self.directory)
      try:
        yield
      finally:
        self.directory = original

  def run_rounds(self, store, rounds, ids='a', saved=()):
    """Writes rounds, and begins checkpoints of those in `saved`."""
    for round_num in rounds:
      store.write(round_num, {i: _state(round_num) for i in ids})
      if round_num in saved:
        _begin_checkpoint(store, round_num)

  def assert_states(self, found, expected):
    """Compares dtypes, shapes and bits."""
    for state, arrays in zip(found, expected, strict=True):
      self.assertEqual(state is None, arrays is None)
      for a, b in zip(state or (), arrays or (), strict=True):
        self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape))
        self.assertEqual(a.tobytes(), b.tobytes())

  def assert_read(self, store, round_num, **expected):
    self.assert_states(store.read(list(expected), round_num), expected.values())

  def assert_error(self, regex, fn, *args, error=ValueError):
    with self.assertRaisesRegex(error, regex) as raised:
      fn(*args)
    self.assertNotIn('\n', str(raised.exception))


class RoundsTest(StoreTestCase):
  def test_reads_newest_version_up_to_round(self):
    store = self.store()
    self.assert_read(store, 0, a=None, b=None)
    self.run_rounds(store, (3, 7), saved=(3, 7))
    self.run_rounds(store, [8], 'b')
    self.run_rounds(store, [11])
    for round_num, version in {3: 3, 7: 7, 10: 7, 11: 11, 100: 11}.items():
      self.assert_read(store, round_num, never=None, a=_state(version))
    self.assert_read(store, 7, b=None)
    self.assert_read(store, 10, b=_state(8))

  def test_client_skipped_for_20_rounds_finds_its_state(self):
    store = self.store()
    self.run_rounds(store, [1], 'ab')
    for round_num in range(2, 22):
      self.run_rounds(store, [round_num], 'b')
      if round_num % 5 == 0:
        _checkpoint(store, round_num)
    self.assert_read(store, 21, a=_state(1), b=_state(21))

  def test_round_that_is_run_again_replaces_it_and_later_ones(self):
    store = self.store()
    self.run_rounds(store, (1, 2, 3), 'ab', saved=(1, 2, 3))
    store.write(np.int64(2), {'b': _state(-2)})  # NumPy's integers, too.
    _begin_checkpoint(store, np.int64(2))
    self.assert_read(store, 100, a=_state(1), b=_state(-2))
    store.write(2, {})
    self.assert_read(store, 100, a=_state(1), b=_state(1))
    for round_num in (2, 3):
      self.assert_error('found those of', self.store, round_num)

  def test_write_drops_rounds_saved_ahead(self):
    store = self.store()
    self.run_rounds(store, [3])
    _begin_checkpoint(store, 10)
    with contextlib.suppress(ValueError):  # To refuse either would do, too.
      self.run_rounds(store, [5])
    with contextlib.suppress(ValueError):
      self.assert_read(self.store(10), 10, a=_state(3))

  # Rounds that run within the body of a checkpoint, and files of a client.
  @parameterized.parameters((0, 3), (2, 4))
  def test_number_of_files_of_a_client(self, num_rounds_within, most):
    store, found = self.store(), []

    def run_rounds(rounds):
      for round_num in rounds:
        self.run_rounds(store, [round_num])
        found.append(len(list(self.directory.rglob('*.npy'))))

    run_rounds(range(1, 6))
    for round_num in range(5, 30, 5):
      with store.checkpoint(round_num):
        run_rounds(range(round_num + 1, round_num + 1 + num_rounds_within))
      run_rounds(range(round_num + 1 + num_rounds_within, round_num + 6))
    self.assertEqual(max(found), most)

  def test_states_not_kept_are_an_error(self):
    store = self.store()
    self.run_rounds(store, range(1, 4), saved=[1])
    _checkpoint(store, 3)
    self.run_rounds(store, range(4, 7))
    calls = (
      lambda r: store.read([], r),
      lambda r: store.write(r + 1, {}),
      lambda r: _checkpoint(store, r),
    )
    for fn in calls:
      for round_num in (-1, 0, 1, 2, 4):
        message = r'one of \(3, 5\) or from 6 on, found {}: make a checkpoint'
        self.assert_error(message.format(round_num), fn, round_num)
    for round_num in (3, 5, 6):  # Nothing was done.
      self.assert_read(store, round_num, a=_state(round_num))

  def test_checkpoint_within_a_round_drops_the_states_written_in_it(self):
    store = self.store()
    self.run_rounds(store, (1, 2, 3))
    _begin_checkpoint(store, 2)
    for checked in (store, self.store(2)):
      self.assert_read(checked, 3, a=_state(2))

  def test_earlier_checkpoint_is_kept_until_the_later_is_complete(self):
    store = self.store()
    self.run_rounds(store, range(1, 5), 'ab')
    self.run_rounds(store, range(5, 11), 'a', saved=(5, 10))
    resumed = self.store(5)  # Killed before it saved its state of round 10.
    self.assert_read(resumed, 10, a=_state(5), b=_state(4))
    _checkpoint(resumed, 6)
    self.assert_error(r'round 5, found those of .* \[6\]', self.store, 5)

  def test_restore_ends_other_checkpoints(self):
    store = self.store()
    # Killed after it saved its state of round 10, before the checkpoint ended.
    self.run_rounds(store, range(1, 11), saved=(5, 10))
    self.assert_read(self.store(10), 10, a=_state(10))
    self.assert_error(r'round 5, found those of .* \[10\]', self.store, 5)

  def test_error_in_a_checkpoint_is_raised(self):
    store = self.store()
    self.run_rounds(store, [1])
    with self.assertRaises(_InterruptedError), store.checkpoint(1):
      raise _InterruptedError
    self.assert_read(self.store(1), 1, a=_state(1))

  def test_restore_zero_removes_all_states(self):
    store = self.store()
    self.run_rounds(store, [1], saved=[1])
    for emptied in (self.store(0), store):
      emptied.restore(0)
      self.assert_read(emptied, 100, a=None)
      self.assertIn(os.listdir(self.directory), ([], ['saved_rounds.json']))
      self.assert_error('after round 1, found', self.store, 1)
      self.run_rounds(emptied, [1], saved=[1])

  def _assert_leaves_alone(self, round_num, name):
    store = self.store(0)
    other = self.directory / name
    other.parent.mkdir(parents=True)
    other.write_text('mine')
    self.run_rounds(store, [1], saved=[1])
    store.restore(round_num)
    self.assertEqual(other.read_text(), 'mine')

  @parameterized.parameters((0, 'x.npy'), (1, 'x.npy'), (1, 'a/b/x.npy'))
  def test_restore_leaves_files_of_others_alone(self, round_num, name):
    self._assert_leaves_alone(round_num, name)

  def test_restore_zero_leaves_folders_of_others_alone(self):
    self._assert_leaves_alone(0, 'a/b/x.npy')

  def test_states_of_another_run_are_an_error(self):
    checksums = []
    for value in (1, 2):
      directory = str(self.parent / str(value))
      store = client_state_store.ClientStateStore(directory)
      store.write(1, {'a': [np.float32([value])]})
      with store.checkpoint(1) as checksum:
        checksums.append(checksum)
    again = client_state_store.ClientStateStore(directory)
    again.restore(1, checksums[1])
    self.assert_error(
      f'checksum {checksums[0]}, found those of another run',
      again.restore,
      1,
      checksums[0],
    )

  def test_restore_of_round_never_saved_is_an_error(self):
    message = 'saved after round 5, found those of rounds {}: put back a'
    self.assert_error(message.format(r'\[\]'), self.store, 5)
    store = self.store()
    self.run_rounds(store, (4, 5), saved=[4])
    for restore in (self.store, store.restore):
      self.assert_error(message.format(r'\[4\]'), restore, 5)
    self.assert_read(store, 5, a=_state(5))

  def test_states_of_earlier_program_without_restore_are_an_error(self):
    self.run_rounds(self.store(), [1], saved=[1])
    message = (
      f'Expected no client states in {self.directory}, .*: call restore first'
    )
    self.assert_error(message, self.store().read, ['a'], 1)
    self.assert_error(message, self.store().write, 1, {})
    self.assert_error(message, _checkpoint, self.store(), 1)
    self.assert_read(self.store(1), 1, a=_state(1))

  def test_restore_that_failed_is_no_restore(self):
    self.run_rounds(self.store(), [1], saved=[1])
    store = self.store()
    self.assertRaises(ValueError, store.restore, 7)
    self.assert_error('call restore first', store.read, ['a'], 1)


class ContentsTest(StoreTestCase):
  def test_any_client_id(self):
    ids = ['', '.', '..', 'a/b', '/etc/passwd', 'a\0b\n', 'x' * 100_000, ' ']
    ids += ['a', 'A', 'é', 'e\u0301', '🙂', '\ud83d\ude42', '\ud800', '?']
    states = {client_id: _state(n) for n, client_id in enumerate(ids)}
    store = self.store()
    store.write(1, states)
    self.assert_read(store, 1, **states)
    self.assertEqual(os.listdir(self.parent), ['store'])

  def test_arrays_come_back_bitwise(self):
    arrays = [
      np.array([0x7FC00001, 0xFFA12345], '<u4').view('<f4'),  # NaN payloads.
      *(np.array([0.0, -0.0, 1e-45]), np.float32(-0.0), np.array(True)),
      *(np.zeros((0,)), np.zeros((3, 0, 2), np.int8), np.arange(300_000)),
      *(np.array([1.5, np.inf], np.float16), np.array([[1 + 2j, -0.0j]])),
      *(np.arange(5, dtype='>i4'), np.arange(6.0).reshape(2, 3).T),
      np.arange(60).reshape(3, 4, 5)[::2, ::-1, 1::2],
      np.broadcast_to(np.arange(3), (4, 3)),
    ]
    store = self.store()
    store.write(1, {'a': arrays, 'b': []})
    self.assert_read(store, 1, a=arrays, b=[])

  def test_caller_may_change_arrays(self):
    store, arrays = self.store(), [np.zeros(3)]
    store.write(1, {'a': arrays})
    for _ in range(2):
      arrays[0][:] = 1
      arrays.append(arrays[0])
      self.assert_read(store, 1, a=[np.zeros(3)])
      (arrays,) = store.read(['a'], 1)

  def test_states_in_memory_are_those_of_the_files(self):
    store, array = self.store(cache_bytes=1000), np.zeros(3)
    store.write(1, {'a': [array]})
    array[:] = 1
    for path in self.directory.rglob('*.npy'):
      path.write_bytes(b'')  # Not read.
    self.assert_read(store, 1, a=[np.zeros(3)])
    ((read,),) = store.read(['a'], 1)
    with self.assertRaisesRegex(ValueError, 'read-only'):
      read[:] = 1

  @parameterized.parameters(
    'O', 'S3', 'U3', 'M8[s]', 'V4', [[('a', 'f4')]], ml_dtypes.bfloat16
  )
  def test_dtype_that_is_not_numeric_is_an_error(self, dtype):
    states = {'b': _state(2), 'a': [np.zeros(1), np.zeros(1, dtype)]}
    message = "of NumPy's own numeric dtypes, found .*: cast them"
    self.assert_error(message, self.store().write, 1, states, error=TypeError)
    self.assertFalse(self.directory.exists())

  def _assert_damaged(self, change):
    store = self.store()
    store.write(1, {'a': [np.arange(100.0), np.arange(5)]})
    (path,) = self.directory.rglob('*.npy')
    path.write_bytes(change(path.read_bytes()))
    message = f'in {path}, found it damaged, or of another .*: put back'
    self.assert_error(message, store.read, ['a'], 1)

  @parameterized.parameters(
    *(lambda whole, n=n: whole[:n] for n in (1, 100, 500, 930, 1000, -1)),
    lambda whole: b'garbage',
    lambda whole: bytes(len(whole)),
    lambda whole: whole + b'\0',
    lambda whole: whole.replace(b'(100,), }  ', b'(99999,), }'),
  )
  def test_damaged_file_is_an_error(self, change):
    self._assert_damaged(change)

  @parameterized.parameters(
    lambda whole: b'',
    lambda whole: whole[: 128 + 800],
    lambda whole: whole.replace(b'\x93NUM', b'PK\3\4'),
    lambda whole: whole.replace(b'(100,)', b'(100, '),
  )
  def test_file_damaged_in_other_ways_is_an_error(self, change):
    self._assert_damaged(change)

  def test_damaged_list_of_rounds_is_an_error(self):
    self.run_rounds(self.store(), [1], saved=[1])
    path = self.directory / 'saved_rounds.json'
    path.write_text('[1')
    self.assert_error(f'in {path}, found a damaged file', self.store, 1)
    self.assert_read(self.store(0), 1, a=None)  # To start again.

  def test_nothing_is_on_disk_before_it_is_needed(self):
    store = self.store(0)
    self.assertEqual(store.read(['a'], 0), [None])
    store.write(1, {})
    self.assertFalse(self.directory.exists())

  def test_temporary_directory_goes_with_store(self):
    with mock.patch.object(tempfile, 'tempdir', str(self.parent)):
      store = client_state_store.ClientStateStore()
    self.run_rounds(store, [1], saved=[1])
    self.assertLen(list(self.parent.rglob('*.npy')), 1)
    del store
    gc.collect()
    self.assertEmpty(os.listdir(self.parent))

  def test_memory_does_not_grow_with_clients(self):
    store, sizes = self.store(), []
    for t in range(10, 20):
      self.run_rounds(store, [t], [f'{t}/{i}' for i in range(25)])
      _checkpoint(store, t)
      sizes.append(len(pickle.dumps(vars(store))))
    self.assertLen(set(sizes[1:]), 1)  # Log positions of two rounds.


class RandomHistoryTest(StoreTestCase):
  # The states of no client, of about three, and of all stay in memory.
  @parameterized.product(seed=(0, 1, 2, 3), cache_bytes=(0, 100, 10_000))
  def test_agrees_with_history(self, seed, cache_bytes):
    generator = random.Random(seed)
    store = self.store(cache_bytes=cache_bytes)
    history, num_refused = _History(), 0
    for step in range(200):
      name = generator.choice(
        ['write'] * 6 + ['begin_checkpoint'] * 2 + ['checkpoint', 'new']
      )
      any_round = generator.randrange(history.last + 1)
      round_num = generator.choice(
        [history.last] * 6 + [history.previous, *history.saved, any_round]
      )
      args, must_do = [round_num], history.is_kept(round_num)
      if name == 'write':
        cohort = generator.sample('abcde', generator.randrange(4))
        args = [round_num + 1, {i: _state(step, ord(i)) for i in cohort}]
      elif name == 'new':  # Killed.
        args = [generator.choice([0, *history.saved * 9])]
        store = self.store(cache_bytes=cache_bytes)
        name, must_do = 'restore', True
      try:
        if name == 'begin_checkpoint':
          _begin_checkpoint(store, *args)
        elif name == 'checkpoint':
          _checkpoint(store, *args)
          _checkpoint(history, *args)
        else:
          getattr(store, name)(*args)
        if name != 'checkpoint':
          getattr(history, name)(*args)
      except ValueError:
        self.assertFalse(must_do)
      # All rounds at times, and always those that this step may have changed.
      rounds = {history.last, history.previous, *history.saved, any_round}
      if step % 10 == 0:
        rounds.update(range(history.last + 2))
      for r in (*rounds, 1000):
        try:
          found = store.read('abcde', r)
        except ValueError:
          self.assertFalse(history.is_kept(r))
          num_refused += 1
        else:
          self.assert_states(found, history.read('abcde', r))
    self.assertGreater(num_refused, 5)


class _KilledError(BaseException):
  pass


class _KillableFile:
  """File that is written through `kill`, which may write a part."""

  def __init__(self, file, kill):
    self._file, self._kill = file, kill

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self._file.close()

  def __getattr__(self, name):
    return getattr(self._file, name)

  def write(self, data):
    if len(data) >= 100:  # All but those of NumPy's smallest arrays.
      self._kill(lambda: self._file.write(data[: len(data) // 2]))
    return self._file.write(data)


@contextlib.contextmanager
def _killed_at(num_operations):
  """Ends the program at an operation on files, before or within it."""
  left = iter(range(num_operations))

  def kill(do_in_part=lambda: None):
    if next(left, None) is None:
      do_in_part()
      raise _KilledError  # Later operations raise it too.

  def killable(module, name):
    original = getattr(module, name)

    def call(*args, **kwargs):
      kill()
      return original(*args, **kwargs)

    return mock.patch.object(module, name, call)

  def killable_open(path, mode):
    if 'r' in mode:
      return open(path, mode)
    kill()
    return _KillableFile(open(path, mode), kill)

  names = ('replace', 'remove', 'unlink', 'rmdir', 'makedirs', 'truncate')
  with contextlib.ExitStack() as patches:
    for name in names:
      patches.enter_context(killable(os, name))
    for module in (store_files, client_state_log):
      patches.enter_context(
        mock.patch.object(module, 'open', killable_open, create=True)
      )
    yield


_CLIENTS = [f'client {i}' for i in range(6)]


def _run(store, first, last, save_program):
  """Runs a program: a pure function of the states that it reads."""
  for t in range(first + 1, last + 1):
    cohort = random.Random(t).sample(_CLIENTS, 3)
    states = store.read(cohort, t - 1)
    olds = [0.0 if state is None else state[0][0] for state in states]
    news = [np.float32(old * 0.9 + t + n) for n, old in enumerate(olds)]
    store.write(
      t, {i: [np.full(5000, new)] for i, new in zip(cohort, news, strict=True)}
    )
    if t % 3 == 0:
      with store.checkpoint(t):
        save_program(t)


def _straight_run(last):
  history = _History()  # It keeps all versions.
  _run(history, 0, last, lambda t: None)
  return lambda r: dict(zip(_CLIENTS, history.read(_CLIENTS, r), strict=True))


class KilledTest(StoreTestCase):
  def test_killed_at_every_operation(self):
    rounds = 7
    expected = _straight_run(rounds)
    for num_operations in range(1000):
      store, checkpoints = self.store(0), [0]
      try:
        with _killed_at(num_operations):
          _run(store, 0, rounds, checkpoints.append)
          # Stopped within the last round.
          _begin_checkpoint(store, rounds - 1)
        break
      except _KilledError:
        pass
      # Killed again, while it resumes and in its first rounds.
      store = self.store()
      with contextlib.suppress(_KilledError), _killed_at(num_operations % 17):
        store.restore(checkpoints[-1])
        _run(store, checkpoints[-1], rounds, checkpoints.append)
      saved_round = checkpoints[-1]
      store = self.store(saved_round)
      self.assertEmpty(list(self.directory.rglob('*.npy.temporary')))
      for round_num in (saved_round, saved_round + 100):
        self.assert_read(store, round_num, **expected(saved_round))
      _run(store, saved_round, rounds, checkpoints.append)
      self.assert_read(store, rounds, **expected(rounds))
    self.assertEqual(checkpoints, [0, 3, 6])
    self.assertGreater(num_operations, 60)  # So it was killed that often.

  @parameterized.parameters(
    (lambda store: store.restore(0), 0),
    (lambda store: store.restore(2), 2),
    (lambda store: _begin_checkpoint(store, 2), 2),
    (lambda store: store.write(3, {'a': _state(5)}), 2),
  )
  def test_killed_while_it_goes_back(self, go_back, target):
    for num_operations in range(1000):
      store = self.store(0)
      self.run_rounds(store, range(1, 5), 'abc', saved=range(1, 5))
      try:
        with _killed_at(num_operations):
          go_back(store)
        break
      except _KilledError:
        pass
      # A part of later states may be gone: restoring them is an error then.
      for round_num in (3, 4):
        with self.copied(), contextlib.suppress(ValueError):
          state = _state(round_num)
          store = self.store(round_num)
          self.assert_read(store, round_num, a=state, b=state, c=state)
      state = _state(target) if target else None
      self.assert_read(self.store(target), 4, a=state, b=state, c=state)
    self.assertGreater(num_operations, 5)


# Packages without their `__init__`, whose imports take seconds.
_PROGRAM = f"""
import random, sys, types
import numpy as np
for name in ('tff_methods', 'tff_methods.simulation'):
  sys.modules[name] = types.ModuleType(name)
  sys.modules[name].__path__ = [sys.argv[1]]
from tff_methods.simulation import client_state_store

_CLIENTS = {_CLIENTS}
{inspect.getsource(_run)}
store = client_state_store.ClientStateStore(sys.argv[2])
first = int(sys.argv[3])
store.restore(first)
_run(store, first, 10**9, lambda t: print(t, flush=True))
"""


class SigkillTest(StoreTestCase):
  def test_killed_program_resumes_as_if_never_killed(self):
    folder, last = os.path.dirname(client_state_store.__file__), 0
    for n in range(6):
      args = [sys.executable, '-c', _PROGRAM, folder, self.directory, str(last)]
      with subprocess.Popen(args, stdout=subprocess.PIPE) as program:
        checkpoints = program.stdout.readline()
        time.sleep(random.Random(n).uniform(0, 0.1))
        program.kill()
        checkpoints += program.stdout.read()
      self.assertEqual(program.returncode, -signal.SIGKILL)
      last = int(checkpoints.split()[-1])
    self.assert_read(self.store(last), last, **_straight_run(last)(last))


if __name__ == '__main__':
  absltest.main()
