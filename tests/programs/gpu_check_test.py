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
"""Tests for gpu_check, without a GPU."""

from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs import gpu_check
from programs.diagnostics import gpu_comparison
from tests.programs import program_testing


class GpuCheckTest(parameterized.TestCase):
  def _run(self, gpu_names, result):
    with (
      mock.patch.object(gpu_comparison, 'gpu_names', return_value=gpu_names),
      mock.patch.object(
        gpu_comparison, 'compare_gpu_with_cpu', return_value=result
      ) as compare,
    ):
      exit_code, stdout, _ = program_testing.run_here(
        'gpu_check.py', gpu_check.main, '--timed_rounds=3'
      )
    return exit_code, stdout, compare

  def test_without_a_gpu_prints_one_line(self):
    exit_code, stdout, compare = self._run([], None)
    self.assertEqual(exit_code, 0)
    self.assertEqual(stdout, 'TensorFlow sees no GPU: nothing to check.\n')
    compare.assert_not_called()

  @parameterized.named_parameters(('equal', True, 0), ('different', False, 1))
  def test_with_a_gpu_prints_a_table(self, is_equal, expected_exit_code):
    row = ['a process', '1e-05', '1.0', '2.0', 'verdict']
    exit_code, stdout, compare = self._run(['Fast'], ([row], is_equal))
    self.assertEqual(exit_code, expected_exit_code)
    compare.assert_called_once_with(3)
    self.assertRegex(stdout, r'\| a process +\| 1e-05 .*\| verdict')
    self.assertEndsWith(stdout, '\nFast\n')


if __name__ == '__main__':
  absltest.main()
