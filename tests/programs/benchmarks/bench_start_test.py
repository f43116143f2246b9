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
"""Tests for bench_start."""

import subprocess
from unittest import mock

from absl.testing import absltest
import pytest

from programs import train
from programs.benchmarks import bench_start
from tests.programs import program_testing


class BenchStartTest(absltest.TestCase):
  @pytest.mark.slow
  def test_programs_run_to_their_end(self):
    with mock.patch.object(subprocess, 'run') as run:
      seconds = bench_start.time_starts(repeats=1)
    self.assertSetEqual(
      set(seconds), {*bench_start.PROGRAMS, bench_start.TRAIN}
    )
    *programs, train_arguments = (call.args[0][1:] for call in run.mock_calls)
    for flag, program in programs:
      self.assertEqual(flag, '-c')
      # In this process, which has imported TFF.
      exec(program, {})
    module_flag, module, *flags = train_arguments
    self.assertEqual((module_flag, module), ('-m', 'programs.train'))
    exit_code, _, _ = program_testing.run_here(
      'train.py', train.main, *flags, '--dry_run'
    )
    self.assertEqual(exit_code, 0)

  def test_program_that_fails_is_an_error(self):
    with (
      mock.patch.object(bench_start, '_ROUND', 'raise SystemExit(3)'),
      self.assertRaises(subprocess.CalledProcessError),
    ):
      bench_start.time_starts(repeats=1)

  def test_rows_compare_with_tff(self):
    seconds = {bench_start.TFF: 10.0, 'other': 12.5}
    with mock.patch.object(
      bench_start, 'time_starts', return_value=seconds
    ) as time_starts:
      rows = bench_start.measure(repeats=11)
    time_starts.assert_called_once_with(3)
    self.assertEqual(
      [row[1:] for row in rows],
      [
        [bench_start.TFF, '10.0 s', f'1.00 x {bench_start.TFF}'],
        ['other', '12.5 s', f'1.25 x {bench_start.TFF}'],
      ],
    )


if __name__ == '__main__':
  absltest.main()
