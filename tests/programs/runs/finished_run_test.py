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
"""Tests for finished_run."""

import json
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.runs import finished_run
from tests.programs.runs import example_runs


class FinishedRunTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enter_context(tempfile.TemporaryDirectory())
    self._path = pathlib.Path(directory, 'plain', 'seed_7')

  def test_reads_all_files(self):
    example_runs.write(self._path, seed=7, method='dgc')
    run = finished_run.read(str(self._path))
    self.assertEqual((run.name, run.seed), ('plain', 7))
    self.assertEqual((run.task, run.method), ('digits', 'dgc'))
    self.assertEqual(run.configuration['seed'], 7)
    self.assertEqual(run.environment['processor'], 'A fast one')
    self.assertLen(run.rows, 5)
    self.assertEqual(run.rows[1]['uplink_bytes'], 10_000_000)
    self.assertNotIn('evaluation/accuracy', run.rows[1])
    self.assertEqual([e.rounds for e in run.evaluations], [0, 2, 4])
    self.assertEqual(run.last, run.evaluations[2])
    self.assertEqual(run.best, run.evaluations[1])
    self.assertEqual(run.best.total_bytes, 40_000_000)

  def test_evaluation_on_test_data(self):
    example_runs.write(self._path)
    with self.assertRaisesRegex(
      runner.UsageError, "run 'plain' on test data, found none; give it"
    ):
      _ = finished_run.read(str(self._path)).test
    test_path = self._path / 'test_evaluation.json'
    test_path.write_text(json.dumps({'metrics': {'accuracy': 0.25}}))
    run = finished_run.read(str(self._path))
    self.assertEqual(run.test.metrics, {'accuracy': 0.25})
    self.assertEqual(run.test.rounds, run.best.rounds)
    self.assertEqual(run.test.total_bytes, run.best.total_bytes)
    test_path.write_text(json.dumps({'metrics': {'accuracy': 'high'}}))
    with self.assertRaisesRegex(
      runner.UsageError, 'test_evaluation.json.* as metrics'
    ):
      finished_run.read(str(self._path))

  def test_directory_without_a_seed_has_the_name(self):
    path = example_runs.write(self._path.with_name('alone'))
    self.assertEqual(finished_run.read(f'{path}/').name, 'alone')

  @parameterized.named_parameters(
    ('nothing', 'configuration.json', 'no configuration.json; check the path'),
    ('unfinished', 'summary.json', 'no summary.json; train it to its end'),
    ('no_metrics', 'metrics.csv', 'found: No such file'),
  )
  def test_missing_file(self, name, message):
    example_runs.write(self._path)
    (self._path / name).unlink()
    with self.assertRaisesRegex(runner.UsageError, f'{self._path}.*{message}'):
      finished_run.read(str(self._path))

  @parameterized.named_parameters(
    ('half_written', 'summary.json', lambda text: text[:99], 'no JSON'),
    (
      'older_layout',
      'summary.json',
      lambda text: text.replace('model_bytes', 'model_size'),
      'None as model_bytes',
    ),
    (
      'no_environment',
      'configuration.json',
      lambda text: text.replace('environment', 'machine'),
      'None as environment',
    ),
    (
      'no_seed',
      'configuration.json',
      lambda text: text.replace('"seed": 0', '"seed": "0"'),
      "'0' as seed",
    ),
    (
      'lost_rows',
      'metrics.csv',
      lambda text: ''.join(text.splitlines(keepends=True)[:-1]),
      '4 rows instead of 5',
    ),
    *(
      (
        f'bytes_{name}',
        'metrics.csv',
        lambda text, cell=cell: text.replace('10000000,', f'{cell},', 1),
        'as uplink_bytes of round 1',
      )
      for name, cell in (
        ('nan', 'nan'),
        ('infinite', 'inf'),
        ('negative', '-5'),
        ('fraction', '0.5'),
        ('large', '1e300'),
      )
    ),
    (
      'clients_nan',
      'metrics.csv',
      lambda text: text.replace('10000000,2,', '10000000,nan,', 1),
      'nan as num_clients of round 1',
    ),
    (
      'no_bytes',
      'metrics.csv',
      lambda text: text.replace('uplink_bytes', 'bytes'),
      'no column of uplink_bytes',
    ),
  )
  def test_damaged_file(self, name, damage, message):
    example_runs.write(self._path)
    path = self._path / name
    path.write_text(damage(path.read_text()))
    with self.assertRaisesRegex(
      runner.UsageError, f'Expected {path} .*{message}'
    ):
      finished_run.read(str(self._path))

  def test_not_a_number_is_kept(self):
    example_runs.write(self._path)
    metrics = json.loads((self._path / 'summary.json').read_text())['metrics']
    example_runs.change_summary(
      self._path, metrics=metrics | {'loss': float('nan')}
    )
    loss = finished_run.read(str(self._path)).last.metrics['loss']
    self.assertNotEqual(loss, loss)


if __name__ == '__main__':
  absltest.main()
