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
"""Tests of damage to the files of client_state_store.py."""

import contextlib
import errno
import json
import pathlib
import random
import re
import resource
import shutil
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st
import numpy as np

from tff_methods.simulation import client_state_store
from tff_methods.simulation import store_files

_CLIENTS = [f'client {i}' for i in range(5)]
_SAVED_ROUND = 5
_SUFFIX = ': put back a copy of the run directory, or start again.'


def _cohort(round_num):
  return random.Random(round_num).sample(_CLIENTS, 2)


def _value(client_id, round_num):
  return 100 * round_num + _CLIENTS.index(client_id)


def _expected(last_round):
  """Returns the right value of each client after a round."""
  values = dict.fromkeys(_CLIENTS)
  for round_num in range(1, last_round + 1):
    values |= {i: _value(i, round_num) for i in _cohort(round_num)}
  return values


def _run_round(store, round_num, offset=0):
  states = {i: _value(i, round_num) + offset for i in _cohort(round_num)}
  store.write(round_num, {i: [np.array([v, 0.5])] for i, v in states.items()})


def _run(directory, offset=0):
  """Writes seven rounds, with checkpoints of the third and fifth."""
  store = client_state_store.ClientStateStore(str(directory))
  for round_num in range(1, 8):
    _run_round(store, round_num, offset)
    if round_num in (3, _SAVED_ROUND):
      with store.checkpoint(round_num):
        pass


def _resume(directory, round_num=_SAVED_ROUND):
  store = client_state_store.ClientStateStore(str(directory))
  store.restore(round_num)
  return store, _read(store, round_num)


def _read(store, round_num):
  states = store.read(_CLIENTS, round_num)
  return {
    client_id: None if state is None else int(state[0][0])
    for client_id, state in zip(_CLIENTS, states, strict=True)
  }


def _contents(directory):
  return {p: p.read_bytes() for p in directory.rglob('*') if p.is_file()}


def _state_files(directory):
  """Returns the files of all clients, as lists from old to new."""
  folders = sorted(directory.glob('states/*/*'))
  return [sorted(f.iterdir(), key=lambda p: int(p.stem)) for f in folders]


def _saved(files):
  """Returns the file of the saved round."""
  return [p for p in files if int(p.stem) <= _SAVED_ROUND][-1]


def _lines(change):
  """Returns damage that changes the lines of the log."""

  def damage(directory):
    path = directory / 'versions.log'
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b''.join(change(lines)))

  return damage


def _rewrite(name, contents):
  return lambda directory: (directory / name).write_text(contents)


def _change_saved_round(change):
  """Returns damage that changes the contents of saved_rounds.json."""

  def damage(directory):
    path = directory / 'saved_rounds.json'
    contents = json.loads(path.read_text())
    change(contents)
    path.write_text(json.dumps(contents))

  return damage


def _to_directory(name):
  def damage(directory):
    (directory / name).unlink()
    (directory / name).mkdir()

  return damage


def _delete_states(directory):
  shutil.rmtree(directory / 'states')


def _delete_all_files(directory):
  for path in _contents(directory):
    path.unlink()


def _delete_client(directory):
  shutil.rmtree(_state_files(directory)[0][0].parent)


def _delete_newest(directory):
  for files in _state_files(directory):
    _saved(files).unlink()


def _delete_newest_of_one(directory):
  _saved(_state_files(directory)[-1]).unlink()


def _change_states(change):
  """Returns damage that changes each file of the saved round."""

  def damage(directory):
    for files in _state_files(directory):
      _saved(files).write_bytes(change(_saved(files).read_bytes()))

  return damage


def _flip(whole, position=270):
  return whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]


def _swap_clients(directory):
  one, other, *_ = map(_saved, _state_files(directory))
  contents = one.read_bytes()
  one.write_bytes(other.read_bytes())
  other.write_bytes(contents)


def _copy_round(directory):
  """Has a later state of a client stand for that of the saved round."""
  for files in _state_files(directory):
    shutil.copyfile(files[-1], _saved(files).with_suffix('.copy'))
    _saved(files).with_suffix('.copy').replace(_saved(files))


