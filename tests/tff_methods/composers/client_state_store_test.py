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
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tff_methods.composers import client_state_store

_NO_MEMORY = 0
_ONE_STATE = 1000
_TWO_STATES = 2000
_ALL = 2**30


class _History:
  """What a store must answer: all versions ever written, in a dict."""

  def __init__(self):
    self.rounds = {}  # From a round to the states written in it.
    self.saved = []
    self.exact_from = 0  # From that round on, everything is kept.

  def write(self, round_num, states):
    self.go_back(round_num - 1)
    self.rounds[round_num] = states
    self.exact_from = round_num - 1

  def go_back(self, round_num):
    if any(r > round_num for r in self.rounds):
      self.exact_from = round_num
    self.rounds = {r: s for r, s in self.rounds.items() if r <= round_num}
    self.saved = [r for r in self.saved if r <= round_num]

  def save(self, round_num):
    self.go_back(round_num)
    self.saved.append(round_num)

  def forget(self, round_num):
    self.saved = [r for r in self.saved if r >= round_num]
    self.exact_from = max(self.exact_from, round_num)

  def is_kept(self, round_num):
    return round_num >= self.exact_from or round_num in (0, *self.saved)

  def read(self, client_id, round_num):
    state = None
    for r in sorted(self.rounds):
      if r <= round_num:
        state = self.rounds[r].get(client_id, state)
    return state


def _state(*values):
  return [np.array(values, np.float32)]


def _files(directory):
  paths = pathlib.Path(directory).rglob('*')
  return sorted(str(p.relative_to(directory)) for p in paths if p.is_file())


def _versions(directory):
  return [name for name in _files(directory) if '_after_' in name]


class StoreTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.parent = self.enter_context(tempfile.TemporaryDirectory())
    self.directory = os.path.join(self.parent, 'store')

  def store(self, max_bytes_in_memory=_NO_MEMORY):
    return client_state_store.ClientStateStore(
      self.directory, max_bytes_in_memory=max_bytes_in_memory
    )

  def assert_state(self, found, expected):
    """Compares dtypes, shapes and bits."""
    if expected is None:
      self.assertIsNone(found)
      return
    self.assertLen(found, len(expected))
    for a, b in zip(found, expected, strict=True):
      self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape))
      self.assertEqual(a.tobytes(), b.tobytes())

  def assert_read(self, store, client_id, round_num, expected):
    self.assert_state(store.read([client_id], round_num)[0], expected)

  def assert_one_line(self, regex, fn, *args, error=ValueError):
    with self.assertRaisesRegex(error, regex) as raised:
      fn(*args)
    self.assertNotIn('\n', str(raised.exception))


