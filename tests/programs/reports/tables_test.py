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
"""Tests for tables."""

import contextlib
import io

from absl.testing import absltest
from absl.testing import parameterized
from rich import console as rich_console

from programs.reports import tables


def _printed(function, *arguments) -> str:
  output = io.StringIO()
  with contextlib.redirect_stdout(output):
    function(*arguments)
  return output.getvalue()


class TablesTest(parameterized.TestCase):
  def test_file_gets_wide_cells_in_full(self):
    output = _printed(
      tables.print_table, ['first', 'second'], [['a' * 90, 'b' * 90]]
    )
    self.assertIn('a' * 90, output)
    self.assertIn('b' * 90, output)

  def test_markdown(self):
    self.assertEqual(
      tables.markdown(['run', 'a|b'], [['x', '1'], ['y', '']]),
      '| run | a\\|b |\n| --- | --- |\n| x | 1 |\n| y |  |\n',
    )

  def test_aligned_markdown(self):
    self.assertEqual(
      tables.markdown(['run', 'a|b'], [['long', '1'], ['y', '']], True),
      '| run  | a\\|b |\n| ---- | ---- |\n| long | 1    |\n| y    |      |\n',
    )

  def test_file_gets_markdown(self):
    output = _printed(tables.print_table, ['run', 'a'], [['x[/b]', '1']])
    self.assertEqual(
      output, '| run   | a   |\n| ----- | --- |\n| x[/b] | 1   |\n\n'
    )

  def test_terminal_shows_brackets(self):
    output = io.StringIO()
    console = rich_console.Console(file=output, force_terminal=True, width=80)
    tables.print_table(['[a]'], [['x[/b]']], console=console)
    self.assertIn('[a]', output.getvalue())
    self.assertIn('x[/b]', output.getvalue())

  @parameterized.parameters((80, True), (40, False))
  def test_narrow_terminal_does_without_optional_columns(self, width, is_whole):
    output = io.StringIO()
    console = rich_console.Console(
      file=output, force_terminal=True, width=width, color_system=None
    )
    tables.print_table(
      ['name', 'total MB', 'uplink MB'],
      [['a' * 30, '1,234.567', '765.4']],
      ['uplink MB'],
      console,
    )
    self.assertEqual('765.4' in output.getvalue(), is_whole)
    self.assertIn('1,234.567', output.getvalue())
    self.assertGreaterEqual(output.getvalue().count('a'), 30)

  @parameterized.named_parameters(
    ('all_rounds', False, {}, ''),
    (
      'validation_data',
      False,
      {'validation_fraction': 0.1},
      'Evaluated on validation data, 0.1 of the training examples, not on test '
      'data.\n',
    ),
    (
      'stopped_early',
      True,
      {},
      'Stopped early: no better loss after round 4.\n',
    ),
  )
  def test_summary_has_a_row_for_the_last_and_the_best(
    self, stopped_early, configuration, message
  ):
    best = {
      'rounds': 4,
      'metrics': {'accuracy': 0.75, 'loss': 0.5},
      'uplink_bytes': 4_000_000,
      'downlink_bytes': 8_000_000,
    }
    summary = {
      'task': 'digits',
      'method': 'fed_avg',
      'rounds': 6,
      'metrics': {'accuracy': 0.5, 'loss': 1.25},
      'uplink_bytes': 6_000_000,
      'downlink_bytes': 12_000_000,
      'seconds': 12.34,
      'best': best,
      'best_metric': 'loss',
      'stopped_early': stopped_early,
      'configuration': configuration,
    }
    output = _printed(tables.print_summary, summary)
    cells = [
      [cell.strip() for cell in line.split('|')[1:-1]]
      for line in output.splitlines()
      if line.startswith('| d')
    ]
    self.assertEqual(
      cells,
      [
        [
          *('digits', 'fed_avg', 'last', '6', '50.00 %', '1.2500'),
          *('6.000', '12.000', '12.3'),
        ],
        [
          *('digits', 'fed_avg', 'best', '4', '75.00 %', '0.5000'),
          *('4.000', '8.000', ''),
        ],
      ],
    )
    self.assertEndsWith(output, f'|\n\n{message}')

  def test_units(self):
    self.assertEqual(tables.megabytes(1_234_567_890), '1,234.568')
    self.assertEqual(tables.megabytes(1_234_567_890, decimals=0), '1,235')
    self.assertEqual(tables.percent(0.98765), '98.77 %')

  def test_precision_at_1_replaces_accuracy(self):
    self.assertEqual(
      tables.metric_texts({'accuracy': 0.5, 'map_at_3': 0.25, 'loss': 1}),
      {'accuracy': '50.00 %', 'MAP@3': '25.00 %', 'loss': '1.0000'},
    )
    self.assertEqual(
      tables.metric_texts(
        {'accuracy': 0.5, 'recall_at_5': 0.25, 'ndcg_at_50': 0.125, 'loss': 1}
      ),
      {
        'accuracy': '50.00 %',
        'R@5': '25.00 %',
        'NDCG@50': '12.50 %',
        'loss': '1.0000',
      },
    )
    self.assertEqual(
      tables.metric_texts(
        {'precision_at_1': 0.5, 'precision_at_3': 0.25, 'loss': 1}
      ),
      {'P@1': '50.00 %', 'P@3': '25.00 %', 'loss': '1.0000'},
    )

  def test_all_metrics_where_there_are_no_fractions(self):
    metrics = {'loss': 1.0, 'num_examples': 3.0, 'mean_absolute_error': 0.5}
    self.assertEqual(
      tables.metric_texts(metrics),
      {'mean absolute error': '0.5000', 'loss': '1.0000'},
    )


if __name__ == '__main__':
  absltest.main()
