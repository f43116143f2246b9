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
"""Tests that damaged run directories are refused in one line, unchanged."""

import gc
import json
import pathlib
import re
import shutil
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import pytest

from programs import train
from tests.programs import program_testing

_ROUNDS = 4
_RUN = (
  '--task=mnist',
  '--method=fed_avg',
  '--num_clients=5',
  '--clients_per_round=2',
  '--rounds_per_evaluation=2',
  '--rounds_per_checkpoint=2',
)


def _edit_json(name: str, **entries):
  def edit(path):
    contents = json.loads((path / name).read_text())
    (path / name).write_text(json.dumps(contents | entries))

  return edit


def _edit_rows(edit):
  def edit_file(path):
    lines = (path / 'metrics.csv').read_text().splitlines()
    (path / 'metrics.csv').write_text('\n'.join(edit(lines)) + '\n')

  return edit_file


def _write(name: str, contents: bytes):
  return lambda path: (path / name).write_bytes(contents)


def _remove(name: str):
  def remove(path):
    if (path / name).is_dir():
      shutil.rmtree(path / name)
    else:
      (path / name).unlink()

  return remove


def _damage_checkpoint(pattern: str, damage):
  def damage_file(path):
    (file,) = (path / 'checkpoints').glob(f'*/{pattern}')
    file.write_bytes(damage(file.read_bytes()))

  return damage_file


def _flip_bit(contents: bytes) -> bytes:
  middle = len(contents) // 2
  return (
    contents[:middle] + bytes([contents[middle] ^ 4]) + contents[middle + 1 :]
  )


class DamagedRunsTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._dir = pathlib.Path(
      cls.enterClassContext(tempfile.TemporaryDirectory())
    )
    cls._write_data(seed=0)
    exit_code, _, stderr = cls._train(cls._dir / 'whole', _ROUNDS)
    assert exit_code == 0, stderr

  @classmethod
  def _write_data(cls, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, [20, 28, 28], np.uint8)
    labels = np.arange(20).astype(np.uint8) % 10
    np.savez(
      cls._dir / 'mnist.npz',
      x_train=images,
      y_train=labels,
      x_test=images,
      y_test=labels,
    )

  @classmethod
  def _train(cls, path, rounds: int, *arguments: str) -> tuple[int, str, str]:
    return program_testing.run_here(
      'train.py',
      train.main,
      *_RUN,
      f'--rounds={rounds}',
      f'--data_dir={cls._dir}',
      f'--cache_dir={cls._dir / "cache"}',
      f'--output_dir={path}',
      *arguments,
    )

  def _assert_refused(self, path, message: str) -> None:
    before = _contents(path)
    exit_code, stdout, stderr = self._train(path, _ROUNDS + 1)
    self.assertEqual(exit_code, 2, stderr)
    self.assertNotRegex(stdout, r'round \d+/')  # No round has ended.
    *other_lines, line = stderr.splitlines()
    self.assertRegex(line, f'^train: Expected .*{message}')
    # TensorFlow may have started by then.
    self.assertLessEqual(len(other_lines), 1, stderr)
    self.assertEqual(_contents(path), before)

  @parameterized.named_parameters(
    ('configuration_cut', _write('configuration.json', b'{"pro'), 'no JSON'),
    (
      'configuration_shape',
      _edit_json('configuration.json', configuration=[1]),
      r'found \[1\] as configuration',
    ),
    (
      'environment_shape',
      _edit_json('configuration.json', environment='fast'),
      "found 'fast' as environment",
    ),
    (
      'checkpoints_lost',
      _remove('checkpoints'),
      f'checkpoints .*no checkpoint of round {_ROUNDS}',
    ),
    (
      'checkpoints_and_summary_lost',
      lambda path: (
        _remove('checkpoints')(path),
        _remove('summary.json')(path),
      ),
      f'checkpoints .*no checkpoint of round {_ROUNDS}',
    ),
    (
      'checkpoints_a_file',
      lambda path: (
        _remove('checkpoints')(path),
        _write('checkpoints', b'')(path),
      ),
      'checkpoints .*Not a directory',
    ),
    (
      'checkpoint_graph_cut',
      _damage_checkpoint('saved_model.pb', lambda contents: contents[:100]),
      'checkpoints as programs.train writes it',
    ),
    (
      'checkpoint_values_cut',
      _damage_checkpoint(
        'variables/*.data*', lambda contents: contents[: len(contents) // 2]
      ),
      'checkpoints as programs.train writes it',
    ),
    (
      'checkpoint_bit_flipped',
      _damage_checkpoint('variables/*.data*', _flip_bit),
      'checkpoints as programs.train writes it',
    ),
    (
      'last_checkpoint_cut',
      _write('last_checkpoint.json', b''),
      'last_checkpoint.json .*no JSON',
    ),
    (
      'last_checkpoint_shape',
      _edit_json('last_checkpoint.json', round='four'),
      "last_checkpoint.json .*'four' as round",
    ),
    ('metrics_lost', _remove('metrics.csv'), 'metrics.csv.*No such file'),
    (
      'row_lost',
      _edit_rows(lambda lines: [*lines[:2], *lines[3:]]),
      "round '2' instead of 1 in line 3",
    ),
    (
      'last_row_lost',
      _edit_rows(lambda lines: lines[:-1]),
      f'no row of round {_ROUNDS} of {_ROUNDS}',
    ),
    (
      'row_twice',
      _edit_rows(lambda lines: [*lines[:3], *lines[2:]]),
      "round '1' instead of 2 in line 4",
    ),
    (
      'row_cut',
      _edit_rows(lambda lines: [*lines[:3], lines[3][:4], *lines[4:]]),
      'number of columns in line 4',
    ),
    ('summary_cut', _write('summary.json', b'{"task": "mn'), 'no JSON'),
    (
      'summary_shape',
      _edit_json('summary.json', rounds='many'),
      "'many' as rounds",
    ),
  )
  def test_damage(self, damage, message):
    path = self._dir / self.id().rpartition('.')[2]
    shutil.copytree(self._dir / 'whole', path)
    damage(path)
    self._assert_refused(path, message)

  def test_other_data(self):
    self.addCleanup(self._write_data, seed=0)
    self._write_data(seed=1)
    self._assert_refused(self._dir / 'whole', 'found other data')

  def test_warns_once_of_rounds_that_change_nothing(self):
    path = self._dir / 'diverging'
    exit_code, _, stderr = self._train(
      path, 2, '--client_learning_rate=1e38', '--client_epochs=9'
    )
    self.assertEqual(exit_code, 0)
    self.assertLen(re.findall('train: round 1 changed nothing: ', stderr), 1)
    self.assertNotIn('round 2 changed', stderr)
    summary = json.loads((path / 'summary.json').read_text())
    self.assertEqual(summary['rounds_without_update'], 2)

  def test_whole_run_continues(self):
    path = self._dir / 'continued'
    shutil.copytree(self._dir / 'whole', path)
    exit_code, stdout, stderr = self._train(path, _ROUNDS + 1)
    self.assertEqual(exit_code, 0, stderr)
    self.assertIn(f'Compiling, and resuming after round {_ROUNDS}\n', stdout)
    rows = (path / 'metrics.csv').read_text().splitlines()
    self.assertLen(rows, _ROUNDS + 3)


class DamagedClientStatesTest(absltest.TestCase):
  @pytest.mark.slow
  def test_a_flipped_bit(self):
    directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    arguments = (
      '--task=digits',
      '--method=dhqc',
      '--num_clients=2',
      '--clients_per_round=2',
      '--max_client_examples=5',
      f'--output_dir={directory / "run"}',
      f'--cache_dir={directory / "cache"}',
    )

    def train_for(rounds):
      return program_testing.run_here(
        'train.py', train.main, *arguments, f'--rounds={rounds}'
      )

    exit_code, _, stderr = train_for(1)
    self.assertEqual(exit_code, 0, stderr)
    file, *_ = (directory / 'run' / 'client_states').rglob('*.npy')
    contents = file.read_bytes()
    file.write_bytes(_flip_bit(contents))
    exit_code, _, stderr = train_for(2)
    self.assertEqual(exit_code, 2, stderr)
    self.assertRegex(
      stderr.splitlines()[-1], f'^train: Expected .*{file.name}.*copy'
    )
    file.write_bytes(contents)
    gc.collect()  # Releases the lock that the traceback holds.
    exit_code, _, stderr = train_for(2)
    self.assertEqual(exit_code, 0, stderr)


def _contents(path: pathlib.Path) -> dict[str, bytes]:
  return {
    str(file.relative_to(path)): file.read_bytes()
    for file in path.rglob('*')
    # Locks and TensorBoard's files do not belong to the results.
    if file.is_file()
    and file.name != '.lock'
    and 'tensorboard' not in str(file)
  }


if __name__ == '__main__':
  absltest.main()