class VersionsTest(StoreTestCase):
  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_client_never_seen_has_no_state(self, max_bytes):
    store = self.store(max_bytes)
    self.assertEqual(store.read(['a', 'b'], 0), [None, None])
    store.write(1, {'a': _state(1)})
    found = store.read(['b', 'a', 'b'], 1)
    self.assertIsNone(found[0])
    self.assert_state(found[1], _state(1))
    self.assertIsNone(found[2])
    self.assertEqual(store.read([], 1), [])

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_reads_newest_version_up_to_round(self, max_bytes):
    store = self.store(max_bytes)
    store.write(3, {'a': _state(3)})
    store.write(7, {'a': _state(7)})
    for round_num, expected in {
      0: None,
      2: None,
      3: _state(3),
      6: _state(3),
      7: _state(7),
      100: _state(7),
    }.items():
      self.assert_read(store, 'a', round_num, expected)

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_client_skipped_for_20_rounds_finds_its_state(self, max_bytes):
    store = self.store(max_bytes)
    store.write(1, {'a': _state(1, 2, 3), 'b': _state(0)})
    for round_num in range(2, 22):
      store.write(round_num, {'b': _state(round_num)})
      if round_num % 5 == 0:
        store.save(round_num)
        store.forget(round_num)
    self.assert_read(store, 'a', 21, _state(1, 2, 3))
    self.assert_read(store, 'b', 21, _state(21))

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_round_that_is_run_again_replaces_all_of_it(self, max_bytes):
    store = self.store(max_bytes)
    store.write(1, {'a': _state(1), 'b': _state(10), 'c': _state(100)})
    store.write(2, {'a': _state(2), 'b': _state(20)})
    store.write(2, {'b': _state(21)})
    self.assert_read(store, 'a', 2, _state(1))
    self.assert_read(store, 'b', 2, _state(21))
    self.assert_read(store, 'c', 2, _state(100))

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_write_drops_later_rounds(self, max_bytes):
    store = self.store(max_bytes)
    for round_num in (1, 2, 3, 4):
      store.write(round_num, {f'client {round_num}': _state(round_num)})
    store.write(2, {'b': _state(-2)})
    for round_num, expected in {1: _state(1), 2: None, 3: None}.items():
      self.assert_read(store, f'client {round_num}', 100, expected)
    self.assert_read(store, 'b', 100, _state(-2))

  def test_empty_round_drops_later_rounds(self):
    store = self.store()
    store.write(1, {'a': _state(1)})
    store.write(2, {'a': _state(2)})
    store.write(2, {})
    self.assert_read(store, 'a', 2, _state(1))

  def test_round_numbers_may_be_numpy_integers(self):
    store = self.store()
    store.write(np.int64(1), {'a': _state(1)})
    store.save(np.int64(1))
    store.forget(np.int32(1))
    resumed = self.store()
    resumed.restore(np.int64(1))
    self.assert_read(resumed, 'a', np.int64(1), _state(1))

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_round_gone_back_to_is_kept(self, max_bytes):
    store = self.store(max_bytes)
    for round_num in (1, 2):
      store.write(round_num, {'a': _state(round_num)})
    store.restore(1)
    for round_num in (2, 3, 4):
      store.write(round_num, {'a': _state(-round_num)})
    self.assert_read(store, 'a', 1, _state(1))
    store.restore(1)
    self.assert_read(store, 'a', 4, _state(1))

  def test_superseded_versions_between_saves_are_removed(self):
    store = self.store()
    for round_num in range(1, 10):
      store.write(round_num, {'a': _state(round_num)})
      if round_num in (3, 5):
        store.save(round_num)
    # Of both saves, of a program that stops in round 9, and of round 9.
    rounds = [
      int(os.path.basename(name)[:10]) for name in _versions(self.directory)
    ]
    self.assertEqual(rounds, [3, 5, 8, 9])
    for round_num in rounds:
      self.assert_read(store, 'a', round_num, _state(round_num))

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_state_lost_between_saves_is_an_error(self, max_bytes):
    store = self.store(max_bytes)
    for round_num in (1, 2, 3, 4):
      store.write(round_num, {'a': _state(round_num)})
    for round_num in (1, 2):
      self.assert_one_line(
        f"found round {round_num}, after which that of client 'a' is not; read "
        r'the latest or one of rounds \[0\]\.',
        store.read,
        ['a'],
        round_num,
      )
    for fn in (store.save, store.restore, lambda r: store.write(r + 1, {})):
      self.assert_one_line(
        r'Expected to go back .* found round 2, some of whose are not; go back '
        r'to one of rounds \[0\]\.',
        fn,
        2,
      )
    self.assert_read(store, 'a', 3, _state(3))
    self.assert_read(store, 'a', 4, _state(4))


