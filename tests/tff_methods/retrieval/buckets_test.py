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
"""Tests for buckets."""

import numpy as np
import tensorflow as tf

from tff_methods.retrieval import buckets


class BucketsTest(tf.test.TestCase):
  def test_rows_of_each_bucket(self):
    rng = np.random.default_rng(0)
    codes = rng.integers(5, size=[3, 40])  # Of rows in the order of their ids.
    shuffled = rng.permutation(40)
    built, num_dropped = buckets.build(
      tf.constant(codes[:, shuffled], tf.int32),
      tf.constant(shuffled, tf.int32),
      num_buckets=5,
      capacity=7,
    )
    found = buckets.look_up(built, tf.range(15), capacity=7).numpy()
    dropped = 0
    for key, entries in enumerate(found):
      ids = entries[entries >= 0]
      expected = [i for i in shuffled if codes[key // 5, i] == key % 5]
      self.assertAllEqual(ids, expected[:7])
      dropped += max(len(expected) - 7, 0)
    self.assertEqual(num_dropped, dropped)
    self.assertGreater(dropped, 0)

  def test_padding_has_no_rows(self):
    built, _ = buckets.build(
      tf.zeros([1, 4], tf.int32), tf.range(4), num_buckets=1, capacity=2
    )
    found = buckets.look_up(built, tf.constant([-1, 0]), capacity=2)
    self.assertAllEqual(found, [[-1, -1], [0, 1]])

  def test_most_hit(self):
    keys, hits = buckets.most_hit(tf.constant([4, 2, 4, 1, 2, 9]), 3)
    self.assertAllEqual(keys, [2, 4, 1])
    self.assertAllEqual(hits, [2.0, 2.0, 1.0])

  def test_most_hit_of_few(self):
    keys, hits = buckets.most_hit(tf.constant([7, 7]), 3)
    self.assertAllEqual(keys, [7, -1, -1])
    self.assertAllEqual(hits, [2.0, 0.0, 0.0])


if __name__ == '__main__':
  tf.test.main()
