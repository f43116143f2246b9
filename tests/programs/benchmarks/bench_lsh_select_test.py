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
"""Tests for bench_lsh_select."""

from unittest import mock

from absl.testing import absltest
import pytest

from programs.benchmarks import bench_lsh_select


class BenchLshSelectTest(absltest.TestCase):
  @pytest.mark.slow
  def test_times_rounds(self):
    with (
      mock.patch.object(bench_lsh_select, 'NUM_TOKENS', 100),
      mock.patch.object(bench_lsh_select, 'NUM_CLIENTS', 2),
      mock.patch.object(bench_lsh_select, 'NUM_SENTENCES', 4),
      mock.patch.object(bench_lsh_select, 'OWN_BUDGET', 0.2),
    ):
      seconds = bench_lsh_select.time_rounds(repeats=1)
    self.assertLen(seconds, 2)
    self.assertIn(bench_lsh_select.FULL, seconds)
    self.assertGreater(min(wall for wall, _ in seconds.values()), 0)

  @pytest.mark.slow
  def test_memory_of_a_client_does_not_grow_with_the_rows(self):
    few, many = (
      bench_lsh_select.peak_client_bytes(*rows)
      for rows in bench_lsh_select.MEMORY_ROWS
    )
    self.assertLess(many, 1.5 * few)


if __name__ == '__main__':
  absltest.main()