class CheckpointTest(StoreTestCase):
  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_save_outlives_store(self, max_bytes):
    store = self.store(max_bytes)
    store.write(1, {'a': _state(1), 'b': _state(10)})
    store.write(2, {'a': _state(2)})
    store.save(2)
    resumed = self.store(max_bytes)
    resumed.restore(2)
    self.assert_read(resumed, 'a', 2, _state(2))
    self.assert_read(resumed, 'b', 2, _state(10))

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_save_amid_a_round_drops_what_was_written_of_it(self, max_bytes):
    store = self.store(max_bytes)
    for round_num in (1, 2, 3):
      store.write(round_num, {'a': _state(round_num)})
    store.save(2)
    for checked in (store, self.store()):
      self.assert_read(checked, 'a', 2, _state(2))
    resumed = self.store(max_bytes)
    resumed.restore(2)
    self.assert_read(resumed, 'a', 3, _state(2))

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_earlier_save_is_whole_until_forgotten(self, max_bytes):
    store = self.store(max_bytes)
    for round_num in range(1, 6):
      store.write(round_num, {'a': _state(round_num), 'b': _state(-round_num)})
    store.save(5)
    for round_num in range(6, 11):
      store.write(round_num, {'a': _state(round_num)})
    store.save(10)
    resumed = self.store(max_bytes)  # Killed before its checkpoint was there.
    resumed.restore(5)
    self.assert_read(resumed, 'a', 10, _state(5))
    self.assert_read(resumed, 'b', 10, _state(-5))

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_forget_keeps_one_version_of_each_client(self, max_bytes):
    store = self.store(max_bytes)
    for round_num in range(1, 7):
      store.write(round_num, {'a': _state(round_num)})
      store.save(round_num)
    store.write(7, {'b': _state(7)})
    store.save(7)
    self.assertLen(_versions(self.directory), 7)
    store.forget(7)
    self.assertLen(_versions(self.directory), 2)
    self.assert_read(store, 'a', 7, _state(6))
    self.assert_one_line('Expected a round whose', store.read, ['a'], 5)
    self.assert_one_line('Expected to go back', store.restore, 5)

  def test_forget_keeps_later_versions_and_removes_them_in_turn(self):
    store = self.store()
    for round_num in (1, 2, 3, 4):
      store.write(round_num, {'a': _state(round_num)})
      store.save(round_num)
    store.forget(2)
    for round_num in (2, 3, 4):
      self.assert_read(store, 'a', round_num, _state(round_num))
    store.forget(4)
    self.assertLen(_versions(self.directory), 1)

  def test_first_forget_after_resuming_removes_what_was_left(self):
    store = self.store()
    for round_num in (1, 2):
      store.write(round_num, {'a': _state(round_num)})
      store.save(round_num)
    resumed = self.store()  # Killed before it could forget.
    resumed.restore(2)
    resumed.write(3, {'b': _state(3)})
    resumed.save(3)
    resumed.forget(3)
    self.assertLen(_versions(self.directory), 2)

  def test_forget_when_more_clients_wrote_than_are_listed(self):
    with mock.patch.object(client_state_store, '_MAX_LISTED_CLIENTS', 3):
      store = self.store()
      store.forget(0)
      for round_num in (1, 2):
        store.write(round_num, {str(i): _state(i) for i in range(10)})
        store.save(round_num)
      self.assertLen(_versions(self.directory), 20)
      store.forget(2)
    self.assertLen(_versions(self.directory), 10)

  @parameterized.parameters(_NO_MEMORY, _ONE_STATE, _ALL)
  def test_restore_zero_is_empty(self, max_bytes):
    store = self.store(max_bytes)
    store.write(1, {'a': _state(1)})
    store.save(1)
    resumed = self.store(max_bytes)
    for emptied in (resumed, store):
      emptied.restore(0)
      self.assert_read(emptied, 'a', 100, None)
      self.assertEmpty(_files(self.directory))
    store.write(1, {'b': _state(2)})
    store.save(1)
    self.assert_read(self.store(), 'a', 1, None)

  def test_restore_leaves_files_of_others_alone(self):
    os.makedirs(self.directory)
    other = pathlib.Path(self.directory, 'other')
    other.write_text('mine')
    store = self.store()
    store.write(1, {'a': _state(1)})
    store.restore(0)
    self.assertEqual(_files(self.directory), ['other'])

  def test_restore_of_states_never_saved_is_an_error(self):
    self.assert_one_line(
      r'to have the states of clients that were saved after round 4, found '
      r'those of rounds \[\]; restore one of these, or 0 to start again\.',
      self.store().restore,
      4,
    )
    store = self.store()
    store.write(4, {'a': _state(4)})
    store.save(4)
    store.write(5, {'a': _state(5)})
    for fn in (
      self.store().restore,
      self.store().save,
      self.store().forget,
      lambda r: self.store().read(['a'], r),
      lambda r: self.store().write(r + 1, {}),
    ):
      self.assert_one_line(r'saved after round 5, found .* \[4\];', fn, 5)
    self.assert_read(store, 'a', 5, _state(5))

  def test_new_store_that_writes_drops_what_is_later(self):
    store = self.store()
    for round_num in (1, 2):
      store.write(round_num, {'a': _state(round_num), 'b': _state(0)})
      store.save(round_num)
    self.assert_read(self.store(), 'a', 1, _state(1))  # Drops nothing.
    resumed = self.store()
    resumed.write(2, {'b': _state(20)})
    self.assert_read(resumed, 'a', 2, _state(1))
    self.assert_one_line('saved after round 2', self.store().restore, 2)

  @parameterized.parameters('not JSON', '7', '[1.5]', '["a"]')
  def test_damaged_list_of_rounds_is_an_error(self, contents):
    store = self.store()
    store.write(1, {'a': _state(1)})
    store.save(1)
    pathlib.Path(self.directory, 'saved_rounds.json').write_text(contents)
    self.assert_one_line(
      'saved_rounds.json to hold a list of rounds, found a damaged file; put '
      'back a copy of the whole directory, or restore round 0 to start again',
      self.store().restore,
      1,
    )
    resumed = self.store()
    resumed.restore(0)
    self.assertEmpty(_files(self.directory))


