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
"""Tests for training_progress."""

import contextlib
import io
from unittest import mock

from absl.testing import absltest
from rich import console as rich_console

from programs.reports import training_progress


def _show_progress(is_terminal: bool) -> str:
  output = io.StringIO()
  console = rich_console.Console(
    file=output, force_terminal=is_terminal, width=120, color_system=None
  )
  metrics = {'accuracy': 0.5, 'loss': 1.25}
  with contextlib.redirect_stdout(output):
    with training_progress.Progress(rounds=9, console=console) as progress:
      progress.update(4, metrics, 1_500_000, is_evaluated=True)
      progress.update(5, metrics, 2_500_000, is_evaluated=False)
      progress.update(6, {'accuracy': 0.625, 'loss': 1}, 3_500_000, True)
  return output.getvalue()


class ProgressTest(absltest.TestCase):
  def test_file_gets_a_line_for_each_evaluation(self):
    self.assertEqual(
      _show_progress(is_terminal=False),
      'round 4/9: accuracy 50.00 %, loss 1.2500, uplink 1.50 MB\n'
      'round 6/9: accuracy 62.50 %, loss 1.0000, uplink 3.50 MB\n',
    )

  def test_terminal_gets_a_bar(self):
    output = _show_progress(is_terminal=True)
    self.assertNotIn('round 4/9:', output)
    self.assertRegex(
      output,
      r'round +6/9 .*accuracy 62.50 %, loss 1.0000, uplink 3.50 MB .*:00 left',
    )

  def test_time_left_counts_from_the_first_round(self):
    # The bar starts at second 70, at the end of round 4; round 5 takes 100
    # seconds and round 6 takes 20.
    with mock.patch.object(
      training_progress.time, 'monotonic', side_effect=[70, 170, 190]
    ):
      output = _show_progress(is_terminal=True)
    self.assertRegex(output, r'4/9 .* compiling the first round')
    self.assertRegex(output, r'6/9 .* 0:03:00 left')

  def test_stage(self):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      training_progress.show_stage('Loading digits')
    self.assertEqual(output.getvalue(), 'Loading digits\n')


if __name__ == '__main__':
  absltest.main()
