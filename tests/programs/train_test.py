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
"""Tests for train, on the digits."""

import csv
import filecmp
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import pytest

from programs import train
from programs.methods import registry
from tests.programs import program_testing
from tests.tasks import data_files

_TINY_RUN = (
  '--task=digits',
  '--method=sketched_update',
  '--bits=2',
  '--rounds=8',
  '--clients_per_round=2',
  '--max_client_examples=10',
  '--rounds_per_evaluation=2',
  '--rounds_per_checkpoint=3',
)
# Few clients, so that they come back.
_RUN_WITH_CLIENT_STATES = (
  '--task=digits',
  '--method=dhqc',
  '--fraction=0.05',
  '--rounds=6',
  '--num_clients=5',
  '--clients_per_round=2',
  '--max_client_examples=10',
  '--rounds_per_evaluation=2',
  '--rounds_per_checkpoint=3',
)


class TrainUsageTest(parameterized.TestCase):
  """Refusals, which write nothing."""

  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._output_dir = pathlib.Path(temporary_dir) / 'run'
    self._cache_dir = pathlib.Path(temporary_dir) / 'cache'

  def _assert_refused(self, message: str, *arguments: str):
    exit_code, stdout, stderr = program_testing.run_here(
      'train.py', train.main, *arguments
    )
    self.assertEqual(exit_code, 2)
    # Some refusals follow the first stages.
    self.assertRegex(stdout, r'^(Loading \w+\n|Building \w+\n)*$')
    self.assertRegex(stderr, rf'^train: [^\n]*{message}[^\n]*\n$')

  @parameterized.named_parameters(
    ('stray_argument', "'stray'", ['stray']),
    ('unknown_flag', "'speed'", ['--speed=1']),
    ('unknown_task', 'task=dogs.*digits', ['--task=dogs']),
    ('unknown_method', 'method=magic.*fed_avg', ['--method=magic']),
    ('zero_rounds', 'rounds', ['--rounds=0']),
    ('no_number', 'rounds', ['--rounds=many']),
    ('large_number', 'rounds', [f'--rounds={2**31}']),
    ('larger_number', 'rank', ['--method=low_rank', f'--rank={10**30}']),
    ('url', 'local directory', ['--output_dir=gs://bucket/run']),
    ('binary_flag_file', 'text in the file', [f'--flagfile={sys.executable}']),
    ('zero_clients', 'clients_per_round', ['--clients_per_round=0']),
    ('negative_seed', 'seed', ['--seed=-1']),
    ('too_many_bits', 'bits', ['--method=sketched_update', '--bits=17']),
    ('zero_learning_rate', 'positive', ['--client_learning_rate=0']),
    ('infinite_learning_rate', 'positive', ['--server_learning_rate=inf']),
    ('nan_learning_rate', 'positive', ['--server_learning_rate=nan']),
    ('momentum_of_one', 'less than 1', ['--server_momentum=1']),
    (
      'momentum_of_adam',
      'no --server_momentum with --server_optimizer=adam, found 0.9',
      ['--server_optimizer=adam', '--server_momentum=0.9'],
    ),
    ('epsilon_of_sgd', 'no --server_epsilon', ['--server_epsilon=0.1']),
    ('no_epsilon', 'positive', ['--server_epsilon=0']),
    ('nan_decay', 'positive', ['--sampling_decay=nan']),
    (
      'unknown_metric',
      'best_metric.*one of .*accuracy.*found .map.',
      ['--best_metric=map'],
    ),
    ('no_patience', 'patience', ['--early_stopping_patience=0']),
    ('unknown_sampling', 'static.exponential', ['--sampling=linear']),
    ('decay_when_static', 'decay=0.1.*exponential', ['--sampling_decay=0.1']),
    ('minimum_when_static', 'minimum=5.*exponential', ['--sampling_minimum=5']),
    ('no_decay', 'sampling_decay.*found none', ['--sampling=exponential']),
    (
      'minimum_above_clients_per_round',
      'sampling_minimum.*clients_per_round=10.*found 11',
      ['--sampling=exponential', '--sampling_decay=1', '--sampling_minimum=11'],
    ),
    ('flag_of_other_method', '--bits.*--method=fed_avg', ['--bits=2']),
    ('flag_of_other_method_default', '--rotation', ['--rotation']),
    ('missing_flag_file', 'no_file', ['--flagfile=no_file']),
    (
      'flags_that_do_not_go_together',
      'rotation=False',
      ['--method=sketched_update', '--norotation'],
    ),
    (
      'fraction_above_one',
      'fraction.*1.5',
      ['--method=sketched_update', '--fraction=1.5'],
    ),
    # Refused when the task is built:
    ('too_many_clients', '50.*51', ['--clients_per_round=51']),
    ('option_of_other_task', 'only_digits', ['--only_digits']),
    ('missing_data', 'data_dir', ['--task=mnist']),
    (
      'task_without_labels',
      'many labels with this --method',
      ['--method=fed_mlh', '--num_buckets=3'],
    ),
    ('unknown_device', 'auto.cpu.gpu', ['--device=tpu']),
    ('missing_device', 'Expected a GPU', ['--device=gpu']),
    ('zero_clients_at_once', 'clients', ['--max_concurrent_clients=0']),
  )
  def test_bad_flags(self, message, arguments):
    self._assert_refused(
      message,
      '--task=digits',
      '--method=fed_avg',
      f'--output_dir={self._output_dir}',
      f'--cache_dir={self._cache_dir}',
      *arguments,
    )
    self.assertFalse(self._output_dir.exists())

  @parameterized.parameters('--task', '--method', '--output_dir')
  def test_missing_flag(self, missing):
    arguments = [
      '--task=digits',
      '--method=fed_avg',
      f'--output_dir={self._output_dir}',
    ]
    given = [a for a in arguments if not a.startswith(missing)]
    self._assert_refused(f'Expected {missing}, found none', *given)
    self.assertFalse(self._output_dir.exists())

  @pytest.mark.slow
  def test_says_nothing_after_the_refusal(self):
    log_path = f'{self._output_dir}.log'
    process = program_testing.ProgramProcess(
      'programs.train', log_path, '--bts=2'
    )
    self.assertEqual(process.wait(), 2)
    self.assertRegex(process.log.splitlines()[-1], "^train: .*'bts'")

  def test_dry_run_changes_nothing(self):
    exit_code, stdout, stderr = program_testing.run_here(
      'train.py',
      train.main,
      '--task=digits',
      '--method=fed_avg',
      f'--output_dir={self._output_dir}',
      '--dry_run',
    )
    self.assertEqual((exit_code, stdout), (0, ''), stderr)
    self.assertFalse(self._output_dir.exists())

  def test_error_of_the_library_is_no_usage_error(self):
    def build(*unused_arguments):
      raise ValueError('A bug.')

    with (
      mock.patch.dict(registry.METHODS, fed_avg=registry.Method(build)),
      self.assertRaisesRegex(ValueError, 'A bug'),
    ):
      program_testing.run_here(
        'train.py',
        train.main,
        '--task=digits',
        '--method=fed_avg',
        f'--output_dir={self._output_dir}',
        f'--cache_dir={self._cache_dir}',
      )
    self.assertFalse(self._output_dir.exists())

  def test_foreign_output_dir(self):
    self._output_dir.mkdir()
    (self._output_dir / 'thesis.tex').write_text('Chapter 1')
    self._assert_refused(
      'files of another program',
      '--task=digits',
      '--method=fed_avg',
      f'--output_dir={self._output_dir}',
    )
    self.assertEqual(os.listdir(self._output_dir), ['thesis.tex'])