class ContentsTest(StoreTestCase):
  @parameterized.product(
    client_id=(
      '',
      '.',
      '..',
      'a/b',
      '/etc/passwd',
      'a\0b\n',
      'x' * 100_000,
      'é',
      'e\u0301',
      '日本🙂',
      '\ud800',
    ),
    max_bytes=(_NO_MEMORY, _ALL),
  )
  def test_any_client_id(self, client_id, max_bytes):
    store = self.store(max_bytes)
    others = ['A', 'a', ' ']
    store.write(1, {i: _state(n) for n, i in enumerate([client_id, *others])})
    store.save(1)
    store = self.store()
    store.restore(1)
    for n, i in enumerate([client_id, *others]):
      self.assert_read(store, i, 1, _state(n))
    self.assertEqual(os.listdir(self.parent), ['store'])

  @parameterized.named_parameters(
    ('no_array', []),
    ('nan_payloads', [np.array([0x7FC00001, 0xFFA12345], '<u4').view('<f4')]),
    ('zeros', [np.array([0.0, -0.0]), np.float32(-0.0), np.int8(3)]),
    ('denormals', [np.array([1e-45, -1e-45], np.float32)]),
    ('no_element', [np.zeros((0,)), np.zeros((3, 0, 2), np.int8)]),
    ('no_dimension', [np.array(7, np.int64), np.array(True)]),
    ('halves', [np.array([1.5, np.inf], np.float16)]),
    ('big_endian', [np.arange(5, dtype='>i4')]),
    ('complex', [np.array([[1 + 2j, -0.0j]])]),
    ('text', [np.array(['a', 'bcd']), np.array([b'', b'x'])]),
    ('fields', [np.zeros(2, [('a', '<f4'), ('b', 'i1')])]),
    ('transposed', [np.arange(6.0).reshape(2, 3).T]),
    ('strided', [np.arange(60).reshape(3, 4, 5)[::2, ::-1, 1::2]]),
    ('shared', [np.broadcast_to(np.arange(3), (4, 3))]),
    ('lists', [[1.0, 2.0], 3]),
    ('large', [np.random.default_rng(0).bytes(1_000_000), np.arange(100_000)]),
  )
  def test_arrays_come_back_bitwise(self, arrays):
    expected = [np.array(a) for a in arrays]
    for max_bytes in (_NO_MEMORY, _ALL):
      store = self.store(max_bytes)
      store.restore(0)
      store.write(1, {'a': arrays})
      self.assert_read(store, 'a', 1, expected)
      store.save(1)
      self.assert_read(self.store(max_bytes), 'a', 1, expected)

  @parameterized.parameters(_NO_MEMORY, _ALL)
  def test_arrays_are_nobody_elses_to_change(self, max_bytes):
    store = self.store(max_bytes)
    array = np.zeros(3)
    arrays = [array]
    store.write(1, {'a': arrays})
    array[:] = 1
    arrays.append(array)
    for _ in range(2):
      found = store.read(['a'], 1)[0]
      with self.assertRaisesRegex(ValueError, 'read-only'):
        found[0][0] = 5
      found.append(array)
      self.assert_read(store, 'a', 1, [np.zeros(3)])

  @parameterized.parameters(
    (np.array([object()]), 'object'),
    (np.array([{}, 'a'], dtype=object), 'object'),
    (np.zeros(1, [('a', object)]), r"\[\('a', 'O'\)\]"),
  )
  def test_array_that_needs_pickling_is_an_error(self, array, name):
    store = self.store()
    store.write(1, {'a': _state(1)})
    self.assert_one_line(
      f"Expected client states of NumPy's own .* found {name}; cast it",
      store.write,
      1,
      {'b': _state(2), 'a': [array]},
      error=TypeError,
    )
    self.assert_read(store, 'a', 1, _state(1))  # Nothing was done.
    self.assert_read(store, 'b', 1, None)

  def test_dtype_of_another_package_is_an_error(self):
    import ml_dtypes

    self.assert_one_line(
      'found bfloat16; cast it',
      self.store().write,
      1,
      {'a': [np.zeros(2, ml_dtypes.bfloat16)]},
      error=TypeError,
    )

  def test_client_id_that_is_no_string_is_an_error(self):
    message = 'Expected client ids to be str, found'
    for found in (b'a', 1, None):
      self.assert_one_line(
        message, self.store().read, [found], 0, error=TypeError
      )
      self.assert_one_line(
        message, self.store().write, 1, {found: []}, error=TypeError
      )

  def test_round_out_of_range_is_an_error(self):
    store = self.store()
    message = 'Expected a round number of at least {}, found {}.'
    for fn in (
      lambda r: store.read([], r),
      store.save,
      store.forget,
      store.restore,
    ):
      self.assert_one_line(message.format(0, -1), fn, -1)
    self.assert_one_line(message.format(1, 0), store.write, 0, {})
    with self.assertRaises(TypeError):
      store.write(1.0, {})

  def test_negative_bound_is_an_error(self):
    self.assert_one_line(
      'Expected max_bytes_in_memory of at least 0, found -1.', self.store, -1
    )

  def test_damaged_file_is_an_error(self):
    store = self.store()
    store.write(1, {'a': [np.arange(100.0), np.array(['x', 'y'])]})
    (name,) = _versions(self.directory)
    path = pathlib.Path(self.directory, name)
    whole = path.read_bytes()
    damaged = {length: whole[:length] for length in range(0, len(whole), 7)}
    damaged['longer'] = whole + b'\0'
    damaged['a state more'] = whole + whole
    damaged['magic'] = b'\0' + whole[1:]
    huge = whole.replace(b'(100,), }  ', b'(99999,), }')
    self.assertLen(huge, len(whole))
    self.assertNotEqual(huge, whole)
    damaged['shape'] = huge
    for contents in damaged.values():
      path.write_bytes(contents)
      self.assert_one_line(
        f'Expected {path} to hold the state of a client, found a damaged file; '
        'put back a copy of the whole directory, or restore round 0',
        store.read,
        ['a'],
        1,
      )
    path.write_bytes(whole)
    self.assert_read(store, 'a', 1, [np.arange(100.0), np.array(['x', 'y'])])

  def test_header_bytes_changed_are_never_another_error(self):
    store = self.store()
    store.write(1, {'a': _state(1, 2)})
    (name,) = _versions(self.directory)
    path = pathlib.Path(self.directory, name)
    whole = path.read_bytes()
    generator = random.Random(0)
    for _ in range(300):
      contents = bytearray(whole)
      contents[generator.randrange(len(whole) - 8)] = generator.randrange(256)
      path.write_bytes(contents)
      with contextlib.suppress(ValueError):
        store.read(['a'], 1)

  def test_file_of_another_client_is_an_error(self):
    store = self.store()
    store.write(1, {'a': _state(1)})
    (of_a,) = _versions(self.directory)
    store.write(2, {'b': _state(2)})
    (of_b,) = set(_versions(self.directory)) - {of_a}
    shutil.copy(
      os.path.join(self.directory, of_a), os.path.join(self.directory, of_b)
    )
    self.assert_one_line('found a damaged file', store.read, ['b'], 2)


