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
"""Tests of tables of results."""

import dataclasses
import json
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.pages import descriptions
from programs.pages import result_tables
from programs.reports import simulated_time
from tests.programs.pages import small_repository

_DESCRIPTION = """
[digits]
heading = ['uplink', 'task']
columns = ['accuracy', 'rounds', 'downlink MB', 'downlink reduction',
  'model MB']
seeds = [0]
[digits.rows]
plain = ['32 bits', 'digits']
small = ['2 bits', 'digits']
"""
_LAST = """\
| uplink | task | accuracy | rounds | downlink MB | downlink reduction | \
model MB |
| --- | --- | --- | --- | --- | --- | --- |
| 32 bits | digits | 50.00 % | 2 | 8.000 | 1.00 x | 1.000 |
| 2 bits | digits | 70.00 % | 2 | 2.000 | 4.00 x | 1.000 |
"""
_BEST = """\
| 32 bits | digits | 51.00 % | 1 | 4.000 | 1.00 x | 1.000 |
| 2 bits | digits | 71.00 % | 1 | 1.000 | 4.00 x | 1.000 |
"""


class ResultTablesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self._results = self._root / 'results'
    small_repository.write_page(self._root, _DESCRIPTION, '')
    for seed in (0, 1):
      for name, accuracy, downlink_bytes in (
        ('plain', 0.5, 8_000_000),
        ('small', 0.7 + 0.02 * seed, 2_000_000),
      ):
        path = self._results / 'page' / name / f'seed_{seed}'
        small_repository.write_run(path, accuracy, 8, downlink_bytes)

  def _table(self):
    (page,) = descriptions.read_all(self._results)
    return page.tables[0]

  def _text(self, **changes):
    (page,) = descriptions.read_all(self._results)
    table = dataclasses.replace(page.tables[0], **changes)
    return result_tables.text(page, result_tables.read(self._results, table))

  def test_last_evaluation_of_one_seed(self):
    self.assertEqual(
      self._text(),
      f'{_LAST}\n`make results PAGE=page`: seed 0; Abacus, TensorFlow 2.14.1; '
      '10 to 10 s a run.\n',
    )

  def test_baselines_of_the_task(self):
    path = self._results / 'page' / 'plain' / 'seed_0' / 'summary.json'
    summary = json.loads(path.read_text())
    summary['baselines'] = {'unigram_accuracy': 0.0855}
    path.write_text(json.dumps(summary))
    self.assertIn(
      '10 to 10 s a run. Without training: unigram accuracy 8.55 %.',
      ' '.join(self._text().split()),
    )

  def test_best_evaluation(self):
    self.assertIn(_BEST, self._text(at='best'))

  def test_best_evaluation_on_test_data(self):
    for name, accuracy in (('plain', 0.4), ('small', 0.6)):
      small_repository.write_evaluation(
        self._results / 'page' / name / 'seed_0', 'test', accuracy
      )
    text = self._text(at='test')
    # Rounds and bytes are those of the best evaluation.
    self.assertIn('| digits | 40.00 % | 1 | 4.000 | 1.00 x |', text)
    self.assertIn('| digits | 60.00 % | 1 | 1.000 | 4.00 x |', text)

  def test_last_evaluation_and_that_on_training_data(self):
    for name, accuracy in (('plain', 0.8), ('small', 0.9)):
      small_repository.write_evaluation(
        self._results / 'page' / name / 'seed_0', 'train', accuracy
      )
    text = self._text(
      at='train', columns=('train_accuracy', 'train_accuracy difference')
    )
    self.assertIn('| digits | 80.00 % |  |', text)
    self.assertIn('| digits | 90.00 % | +10.00 |', text)
    last = self._text()
    self.assertIn(_LAST, last)
    self.assertEqual(self._text(at='train'), last)

  @parameterized.parameters('test', 'train')
  def test_without_evaluation_after_training(self, at):
    with self.assertRaisesRegex(
      runner.UsageError, 'page/plain/seed_0, found not all'
    ):
      self._text(at=at)

  def test_columns_of_metrics_by_name(self):
    self.assertIn('| task | loss |', self._text(columns=('loss',)))
    self.assertIn('| digits | 0.5000 |', self._text(columns=('loss',)))

  def test_columns_of_rows(self):
    text = self._text(columns=('excluded', 'missing rows'))
    self.assertIn('| task | excluded | missing rows |', text)
    self.assertIn('| digits | none | none |', text)

  # By hand: 0.7 and 0.72 have a standard deviation of 0.0141.
  def test_several_seeds(self):
    text = self._text(seeds=(0, 1))
    self.assertIn('| 2 bits | digits | 71.00 % (± 1.41) | 2 | 2.000 |', text)
    self.assertIn('seeds 0, 1; mean (± sample standard deviation);', text)
    self.assertIn('10 to 11 s a run.', ' '.join(text.split()))

  # 0.7 and 0.72 against 0.5.
  def test_differences_to_the_first_row(self):
    text = self._text(
      seeds=(0, 1), columns=('accuracy difference', 'loss difference')
    )
    self.assertIn('| 32 bits | digits |  |  |', text)
    self.assertIn('| 2 bits | digits | +21.00 (± 1.41) | +0.0000 (', text)

  def test_runs_that_never_match_the_baseline(self):
    for seed, accuracy in ((0, 0.3), (1, 0.7)):
      small_repository.write_run(
        self._results / 'page' / 'small' / f'seed_{seed}', accuracy, 8, 8
      )
    columns = ('rounds', 'downlink MB', 'loss', 'loss difference', 'model MB')
    self.assertIn(
      '| 2 bits | digits | never |  |  |  | 1.000 |',
      self._text(at='matching', columns=columns),
    )
    self.assertIn(
      '(1 of 2 runs) |',
      self._text(at='matching', columns=columns, seeds=(0, 1)),
    )

  def test_rows_are_read_in_order(self):
    (page,) = descriptions.read_all(self._results)
    results = result_tables.read(self._results, page.tables[0])
    self.assertEqual(list(results.groups), ['plain', 'small'])
    self.assertEqual([row.name for row in results.rows], ['plain', 'small'])
    self.assertIs(results.table, page.tables[0])

  # A round of the only client: 0.1 s of latency twice, 4 MB in each direction,
  # and 1 s of computation.
  def test_target(self):
    for seed, accuracy in ((0, 0.7), (1, 0.5)):  # 0.71 and 0.51 after a round.
      small_repository.write_run(
        self._results / 'page' / 'plain' / f'seed_{seed}',
        *(accuracy, 8_000_000, 8_000_000),
        num_clients=1,
      )
    changes = {
      'seeds': (0, 1),
      'rows': self._table().rows[:1],
      'target': 'accuracy=0.705',
    }
    columns = ('rounds to target', 'total MB to target', 'seconds to target')
    self.assertIn(
      '| 1 (1 of 2 runs) | 8.000 |', self._text(columns=columns[:2], **changes)
    )
    text = self._text(
      columns=columns, network='wan', client_seconds=1, **changes
    )
    rate = simulated_time.link_factors(0, 1, 0.5)[0]  # Of 2 and 6 Mbit/s.
    seconds = 0.2 + 1 + 4 * 8 / (2 * rate) + 4 * 8 / (6 * rate)
    self.assertIn(f'| 1 (1 of 2 runs) | 8.000 | {seconds:.1f} |', text)

  @parameterized.parameters(
    ({'target': 'high'}, 'METRIC=VALUE as target in .*toml, found .high.;'),
    ({'network': 'post'}, r"network of \['lte', .*found 'post'; correct it"),
  )
  def test_refuses(self, changes, message):
    with self.assertRaisesRegex(runner.UsageError, message):
      self._text(**changes)

  def test_refuses_another_column(self):
    with self.assertRaisesRegex(
      runner.UsageError, r"columns of \['accuracy', .*found 'speed'; correct"
    ):
      self._text(columns=('speed',))

  def test_refuses_missing_files(self):
    (self._results / 'page/small/seed_1/metrics.csv').unlink()
    with self.assertRaisesRegex(
      runner.UsageError, 'page/small/seed_1, found not all'
    ):
      self._text(seeds=(0, 1))


if __name__ == '__main__':
  absltest.main()
