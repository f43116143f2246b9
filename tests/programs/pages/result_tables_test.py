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
import pathlib
import tempfile

from absl.testing import absltest

from programs.command_line import runner
from programs.pages import descriptions
from programs.pages import result_tables
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


class ResultTablesTest(absltest.TestCase):
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

  def test_best_evaluation(self):
    self.assertIn(_BEST, self._text(at='best'))

  # By hand: 0.7 and 0.72 have a standard deviation of 0.0141.
  def test_several_seeds(self):
    text = self._text(seeds=(0, 1))
    self.assertIn('| 2 bits | digits | 71.00 % (± 1.41) | 2 | 2.000 |', text)
    self.assertIn('seeds 0, 1; mean (± sample standard deviation);', text)
    self.assertIn('10 to 11 s a run.', ' '.join(text.split()))

  def test_rows_are_read_in_order(self):
    (page,) = descriptions.read_all(self._results)
    results = result_tables.read(self._results, page.tables[0])
    self.assertEqual(list(results.groups), ['plain', 'small'])
    self.assertEqual([row.name for row in results.rows], ['plain', 'small'])
    self.assertIs(results.table, page.tables[0])

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
