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
"""Tests for codebooks."""

import numpy as np
import tensorflow as tf

from tff_methods.retrieval import codebooks


class CodebooksTest(tf.test.TestCase):
  def test_one_part_has_centroids_of_rows(self):
    # Two groups, far apart.
    rows = np.random.default_rng(0).normal(size=[60, 3]).astype(np.float32)
    rows[30:] += 100.0
    centroids, codes = codebooks.build(
      tf.constant([1, 2]), tf.constant(rows), 1, 8, num_centroids=2
    )
    self.assertEqual(centroids.shape, [1, 2, 3])
    means = np.array([rows[:30].mean(axis=0), rows[30:].mean(axis=0)])
    order = np.argsort(centroids[0, :, 0])
    self.assertAllClose(centroids.numpy()[0, order], means, atol=1e-4)
    self.assertAllEqual(codes[:, 0] == codes[0, 0], np.arange(60) < 30)

  def test_decodes_parts_one_after_the_other(self):
    centroids = tf.reshape(tf.range(24.0), [3, 4, 2])
    decoded = codebooks.decode(
      centroids, tf.constant([[0, 1, 3], [2, 2, 0]], tf.uint8)
    )
    self.assertAllEqual(
      decoded, [[0, 1, 10, 11, 22, 23], [4, 5, 12, 13, 16, 17]]
    )


if __name__ == '__main__':
  tf.test.main()