class MemoryTest(StoreTestCase):
  @parameterized.parameters(None, 'given')
  def test_nothing_is_made_in_directory_before_it_is_needed(self, max_bytes):
    store = self.store(_ALL if max_bytes else _NO_MEMORY)
    store.read(['a'], 0)
    store.restore(0)
    store.write(1, {})
    self.assertFalse(os.path.exists(self.directory))

  def test_states_that_fit_make_no_files(self):
    store = self.store(_ALL)
    for round_num in range(1, 20):
      store.write(round_num, {'a': _state(round_num), 'b': _state(0)})
    self.assertFalse(os.path.exists(self.directory))
    # Two versions of each client: four small states.
    self.assertBetween(store.bytes_in_memory, 4 * 4, 4 * 1000)

  @parameterized.parameters(_NO_MEMORY, 1500, 50_000)
  def test_bound_holds(self, max_bytes):
    store = self.store(max_bytes)
    for round_num in range(1, 30):
      ids = [str(i) for i in range(round_num, round_num + 20)]
      store.read(ids, round_num - 1)
      self.assertLessEqual(store.bytes_in_memory, max_bytes)
      store.write(round_num, {i: [np.zeros(100)] for i in ids})
      self.assertLessEqual(store.bytes_in_memory, max_bytes)
    if max_bytes >= 1500:
      self.assertGreater(store.bytes_in_memory, max_bytes / 2)

  def test_empty_states_count_too(self):
    store = self.store(_NO_MEMORY)
    store.write(1, {'a': []})
    self.assertEqual(store.bytes_in_memory, 0)
    self.assertLen(_versions(self.directory), 1)

  def test_states_used_longest_ago_go_to_files(self):
    store = self.store(_TWO_STATES)
    states = {i: [np.zeros(20, np.float32)] for i in 'abc'}
    store.write(1, {'a': states['a'], 'b': states['b']})
    self.assertEmpty(_files(self.directory))
    store.read(['a'], 1)
    store.write(2, {'c': states['c']})
    (name,) = _versions(self.directory)
    os.remove(os.path.join(self.directory, name))
    store.read(['a', 'c'], 2)  # From memory.
    self.assert_read(store, 'b', 2, None)  # It was that one.

  def test_state_read_again_comes_from_memory(self):
    store = self.store(_TWO_STATES)
    store.write(1, {'a': _state(1)})
    store.save(1)
    resumed = self.store(_TWO_STATES)
    (first,) = resumed.read(['a'], 1)
    (second,) = resumed.read(['a'], 1)
    self.assertIs(first[0], second[0])
    self.assertLen(_versions(self.directory), 1)

  def test_memory_does_not_grow_with_clients(self):
    store = self.store(10_000)

    def run_rounds(first):
      for round_num in range(first, first + 5):
        ids = [f'{round_num}/{i}' for i in range(25)]
        store.write(round_num, {i: [np.zeros(20)] for i in ids})
        store.save(round_num)
        store.forget(round_num)
      gc.collect()
      # Of other modules' threads, there may be anything.
      of_store = tracemalloc.Filter(True, client_state_store.__file__)
      snapshot = tracemalloc.take_snapshot().filter_traces([of_store])
      return sum(trace.size for trace in snapshot.traces)

    tracemalloc.start()
    try:
      run_rounds(1)
      before = run_rounds(6)
      after = run_rounds(11)
    finally:
      tracemalloc.stop()
    self.assertLess(after - before, 5_000)  # 40 bytes a client.

  def test_temporary_directory_goes_with_store(self):
    made = []
    mkdtemp = client_state_store.tempfile.mkdtemp

    def recorded(*args, **kwargs):
      made.append(mkdtemp(*args, **kwargs))
      return made[-1]

    with mock.patch.object(client_state_store.tempfile, 'mkdtemp', recorded):
      stores = [
        client_state_store.ClientStateStore(max_bytes_in_memory=0)
        for _ in range(2)
      ]
    for store in stores:
      store.write(1, {'a': _state(1)})
      self.assert_read(store, 'a', 1, _state(1))
    for path in made:
      self.assertLen(_versions(path), 1)
    stores[0].close()
    del stores, store
    gc.collect()
    for path in made:
      self.assertFalse(os.path.exists(path))

  def test_close_leaves_given_directory(self):
    store = self.store()
    store.write(1, {'a': _state(1)})
    store.save(1)
    store.close()
    self.assert_read(self.store(), 'a', 1, _state(1))


