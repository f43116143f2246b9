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
"""Tests for bench_downlink."""

from unittest import mock

from absl.testing import absltest
import numpy as np
import pytest

from programs.benchmarks import bench_downlink
from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_runtime
from tests.tff_methods import linear_model


class BenchDownlinkTest(absltest.TestCase):
  @pytest.mark.slow
  def test_times_every_runtime_and_distributor(self):
    workload = linear_model.model_fn, linear_model.datasets()
    seconds = bench_downlink.time_rounds(workload, repeats=1)
    self.assertLen(seconds, 2 * 2 * 4)
    self.assertGreater(min(wall for wall, _ in seconds.values()), 0)

  def test_rows_compare_with_a_plain_round_in_the_same_runtime(self):
    cpp = bench_runtime.CPP
    seconds = {
      (cpp, 'a round', bench_downlink.PLAIN): np.array([0.5, 1.0]),
      (cpp, 'distribution alone', 'eden'): np.array([0.05, 0.2]),
    }
    with (
      mock.patch.object(bench_rounds, 'cnn_workload'),
      mock.patch.object(bench_downlink, 'time_rounds', return_value=seconds),
    ):
      _, row = bench_downlink.measure(repeats=1)
    self.assertEqual(
      row[1:],
      ['eden', '50 ms', '0.100 x a round with float32, 0.200 x its CPU time'],
    )


if __name__ == '__main__':
  absltest.main()