class TrainOnFilesTest(absltest.TestCase):
  """Short runs of tasks whose data are files."""

  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    self._output_dir = pathlib.Path(self._dir) / 'run'

  def _train(self, *arguments: str) -> tuple[str, dict[str, object]]:
    """Trains on the files of the directory; returns stdout and the summary."""
    exit_code, stdout, stderr = program_testing.run_here(
      'train.py',
      train.main,
      f'--data_dir={self._dir}',
      f'--output_dir={self._output_dir}',
      f'--cache_dir={self._dir}/cache',
      '--clients_per_round=2',
      *arguments,
    )
    self.assertEqual(exit_code, 0, stderr)
    return stdout, json.loads((self._output_dir / 'summary.json').read_text())

  @pytest.mark.slow
  def test_rows_are_counted_and_unseen_classes_retrieved(self):
    data_files.write_omniglot(self._dir)
    stdout, summary = self._train(
      '--task=omniglot',
      '--method=fed_ss',
      '--num_sampled_classes=22',
      '--rounds=1',
      '--clients_per_evaluation=1',
    )
    self.assertRegex(stdout, r'round 1/1: accuracy \S+ %, MAP@10 \S+ %, loss')
    self.assertBetween(summary['metrics']['map_at_10'], 0, 1)
    held_out = summary['metrics']['held_out_clients/accuracy']
    self.assertIn(
      f'Last evaluation on held-out clients: accuracy {100 * held_out:.2f} %, ',
      stdout,
    )
    self.assertNotIn('held_out_clients/map_at_10', summary['metrics'])
    with np.load(self._output_dir / 'model_weights.npz') as weights:
      arrays = list(weights.values())
    # 22 of 24 rows though the simulation sends all, and a key of 8 bytes.
    body_bytes = sum(array.nbytes for array in arrays[:-1])
    self.assertEqual(
      summary['downlink_bytes'], 2 * (body_bytes + 22 * 64 * 4 + 8)
    )

  @pytest.mark.slow
  def test_hashed_labels_stop_early(self):
    examples = [({i % 5: 1, 5: 1}, [i % 5, 5 + i % 3]) for i in range(60)]
    data_files.write_multi_label(
      self._dir,
      'delicious.npz',
      {'_train': examples, '_test': examples[:20]},
      6,
      8,
    )
    stdout, summary = self._train(
      '--task=delicious',
      '--method=fed_mlh',
      '--num_tables=3',
      '--num_buckets=4',
      '--num_clients=4',
      '--hidden_width=7',
      '--clients_per_evaluation=1',
      '--rounds=30',
      '--rounds_per_evaluation=1',
      '--early_stopping_patience=3',
    )
    self.assertRegex(stdout, r'round 1/30: P@1 \S+ %, P@3 \S+ %, P@5 \S+ %, l')
    self.assertTrue(summary['stopped_early'])
    self.assertLess(summary['rounds'], 30)
    self.assertEqual(summary['best']['rounds'], summary['rounds'] - 3)
    self.assertEqual(summary['best_metric'], 'mean_precision')
    self.assertEqual(summary['num_clients'], 3)
    self.assertIn('held_out_clients/mean_precision', summary['metrics'])
    # Three tables, each of layers of 6, 7, 7 and 4 units.
    num_weights = 3 * (6 * 7 + 7 + 7 * 7 + 7 + 7 * 4 + 4)
    self.assertEqual(summary['model_bytes'], 4 * num_weights)
    # And the weight of a client, its loss, and its number of examples.
    client_bytes = 4 * num_weights + 4 + 4 + 8
    self.assertEqual(
      summary['uplink_bytes'], summary['rounds'] * 2 * client_bytes
    )


