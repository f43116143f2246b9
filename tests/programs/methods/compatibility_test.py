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
"""Tests of the table of docs/guides/choose_method.md: what goes with what.

A cell is `yes`, `no`, or the flag that it takes. A table below it has the line
that refuses a `no`.
"""

import functools
import pathlib
import re

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import runner
from programs.methods import method_flags
from programs.methods import registry
from tests.programs.methods import tiny_task

_GUIDES = pathlib.Path(__file__).parents[3] / 'docs' / 'guides'
_REQUIRED = {
  'random_mask': ['--fraction=0.5'],
  'low_rank': ['--rank=1'],
  'fed_ss': ['--num_sampled_classes=2'],
  'fed_mlh': ['--num_buckets=4'],
}
_WITH_LABELS = ('fed_mlh', 'fed_avg_ensemble')
# Flags that ask for what a column is about.
_FLAGS = {
  'DP': [['--dp_noise_multiplier=1']],
  'secure sum': [['--secure_clip=1'], ['--tff_aggregator=secure']],
  'downlink bits': [['--downlink_bits=4']],
  'client state': [['--downlink_deltas', '--downlink_bits=4']],
}


def _read_table(page: str, heading: str) -> dict[str, dict[str, str]]:
  """Returns the cells of the first table below a heading, by row and column."""
  text = (_GUIDES / page).read_text().partition(f'# {heading}\n')[2]
  table = text[text.index('\n|') + 1 :].partition('\n\n')[0]
  columns, _, *rows = [
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in table.splitlines()
  ]
  return {
    row[0].strip('`'): dict(zip(columns, row, strict=True)) for row in rows
  }


@functools.cache
def _cells() -> dict[str, dict[str, str]]:
  return _read_table('choose_method.md', 'What goes with what')


def _refusal(column: str, method: str) -> str:
  """Returns the pattern of the line that the page has for a `no`."""
  line = _read_table('choose_method.md', 'Refusals')[column]['line'].strip('`')
  return f'^{re.escape(line.replace("METHOD", method)).replace("…", ".*")}'


def _choose(method: str, *arguments: str) -> method_flags.Choice:
  """Returns the checked flags of a method."""
  with flagsaver.flagsaver():
    flags.FLAGS(
      ['', f'--method={method}', *_REQUIRED.get(method, []), *arguments]
    )
    return method_flags.choice(seed=0)


class FlagsTest(parameterized.TestCase):
  def test_table_names_each_method(self):
    self.assertCountEqual(_cells(), registry.METHODS)

  @parameterized.product(method=list(registry.METHODS), column=list(_FLAGS))
  def test_flags_are_taken_or_refused(self, method, column):
    cell = _cells()[method][column]
    for arguments in _FLAGS[column]:
      flag = arguments[0].partition('=')[0]
      if cell == 'yes' or flag in cell:
        _choose(method, *arguments)
      else:
        with self.assertRaisesRegex(runner.UsageError, f'^Expected no {flag} '):
          _choose(method, *arguments)
    if cell == 'no':
      with self.assertRaisesRegex(runner.UsageError, _refusal(column, method)):
        _choose(method, *_FLAGS[column][0])

  @parameterized.parameters(*registry.METHODS)
  def test_own_data_are_refused_where_they_need_many_labels(self, method):
    if method not in _WITH_LABELS:
      self.assertEqual(_cells()[method]['own data'], 'yes')
      return
    self.assertEqual(_cells()[method]['own data'], 'no')
    options = _choose(method).options
    with self.assertRaisesRegex(
      runner.UsageError, _refusal('own data', method)
    ):
      registry.METHODS[method].check_task(tiny_task.TASK, options)

  def test_map_reduce_form_is_as_the_guide_says(self):
    says = _read_table('deploy.md', 'Methods with this form')
    for method, cells in _cells().items():
      expected = (
        'no' if says[method]['MapReduceForm'].startswith('no') else 'yes'
      )
      self.assertEqual(cells['MapReduceForm'], expected, method)


if __name__ == '__main__':
  absltest.main()