class RandomHistoryTest(StoreTestCase):
  @parameterized.product(
    seed=tuple(range(3)), max_bytes=(_NO_MEMORY, _ONE_STATE, 4000, _ALL)
  )
  def test_agrees_with_history(self, seed, max_bytes):
    generator = random.Random(seed)
    ids = [f'client {i}' for i in range(5)]
    store, history, last = self.store(max_bytes), _History(), 0
    errors = 0
    for step in range(200):
      action = generator.choice(
        ['write'] * 8 + ['rewrite', 'save', 'stop', 'forget', 'restore', 'new']
      )
      if action in ('write', 'rewrite'):
        if action == 'write':
          last += 1
        elif history.is_kept(max(0, last - 1)):
          last = max(1, last)
        else:
          continue
        cohort = generator.sample(ids, generator.randrange(4))
        states = {
          i: _state(*range(step, step + generator.randrange(1, 50)))
          for i in cohort
        }
        store.write(last, states)
        history.write(last, states)
      elif action in ('save', 'stop'):
        if action == 'stop':
          last = max(0, last - 1)
        if not history.is_kept(last):
          last += 1
        store.save(last)
        history.save(last)
      elif action == 'forget' and history.saved:
        round_num = generator.choice(history.saved)
        store.forget(round_num)
        history.forget(round_num)
      elif action == 'restore':
        last = generator.choice([*history.saved, *history.saved, last])
        store.restore(last)
        history.go_back(last)
      elif action == 'new':  # Killed, and resumed from any checkpoint.
        last = generator.choice([*history.saved, 0])
        store = self.store(max_bytes)
        store.restore(last)
        history.go_back(last)
        history.exact_from = max(history.exact_from, last)
      self.assertLessEqual(store.bytes_in_memory, max_bytes)
      for round_num in (last, last + 1, max(0, last - generator.randrange(9))):
        for i in ids:
          expected = history.read(i, round_num)
          try:
            (found,) = store.read([i], round_num)
          except ValueError:
            self.assertFalse(history.is_kept(round_num))
            errors += 1
            continue
          self.assert_state(found, expected)
    self.assertGreater(errors, 0)


