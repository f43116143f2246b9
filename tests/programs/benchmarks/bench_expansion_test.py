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
"""Tests for bench_expansion."""

from unittest import mock

from absl.testing import absltest

from programs.benchmarks import bench_expansion


class BenchExpansionTest(absltest.TestCase):
  def test_times_each_aggregation(self):
    with (
      mock.patch.object(bench_expansion, 'NUM_CLIENTS', 2),
      mock.patch.object(bench_expansion, 'SHAPE', (20, 20)),
    ):
      rows = bench_expansion.measure(repeats=1)
    self.assertEqual(
      [row[:2] for row in rows],
      [
        ['the server, for each of 2 clients: 400 weights', candidate]
        for candidate in (
          'random mask, 6.25 %',
          'low rank, 8',
          bench_expansion.DENSE,
        )
      ],
    )
    self.assertEqual(rows[-1][-1], '1.00 x TFF mean')


if __name__ == '__main__':
  absltest.main()