def _copy_client(directory):
  """Adds the folder of a client that has no state."""
  files = _state_files(directory)[0]
  key = 'ab' + files[0].parent.name[2:]
  shutil.copytree(files[0].parent, directory / 'states' / 'ab' / key)


def _add_newer(directory):
  """Adds a state that was not written up to the saved round."""
  for files in _state_files(directory):
    if int(_saved(files).stem) < _SAVED_ROUND:
      shutil.copy(_saved(files), files[0].with_name(f'{_SAVED_ROUND}.npy'))


def _of_another_run(name):
  """Returns damage that mixes in files of a run with other states."""

  def damage(directory):
    with tempfile.TemporaryDirectory() as parent:
      other = pathlib.Path(parent) / 'store'
      _run(other, offset=10_000)
      if name == 'states':
        shutil.rmtree(directory / name)
        shutil.copytree(other / name, directory / name)
      else:
        shutil.copy(other / name, directory / name)

  return damage


def _make_file_of_folder(directory):
  _delete_states(directory)
  (directory / 'states').write_text('mine')


_DAMAGED_STATES = dict(
  flipped_bits=_change_states(_flip),
  flipped_bits_of_headers=_change_states(lambda w: _flip(w, 20)),
)
_DAMAGES = dict(
  states_deleted=(_delete_states, r'states/.*\.npy, found no file'),
  all_files_deleted=(_delete_all_files, r'round 5, found those of rounds \[\]'),
  directory_deleted=(shutil.rmtree, r'round 5, found those of rounds \[\]'),
  client_deleted=(_delete_client, r'\.npy, found no file'),
  newest_versions_deleted=(_delete_newest, r'\.npy, found no file'),
  newest_version_deleted=(_delete_newest_of_one, r'\.npy, found no file'),
  states_are_a_file=(_make_file_of_folder, r'\.npy, found no file'),
  states_of_another_run=(_of_another_run('states'), 'or of another run'),
  states_cut=(
    _change_states(lambda w: w[:-1]),
    r'\.npy, found a file that is damaged',
  ),
  states_emptied=(
    _change_states(lambda w: b''),
    r'\.npy, found a file that is damaged',
  ),
  states_lengthened=(
    _change_states(lambda w: w + b'\0'),
    r'\.npy, found a file that is damaged',
  ),
  states_of_other_clients=(_swap_clients, r'\.npy, found a file that is'),
  states_of_later_rounds=(_copy_round, r'\.npy, found a file that is'),
  client_added=(_copy_client, r'up to round 5, found .*\.npy of another run'),
  version_added=(_add_newer, r'up to round 5, found .*5\.npy of another run'),
  log_deleted=(
    lambda d: (d / 'versions.log').unlink(),
    r'versions\.log, with at least the saved \d+ bytes, found none',
  ),
  log_emptied=(_rewrite('versions.log', ''), 'found one of 0 bytes'),
  log_is_a_directory=(_to_directory('versions.log'), 'found none'),
  log_of_another_run=(
    _of_another_run('versions.log'),
    'found one with other contents',
  ),
  first_line_deleted=(_lines(lambda x: x[1:]), 'found (one|a damaged)'),
  saved_lines_deleted=(_lines(lambda x: x[:3]), 'found one of'),
  line_added=(_lines(lambda x: [x[0], *x]), 'found one with other contents'),
  lines_swapped=(
    _lines(lambda x: [x[1], x[0], *x[2:]]),
    'found one with other contents',
  ),
  line_without_round=(_lines(lambda x: [x[0][2:], *x[1:]]), 'a damaged one'),
  log_of_zeros=(_lines(lambda x: [bytes(5000)]), 'a damaged one'),
  log_of_other_bytes=(_lines(lambda x: [b'\xff' * 5000]), 'a damaged one'),
  saved_rounds_deleted=(
    lambda d: (d / 'saved_rounds.json').unlink(),
    r'round 5, found those of rounds \[\]',
  ),
  saved_rounds_are_a_directory=(
    _to_directory('saved_rounds.json'),
    'found a damaged file or other contents',
  ),
  saved_rounds_of_another_run=(
    _of_another_run('saved_rounds.json'),
    'found one with other contents',
  ),
)
_WRONG_SHAPES = dict(
  empty='',
  cut='{"rounds": [[5, 12',
  null='null',
  true='true',
  number='5',
  string='"5"',
  list_of_rounds='[5]',
  empty_list='[]',
  empty_object='{}',
  rounds_only='{"rounds": [[5, 0, ""]]}',
  rounds_are_a_number='{"rounds": 5, "sha256": ""}',
  nan='{"rounds": NaN, "sha256": NaN}',
  no_text='\0\0\0\0',
  digits='9' * 10_000,
  nested='[' * 100_000,
)