class _KilledError(BaseException):
  pass


class _Killer:
  """Ends the program at its n-th operation on files, before or within it."""

  def __init__(self, num_operations):
    self._left = num_operations
    self._patches = contextlib.ExitStack()

  def _count(self):
    self._left -= 1
    if self._left < 0:
      raise _KilledError  # And so does everything it does from now on.

  def _patch(self, module, name):
    original = getattr(module, name)

    def counted(*args, **kwargs):
      self._count()
      return original(*args, **kwargs)

    self._patches.enter_context(mock.patch.object(module, name, counted))

  def _patch_save(self):
    original = np.save

    def half_saved(f, array, **kwargs):
      try:
        self._count()
      except _KilledError:
        f.write(b'\x93NUMPY\x01\0v')
        f.flush()
        raise
      original(f, array, **kwargs)

    self._patches.enter_context(mock.patch.object(np, 'save', half_saved))

  def __enter__(self):
    for name in ('replace', 'remove', 'unlink', 'rmdir', 'makedirs', 'mkdir'):
      self._patch(os, name)
    self._patch_save()
    return self

  def __exit__(self, *exc_info):
    self._patches.close()


_CLIENTS = [f'client {i}' for i in range(6)]
_STATE_SIZE = 30
_LARGE_STATE_SIZE = 50_000
_ROUNDS_PER_CHECKPOINT = 3


def _new_state(client_id, round_num, state):
  old = 1.0 if state is None else float(state[0][0])
  new = np.float32(old * 0.9 + round_num + ord(client_id[-1]))
  return [np.full(_STATE_SIZE, new)]


def _cohort(round_num):
  return random.Random(round_num).sample(_CLIENTS, 3)


def _run(store, first, last, checkpoint):
  """A program: a pure function of the states that it reads."""
  for round_num in range(first + 1, last + 1):
    cohort = _cohort(round_num)
    states = store.read(cohort, round_num - 1)
    store.write(
      round_num,
      {
        i: _new_state(i, round_num, s)
        for i, s in zip(cohort, states, strict=True)
      },
    )
    if round_num % _ROUNDS_PER_CHECKPOINT == 0:
      store.save(round_num)
      checkpoint(round_num)
      store.forget(round_num)


def _straight_run(last):
  states = {}
  for round_num in range(1, last + 1):
    for i in _cohort(round_num):
      states[i] = _new_state(i, round_num, states.get(i))
  return [states.get(i) for i in _CLIENTS]


