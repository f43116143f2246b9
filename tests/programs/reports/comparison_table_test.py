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
"""Tests for comparison_table."""

import pathlib
import tempfile

from absl.testing import absltest

from programs.reports import comparison
from programs.reports import comparison_table
from programs.runs import finished_run
from tests.programs.runs import example_runs


class ComparisonTableTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _groups(self, **kwargs) -> comparison.Groups:
    runs = [
      ('plain', 0, (0.1, 0.6, 0.7)),
      ('plain', 1, (0.1, 0.6, 0.8)),
      ('small', 0, (0.1, 0.7, 0.5)),
      ('small', 1, (0.1, 0.3, 0.4)),
    ]
    return comparison.group(
      finished_run.read(
        str(
          example_runs.write(
            self._path / name / f'seed_{seed}',
            seed=seed,
            accuracies=accuracies,
            uplink_bytes=4_000_000 if name == 'small' else 40_000_000,
            **kwargs,
          )
        )
      )
      for name, seed, accuracies in runs
    )

  def _table(self, groups, *arguments) -> list[list[str]]:
    rows = comparison.compare(groups, *arguments)
    return [
      comparison_table.header(groups, rows),
      *comparison_table.cells(groups, rows),
    ]

  def test_both_directions_come_first(self):
    header, plain, small = self._table(self._groups())
    self.assertEqual(
      header,
      [
        *('run', 'method', 'accuracy', 'rounds', 'total MB', 'less total'),
        *('uplink MB', 'less uplink', 'downlink MB', 'less downlink'),
        *('model MB', 'run seconds'),
      ],
    )
    self.assertEqual(
      plain,
      [
        *('plain', 'fed_avg', '75.00 % (± 7.07)', '4', '80.000', '1.00 x'),
        *('40.000', '1.00 x', '40.000', '1.00 x', '0.600', '12.5'),
      ],
    )
    self.assertEqual(
      small[4:10],
      ['44.000', '1.82 x', '4.000', '10.00 x', '40.000', '1.00 x'],
    )

  def test_metrics_of_labels_that_are_numbers(self):
    header, plain, _ = self._table(self._groups(metric='mean_absolute_error'))
    self.assertEqual(header[2:5], ['mean absolute error', 'loss', 'rounds'])
    self.assertEqual(plain[2:4], ['0.7500 (± 0.0707)', '0.2500 (± 0.0707)'])

  def test_target(self):
    target = comparison.Target('accuracy', 0.65)
    header, plain, small = self._table(
      self._groups(), 'last', target, lambda run: [1000.0 * r for r in range(5)]
    )
    self.assertEqual(
      header[-3:],
      ['rounds to target', 'total MB to target', 'seconds to target'],
    )
    self.assertEqual(plain[-3:], ['4', '80.000', '4,000.0'])
    self.assertEqual(small[-3:], ['2 (1 of 2 runs)', '22.000', '2,000.0'])

  def test_never(self):
    target = comparison.Target('loss', 0.1)
    header, plain, small = self._table(self._groups(), 'matching', target)
    self.assertEqual(header[-1], 'total MB to target')
    self.assertEqual(plain[-2:], ['never', 'never'])
    self.assertEqual(small[3], '2 (1 of 2 runs)')

  def test_no_run_matches(self):
    groups = self._groups()
    worse = {'plain': groups['plain'], 'small': groups['small'][1:]}
    header, _, small = self._table(worse, 'matching')
    self.assertLen(small, len(header))
    self.assertEqual(small[:5], ['small', '', '', 'never', ''])

  def test_csv_of_runs_that_do_not_match(self):
    text = comparison_table.csv_text(self._groups(), 'matching')
    header, *lines = [line.split(',') for line in text.splitlines()]
    rounds = header.index('rounds')
    self.assertEqual([line[rounds] for line in lines], ['4', '4', '2', ''])


if __name__ == '__main__':
  absltest.main()
