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

import math
from unittest import mock

from absl.testing import absltest

from programs.benchmarks import bench_common_rotation as bench


class BenchCommonRotationTest(absltest.TestCase):
  def test_one_rotation_leaves_an_error(self):
    with (
      mock.patch.object(bench, 'LENGTH', 256),
      mock.patch.object(bench, 'NUM_CLIENTS', (10, 200)),
      mock.patch.object(bench, 'CORRELATIONS', (0.9,)),
    ):
      rows = bench.measure(repeats=1)
    self.assertEqual(
      [row[1] for row in rows], [bench.COMMON, bench.OWN, bench.UNIFORM]
    )
    limit = math.asin(0.9) / 0.9 - 1
    self.assertIn(f'limit {limit:.4f}', rows[0])
    last = [float(row[2].split(', ')[1].split(' ')[0]) for row in rows]
    self.assertBetween(last[0], 0.7 * limit, 1.3 * limit)
    self.assertLess(last[1], 0.1 * limit)


if __name__ == '__main__':
  absltest.main()