class KilledTest(StoreTestCase):
  @parameterized.parameters(_NO_MEMORY, 2500, _ALL)
  def test_killed_at_every_operation(self, max_bytes):
    rounds = 7
    expected = {r: _straight_run(r) for r in range(rounds + 3)}
    checkpoints = [0]
    for num_operations in range(1000):
      store = self.store(max_bytes)
      store.restore(0)
      checkpoints = [0]
      try:
        with _Killer(num_operations):
          _run(store, 0, rounds, checkpoints.append)
          store.save(rounds - 1)  # Stopped within the last round.
        break
      except _KilledError:
        pass
      # Killed again, while it resumes and in its first rounds.
      resumed = self.store(max_bytes)
      again = [checkpoints[-1]]
      with contextlib.suppress(_KilledError), _Killer(num_operations % 17):
        resumed.restore(again[-1])
        _run(resumed, again[-1], rounds, again.append)
      saved_round = again[-1]
      resumed = self.store(max_bytes)
      resumed.restore(saved_round)
      self.assertNotIn(
        'temporary', map(os.path.basename, _files(self.directory))
      )
      for round_num in (saved_round, saved_round + 100):
        for found, state in zip(
          resumed.read(_CLIENTS, round_num), expected[saved_round], strict=True
        ):
          self.assert_state(found, state)
      if num_operations % 5:  # To go on takes long.
        continue
      _run(resumed, saved_round, rounds, again.append)
      for found, state in zip(
        resumed.read(_CLIENTS, rounds), expected[rounds], strict=True
      ):
        self.assert_state(found, state)
    self.assertEqual(checkpoints, [0, 3, 6])
    self.assertGreater(num_operations, 20)  # So it was killed that often.

  @parameterized.parameters(_NO_MEMORY, _ALL)
  def test_killed_while_it_goes_back(self, max_bytes):
    for target in (0, 2):
      for num_operations in range(1000):
        store = self.store(max_bytes)
        store.restore(0)
        for round_num in range(1, 5):
          store.write(round_num, {i: _state(round_num) for i in 'abc'})
          store.save(round_num)
        try:
          with _Killer(num_operations):
            store.restore(target)
          break
        except _KilledError:
          pass
        resumed = self.store(max_bytes)
        try:
          resumed.restore(4)
        except ValueError:
          pass  # A part of it may be gone: but then it says so.
        else:
          for i in 'abc':
            self.assert_read(resumed, i, 4, _state(4))
        resumed = self.store(max_bytes)
        resumed.restore(target)
        expected = _state(target) if target else None
        for i in 'abc':
          self.assert_read(resumed, i, 4, expected)
      self.assertGreater(num_operations, 5)


# Loads the module by its path: to import its package takes seconds.
_PROGRAM = f"""
import importlib.util, os, random, sys
import numpy as np
_, path, directory, checkpoint_path, max_bytes = sys.argv
_CLIENTS = {_CLIENTS}
_STATE_SIZE = {_LARGE_STATE_SIZE}
_ROUNDS_PER_CHECKPOINT = {_ROUNDS_PER_CHECKPOINT}

{inspect.getsource(_new_state)}
{inspect.getsource(_cohort)}
{inspect.getsource(_run)}
spec = importlib.util.spec_from_file_location('client_state_store', path)
client_state_store = importlib.util.module_from_spec(spec)
sys.modules['client_state_store'] = client_state_store
spec.loader.exec_module(client_state_store)

def checkpoint(round_num):
  with open(checkpoint_path + '.temporary', 'w') as f:
    f.write(str(round_num))
  os.replace(checkpoint_path + '.temporary', checkpoint_path)

with open(checkpoint_path) as f:
  first = int(f.read())
store = client_state_store.ClientStateStore(
  directory, max_bytes_in_memory=int(max_bytes)
)
store.restore(first)
print('restored', flush=True)
_run(store, first, 10**9, checkpoint)
"""


class SigkillTest(StoreTestCase):
  @parameterized.parameters(_NO_MEMORY, 5 * 4 * _LARGE_STATE_SIZE)
  def test_killed_program_goes_on_as_if_never_killed(self, max_bytes):
    checkpoint = pathlib.Path(self.parent, 'checkpoint')
    checkpoint.write_text('0')
    generator = random.Random(max_bytes)
    command = [sys.executable, '-c', _PROGRAM, client_state_store.__file__]
    command += [self.directory, str(checkpoint), str(max_bytes)]
    for _ in range(5):
      before = int(checkpoint.read_text())
      with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        self.assertEqual(program.stdout.readline(), b'restored\n')
        deadline = time.monotonic() + 60
        while int(checkpoint.read_text()) < before + _ROUNDS_PER_CHECKPOINT:
          self.assertLess(time.monotonic(), deadline)
          time.sleep(0.001)
        time.sleep(generator.uniform(0, 0.05))
        program.send_signal(signal.SIGKILL)
      self.assertEqual(program.returncode, -signal.SIGKILL)
    saved_round = int(checkpoint.read_text())
    store = self.store(max_bytes)
    store.restore(saved_round)
    states = store.read(_CLIENTS, saved_round)
    for state, expected in zip(states, _straight_run(saved_round), strict=True):
      self.assert_state(
        state, [np.full(_LARGE_STATE_SIZE, expected[0][0], np.float32)]
      )


if __name__ == '__main__':
  absltest.main()
