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
"""Tests for bucket_collisions."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from programs.reports import bucket_collisions
from tff_methods import label_hashing


class NumCollidingPairsTest(parameterized.TestCase):
  def test_in_all_tables(self):
    count = bucket_collisions.num_colliding_pairs
    self.assertEqual(count([[0, 1, 0], [2, 1, 2]], 3), 1)
    self.assertEqual(count([[0, 1, 0], [2, 1, 0]], 3), 0)
    self.assertEqual(count([[0, 0, 0], [2, 2, 2]], 3), 3)

  @parameterized.parameters(2, 40)
  def test_equals_a_search_of_all_pairs(self, num_tables):
    rng = np.random.default_rng(0)
    for _ in range(20):
      # Two distinct columns, and others that differ from them in few tables.
      buckets = rng.integers(6, size=[num_tables, 2])[:, [0, 0, 0, 1, 1, 0, 1]]
      for _ in range(3):
        buckets[rng.integers(num_tables), rng.integers(7)] += 1
      pairs = [(i, j) for i in range(7) for j in range(i)]
      expected = sum(
        np.array_equal(buckets[:, i], buckets[:, j]) for i, j in pairs
      )
      self.assertEqual(
        bucket_collisions.num_colliding_pairs(buckets, 9), expected
      )


class MeasureTest(absltest.TestCase):
  def test_lemma_2(self):
    num_draws = 2_000
    for num_tables, num_buckets in ((2, 40), (2, 58), (3, 20)):
      found = bucket_collisions.measure(
        60, num_tables, num_buckets, num_draws, seed=1
      )
      expected = 60 * 59 / 2 / num_buckets**num_tables
      self.assertAlmostEqual(found.bound, min(1, expected))
      error = 4 * (found.bound * (1 - found.bound) / num_draws) ** 0.5
      self.assertLess(found.share, found.bound + error + 1e-9)
      # The bound is the expected number of pairs, not that of draws with one.
      self.assertAlmostEqual(found.num_pairs / expected, 1, delta=0.4)

  def test_bound_is_the_one_of_num_buckets_for(self):
    required = label_hashing.num_buckets_for(1_000, 3, 0.05)
    bounds = [
      bucket_collisions.measure(1_000, 3, b, 1, 0).bound
      for b in (required - 1, required)
    ]
    self.assertLessEqual(bounds[1], 0.05)
    self.assertGreater(bounds[0], 0.05)


if __name__ == '__main__':
  absltest.main()