class DamageTestCase(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    parent = cls.enterClassContext(tempfile.TemporaryDirectory())
    cls.original = pathlib.Path(parent) / 'store'
    _run(cls.original)

  @contextlib.contextmanager
  def copied(self):
    with tempfile.TemporaryDirectory() as parent:
      directory = pathlib.Path(parent) / 'store'
      shutil.copytree(self.original, directory)
      yield directory

  def assert_damage_is_noticed(self, damage, regex, is_unchanged=True):
    with self.copied() as directory:
      damage(directory)
      contents = _contents(directory)
      regex = f'^Expected .*{regex}.*{re.escape(_SUFFIX)}$'
      with self.assertRaisesRegex(
        store_files.DamagedClientStatesError, regex
      ) as raised:
        _resume(directory)
      message = str(raised.exception)
      self.assertNotIn('\n', message)
      self.assertIn(str(directory), message)
      if is_unchanged:
        self.assertEqual(_contents(directory), contents)
      # Either way out works.
      _, found = _resume(directory, 0)
      self.assertEqual(found, dict.fromkeys(_CLIENTS))
      shutil.rmtree(directory, ignore_errors=True)
      shutil.copytree(self.original, directory)
      _, found = _resume(directory)
      self.assertEqual(found, _expected(_SAVED_ROUND))


class DamageTest(DamageTestCase):
  @parameterized.named_parameters(
    (name, *row) for name, row in _DAMAGES.items()
  )
  def test_restore_notices(self, damage, regex):
    self.assert_damage_is_noticed(damage, regex)

  @parameterized.named_parameters(_WRONG_SHAPES.items())
  def test_restore_notices_saved_rounds_of_a_wrong_shape(self, contents):
    self.assert_damage_is_noticed(
      _rewrite('saved_rounds.json', contents),
      'saved_rounds.json, found a damaged file or other contents',
    )

  @parameterized.named_parameters(
    ('round', lambda x: x['rounds'].append([4, *x['rounds'][0][1:]])),
    ('length', lambda x: x['rounds'][0].__setitem__(1, 0)),
    ('checksum', lambda x: x['rounds'][0].__setitem__(2, '0' * 64)),
    ('more', lambda x: x['rounds'][0].append(1)),
    ('none', lambda x: x['rounds'].clear()),
    ('own_checksum', lambda x: x.update(sha256=None)),
  )
  def test_restore_notices_changed_saved_rounds(self, change):
    self.assert_damage_is_noticed(
      _change_saved_round(change),
      'saved_rounds.json, found a damaged file or other contents',
    )

  @parameterized.named_parameters(_DAMAGED_STATES.items())
  def test_read_notices(self, damage):
    regex = r'states/.*\.npy, found it damaged, or of another client or round'
    self.assert_damage_is_noticed(damage, regex, is_unchanged=False)

  def test_damage_after_the_checkpoint_is_harmless(self):
    with self.copied() as directory:
      with (directory / 'versions.log').open('r+b') as f:
        f.seek(-3, 2)
        f.write(b'\0\n')
      for files in _state_files(directory):
        for path in files:
          if int(path.stem) > _SAVED_ROUND:
            path.unlink()
      (directory / 'states' / 'mine').mkdir()
      (files[0].parent / 'x.npy').write_text('mine')
      _, found = _resume(directory)
      self.assertEqual(found, _expected(_SAVED_ROUND))

  def test_log_that_is_gone_is_noticed_by_the_next_round(self):
    with self.copied() as directory:
      store, _ = _resume(directory)
      (directory / 'versions.log').unlink()
      with self.assertRaisesRegex(
        store_files.DamagedClientStatesError, 'found one of 0 bytes'
      ):
        _run_round(store, _SAVED_ROUND + 1)


@st.composite
def _changes(draw):
  """Returns a function that flips a bit or cuts a file, by chance."""
  number = draw(st.floats(0, 1, exclude_max=True))
  place = draw(st.floats(0, 1, exclude_max=True))
  bit = draw(st.one_of(st.none(), st.integers(0, 7)))

  def change(directory):
    paths = sorted(_contents(directory))
    path = paths[int(number * len(paths))]
    contents = bytearray(path.read_bytes())
    position = int(place * len(contents))
    if bit is None:
      del contents[position:]
    else:
      contents[position] ^= 1 << bit
    path.write_bytes(contents)

  return change


class AnyDamageTest(DamageTestCase):
  @hypothesis.given(change=_changes())
  @hypothesis.settings(max_examples=100, deadline=None)
  def test_resumed_program_has_the_right_states_or_an_error(self, change):
    with self.copied() as directory:
      change(directory)
      with contextlib.suppress(store_files.DamagedClientStatesError):
        _, found = _resume(directory)
        self.assertEqual(found, _expected(_SAVED_ROUND))

  @hypothesis.given(change=_changes())
  @hypothesis.settings(max_examples=100, deadline=None)
  def test_running_program_has_the_right_states_or_an_error(self, change):
    last = _SAVED_ROUND + 1
    with self.copied() as directory:
      store, _ = _resume(directory)
      change(directory)
      with contextlib.suppress(store_files.DamagedClientStatesError):
        self.assertEqual(_read(store, last), _expected(_SAVED_ROUND))
        _run_round(store, last)
        with store.checkpoint(last):
          pass
        _, found = _resume(directory, last)
        self.assertEqual(found, _expected(last))


@contextlib.contextmanager
def _file_size_limit(size):
  """Has writes beyond a size fail, as on a full disk."""
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class FullDiskTest(DamageTestCase):
  # The limit, clients and values of each state.
  @parameterized.named_parameters(
    ('of_a_state', 4096, 3, 10_000, r'6\.npy'),
    ('of_the_log', 4096, 60, 1, r'versions\.log'),
  )
  def test_write_names_the_file(self, size, num_clients, num_values, name):
    states = {str(i): [np.full(num_values, i)] for i in range(num_clients)}
    with self.copied() as directory:
      store, _ = _resume(directory)
      with _file_size_limit(size), self.assertRaises(OSError) as raised:
        store.write(6, states)
      self.assertEqual(raised.exception.errno, errno.EFBIG)
      self.assertRegex(raised.exception.filename, name)
      self.assertEmpty(list(directory.rglob('*.temporary')))
      # The round is not taken for whole.
      for fn in (store.read, lambda _, r: store.write(r + 1, {})):
        with self.assertRaisesRegex(ValueError, 'found a write that failed'):
          fn([], 6)
      self.assertEqual(_read(store, 5), _expected(5))
      # After making room, the program may go on, or resume.
      store.write(6, states)
      with store.checkpoint(6):
        pass
      resumed, found = _resume(directory, 6)
      self.assertEqual(found, _expected(5))
      last = str(num_clients - 1)
      ((array,),) = resumed.read([last], 6)
      np.testing.assert_array_equal(array, num_clients - 1)

  def test_checkpoint_names_the_file(self):
    with self.copied() as directory:
      store, _ = _resume(directory)
      _run_round(store, 6)
      with (
        _file_size_limit(10),
        self.assertRaises(OSError) as raised,
        store.checkpoint(6),
      ):
        self.fail('The body of the checkpoint ran.')
      self.assertEqual(
        raised.exception.filename, str(directory / 'saved_rounds.json')
      )
      _, found = _resume(directory)
      self.assertEqual(found, _expected(5))


if __name__ == '__main__':
  absltest.main()
