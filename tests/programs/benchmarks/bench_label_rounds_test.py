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
"""Tests for bench_label_rounds."""

from unittest import mock

from absl.testing import absltest
import pytest

from programs.benchmarks import bench_label_hashing
from programs.benchmarks import bench_label_rounds


class BenchLabelRoundsTest(absltest.TestCase):
  @pytest.mark.slow
  def test_measures_both_models(self):
    sizes = {bench_label_rounds.DATA_SET: (300, 20)}
    with (
      mock.patch.object(bench_label_hashing, 'SIZES', sizes),
      mock.patch.object(bench_label_rounds, 'NUM_EXAMPLES', 20),
      # A fresh process would measure the sizes of the data set.
      mock.patch('programs.benchmarks.bench_memory.peak_bytes') as peak_bytes,
    ):
      peak_bytes.return_value = 7_000_000
      rows = bench_label_rounds.measure(1)
    self.assertLen(rows, 8)
    for row in rows[:4]:
      self.assertGreater(float(row[2].removesuffix(' s')), 0)
    self.assertEqual(rows[4][2:], ['7 MB', '1.00 x less'])

  @pytest.mark.slow
  def test_evaluation_is_streamed(self):
    few, many = (
      bench_label_rounds.peak_evaluation_bytes('EURLex-4K', num_examples)
      for num_examples in (200, 4_000)
    )
    # All scores of the larger one take 64 MB more.
    self.assertLess(many - few, 25e6)


if __name__ == '__main__':
  absltest.main()
