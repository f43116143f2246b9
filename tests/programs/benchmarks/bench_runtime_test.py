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
"""Tests for the fast parts of bench_runtime."""

from unittest import mock

from absl.testing import absltest

from programs.benchmarks import bench_runtime
from programs.benchmarks import bench_select


class BenchRuntimeTest(absltest.TestCase):
  def test_times_selects_in_each_runtime(self):
    with (
      mock.patch.object(bench_select, 'NUM_CLIENTS', 2),
      mock.patch.object(bench_select, 'NUM_ROWS', 20),
      mock.patch.object(bench_select, 'NUM_KEYS', 5),
    ):
      medians = bench_runtime.time_selects(repeats=1)
    self.assertSetEqual(
      set(medians), {bench_runtime.IN_PROCESS, bench_runtime.CPP}
    )
    self.assertGreater(min(wall for wall, _ in medians.values()), 0)

  def test_times_cohorts_of_each_size(self):
    with mock.patch.object(bench_runtime, 'COHORT_SIZES', (2, 4)):
      found = bench_runtime.time_cohorts(repeats=1)
    self.assertSequenceEqual(list(found), (2, 4))
    self.assertGreater(min(seconds for seconds, _ in found.values()), 0)


if __name__ == '__main__':
  absltest.main()