@pytest.mark.slow
class TrainTest(parameterized.TestCase):
  """Real runs: one without a stop, and one that is killed and stopped."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._temporary_dir = tempfile.TemporaryDirectory()
    cls.addClassCleanup(cls._temporary_dir.cleanup)
    cls._whole = cls._path('whole')
    whole = cls._start('whole')
    assert whole.wait() == 0, whole.log
    cls._whole_log = whole.log

  @classmethod
  def _path(cls, *names: str) -> pathlib.Path:
    return pathlib.Path(cls._temporary_dir.name, *names)

  @classmethod
  def _arguments(cls, name: str) -> list[str]:
    return [
      *_TINY_RUN,
      f'--output_dir={cls._path(name)}',
      f'--cache_dir={cls._path("cache")}',
    ]

  @classmethod
  def _start(cls, name: str) -> program_testing.ProgramProcess:
    return program_testing.ProgramProcess(
      'programs.train', str(cls._path('train.log')), *cls._arguments(name)
    )

  def _summary(self, directory: pathlib.Path) -> dict[str, object]:
    return json.loads((directory / 'summary.json').read_text())

  def _rows(self, directory: pathlib.Path) -> list[dict[str, str]]:
    with open(directory / 'metrics.csv', newline='') as f:
      return list(csv.DictReader(f))

  def test_prints_evaluations_and_a_table(self):
    self.assertRegex(
      self._whole_log,
      r'^Loading TensorFlow\nLoading digits\nBuilding sketched_update\n'
      r'Runtime: [^\n]*\nCompiling, and evaluating the initial model\n'
      r'(round \d/8: accuracy \S+ %, loss \S+, uplink \S+ MB\n){5}'
      r'[^a-z]*task .* method .* evaluation .* rounds .* accuracy .* loss .* '
      r'uplink MB .* downlink MB .* seconds [^a-z]*'
      r'digits .* sketched_update .* last .* 8 .*\n'
      r'.*digits .* sketched_update .* best .* \d ',
    )

  def test_summary_is_that_of_the_whole_run(self):
    summary = self._summary(self._whole)
    self.assertEqual(summary['task'], 'digits')
    self.assertEqual(summary['method'], 'sketched_update')
    self.assertEqual(summary['rounds'], 8)
    self.assertGreater(summary['seconds'], 0)
    last_row = self._rows(self._whole)[-1]
    self.assertEqual(str(summary['uplink_bytes']), last_row['uplink_bytes'])
    self.assertEqual(str(summary['downlink_bytes']), last_row['downlink_bytes'])
    for name in ('accuracy', 'loss'):
      self.assertEqual(
        str(summary['metrics'][name]), last_row[f'evaluation/{name}']
      )

  def test_best_evaluation_is_the_first_of_the_highest_accuracy(self):
    rows = [r for r in self._rows(self._whole) if r['evaluation/accuracy']]
    best = max(rows, key=lambda row: float(row['evaluation/accuracy']))
    summary = self._summary(self._whole)
    self.assertEqual(summary['best_metric'], 'accuracy')
    self.assertEqual(str(summary['best']['rounds']), best['round'])
    self.assertEqual(str(summary['best']['uplink_bytes']), best['uplink_bytes'])
    self.assertEqual(
      str(summary['best']['metrics']['loss']), best['evaluation/loss']
    )
    self.assertFalse(summary['stopped_early'])

  def test_summary_has_the_size_of_the_model_and_the_flags(self):
    summary = self._summary(self._whole)
    with np.load(self._whole / 'model_weights.npz') as weights:
      self.assertEqual(
        summary['model_bytes'], sum(array.nbytes for array in weights.values())
      )
    self.assertEqual(summary['configuration']['bits'], '2')

  def test_bytes_are_those_of_the_weights(self):
    # 16 times a client gets all weights, and sends 2 of 32 bits of nearly all.
    with np.load(self._whole / 'model_weights.npz') as weights:
      model_bytes = sum(array.nbytes for array in weights.values())
    summary = self._summary(self._whole)
    self.assertAlmostEqual(
      summary['downlink_bytes'], 16 * model_bytes, delta=0.01 * 16 * model_bytes
    )
    self.assertBetween(16 * model_bytes / summary['uplink_bytes'], 14, 32 / 2)

  def test_finished_run_prints_its_table_again(self):
    before = (self._whole / 'summary.json').stat().st_mtime_ns
    exit_code, stdout, stderr = program_testing.run_here(
      'train.py', train.main, *self._arguments('whole')
    )
    self.assertEqual(exit_code, 0, stderr)
    _, table = self._whole_log.split('| task', 1)
    self.assertEqual(stdout, f'| task{table}')
    self.assertEqual((self._whole / 'summary.json').stat().st_mtime_ns, before)

  def test_fewer_rounds_than_there_are_is_refused(self):
    exit_code, _, stderr = program_testing.run_here(
      'train.py', train.main, *self._arguments('whole'), '--rounds=7'
    )
    self.assertEqual(exit_code, 2)
    self.assertIn('Expected --rounds of at least 8', stderr)
    self.assertEqual(self._summary(self._whole)['rounds'], 8)

  def test_fewer_rounds_than_are_saved_is_refused_and_changes_nothing(self):
    directory = self._path('unfinished')
    shutil.copytree(self._whole, directory)
    (directory / 'summary.json').unlink()
    before = self._files(directory)
    exit_code, _, stderr = program_testing.run_here(
      'train.py', train.main, *self._arguments('unfinished'), '--rounds=7'
    )
    self.assertEqual(exit_code, 2)
    self.assertIn('Expected --rounds of at least 8', stderr)
    self.assertEqual(self._files(directory), before)

  def _files(self, directory: pathlib.Path) -> dict[pathlib.Path, int]:
    return {path: path.stat().st_mtime_ns for path in directory.rglob('*')}

  def test_killed_and_stopped_run_ends_as_the_whole_one(self):
    # The first time by itself, later as the only run of a comparison.
    directory = self._path('comparison', 'tiny', 'seed_0')
    killed = self._start('comparison/tiny/seed_0')
    killed.wait_for_line('round 4')
    workers = killed.workers()
    self.assertLen(workers, 1)
    killed.send_signal(signal.SIGKILL)
    self.assertEqual(killed.wait(), -signal.SIGKILL)
    self.assertTrue(program_testing.are_gone(workers))

    stopped = self._start_comparison()
    stopped.wait_for_line('round 6')
    workers = stopped.workers()
    self.assertLen(workers, 1)
    stopped.send_signal(signal.SIGINT)
    self.assertEqual(stopped.wait(timeout_seconds=20), 130)
    self.assertTrue(program_testing.are_gone(workers))
    self.assertEndsWith(
      stopped.log, 'train: stopped by SIGINT; the same command resumes.\n'
    )
    self.assertFalse((directory / 'summary.json').exists())
    completed_rounds = int(self._rows(directory)[-1]['round'])
    self.assertIn(
      f'program_state_{completed_rounds}', os.listdir(directory / 'checkpoints')
    )

    resumed = self._start_comparison()
    self.assertEqual(resumed.wait(), 0, resumed.log)
    self.assertRegex(
      resumed.log,
      r'^Checking tiny\ntiny, seed 0:\nLoading TensorFlow\n(.*\n){2}'
      r'Runtime: [^\n]*\nCompiling, [^\n]*\n'
      rf'round {completed_rounds}/8',
    )
    self.assertRegex(resumed.log, r'tiny .* sketched_update .* 8 .* 1\.00 x ')
    self.assertEqual(self._rows(directory), self._rows(self._whole))
    with (
      np.load(directory / 'model_weights.npz') as weights,
      np.load(self._whole / 'model_weights.npz') as whole_weights,
    ):
      self.assertEqual(weights.files, whole_weights.files)
      for name in weights.files:
        self.assertEqual(weights[name].tobytes(), whole_weights[name].tobytes())
    self.assertEqual(
      {**self._summary(directory), 'seconds': 0},
      {**self._summary(self._whole), 'seconds': 0},
    )

  def _start_comparison(self) -> program_testing.ProgramProcess:
    flagfile = self._path('tiny.flags')
    flagfile.write_text('\n'.join(_TINY_RUN))
    return program_testing.ProgramProcess(
      'programs.compare',
      str(self._path('comparison.log')),
      f'--runs={flagfile}',
      f'--output_dir={self._path("comparison")}',
      f'--cache_dir={self._path("cache")}',
    )


class TrainWithClientStatesTest(absltest.TestCase):
  """A real run of a method whose clients remember, and one that is killed."""

  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = pathlib.Path(temporary_dir)

  def _start(self, name: str, *flags: str) -> program_testing.ProgramProcess:
    return program_testing.ProgramProcess(
      'programs.train',
      str(self._path / f'{name}.log'),
      *_RUN_WITH_CLIENT_STATES,
      *flags,
      f'--output_dir={self._path / name}',
      f'--cache_dir={self._path / name}_cache',
    )

  def _contents(self, name: str) -> dict[str, bytes]:
    """Returns the contents of the files of client states, and the weights."""
    directory = self._path / name
    contents = {
      str(path.relative_to(directory)): path.read_bytes()
      for path in (directory / 'client_states').rglob('*')
      if path.is_file()
    }
    with np.load(directory / 'model_weights.npz') as weights:
      contents.update((k, array.tobytes()) for k, array in weights.items())
    return contents

  @pytest.mark.slow
  def test_killed_run_ends_as_the_whole_one(self):
    whole, killed = self._start('whole'), self._start('killed')
    killed.wait_for_line('round 4')
    killed.send_signal(signal.SIGKILL)
    self.assertEqual(killed.wait(), -signal.SIGKILL)
    self.assertTrue((self._path / 'killed' / 'client_states').exists())
    self.assertFalse((self._path / 'killed' / 'summary.json').exists())
    resumed = self._start('killed')
    self.assertEqual(resumed.wait(), 0, resumed.log)
    self.assertEqual(whole.wait(), 0, whole.log)
    # Round 3 is not evaluated.
    self.assertRegex(
      resumed.log, r'\nRuntime: [^\n]*\nCompiling[^\n]*\nround 3/6: uplink '
    )
    contents = self._contents('whole')
    self.assertGreater(
      len([name for name in contents if name.startswith('client_states')]), 4
    )
    self.assertEqual(self._contents('killed'), contents)
    self.assertEqual(
      (self._path / 'killed' / 'metrics.csv').read_text(),
      (self._path / 'whole' / 'metrics.csv').read_text(),
    )

  @pytest.mark.slow
  def test_time_of_a_client_is_measured_once_and_changes_nothing_else(self):
    whole, measured = (
      self._start('whole'),
      self._start('measured', '--rounds=4'),
    )
    self.assertEqual((whole.wait(), measured.wait()), (0, 0), measured.log)
    path = self._path / 'measured' / 'summary.json'
    without = json.loads(path.read_text())
    for rounds in (4, 6):
      again = self._start(
        'measured', '--measure_client_seconds', f'--rounds={rounds}'
      )
      self.assertEqual(again.wait(), 0, again.log)
      found = json.loads(path.read_text())
      seconds = found.pop('client_seconds')
      if rounds == 4:
        self.assertEqual(found, without)
        self.assertBetween(seconds, 1e-3, 60)
        first = seconds
      self.assertEqual(seconds, first)
    for name in ('metrics.csv', 'model_weights.npz'):
      files = [self._path / run / name for run in ('measured', 'whole')]
      self.assertTrue(filecmp.cmp(*files, shallow=False), name)


if __name__ == '__main__':
  absltest.main()
