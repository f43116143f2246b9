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
"""Tests for bench_cross_entropy."""

from unittest import mock

from absl.testing import absltest

from programs.benchmarks import bench_cross_entropy


class BenchCrossEntropyTest(absltest.TestCase):
  def test_times_both_losses(self):
    seconds = bench_cross_entropy.time_losses(num_classes=10, repeats=2)
    self.assertLen(seconds, 2)
    self.assertIn(bench_cross_entropy.TENSORFLOW, seconds)
    self.assertGreater(min(seconds.values()), 0)

  def test_rows_compare_with_tensorflow(self):
    seconds = {bench_cross_entropy.TENSORFLOW: 0.5, 'softmax': 0.25}
    with (
      mock.patch.object(bench_cross_entropy, 'CLASS_COUNTS', (1000,)),
      mock.patch.object(
        bench_cross_entropy, 'time_losses', return_value=seconds
      ) as time_losses,
    ):
      _, row = bench_cross_entropy.measure(repeats=3)
    time_losses.assert_called_once_with(1000, 3)
    self.assertEqual(
      row[1:], ['softmax', '250.0 ms', '2.00 x as fast as TensorFlow']
    )


if __name__ == '__main__':
  absltest.main()
