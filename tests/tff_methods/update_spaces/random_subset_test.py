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

import itertools

from absl.testing import parameterized
import numpy as np
import scipy.stats
import tensorflow as tf

from tff_methods.update_spaces import random_subset


def _draw_many(length, size, num_keys):
  """Returns `int32[num_keys, size]`, a subset for each of several keys."""

  def draw(i):
    return random_subset.draw(tf.stack([i, 7]), length, size)

  # In one graph: to call a function takes longer than the draw.
  return tf.function(lambda: tf.map_fn(draw, tf.range(num_keys)))().numpy()


class DrawTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    (1, 1), (2, 1), (2, 2), (3, 2), (10, 9), (16, 5), (17, 17), (1021, 300)
  )
  def test_subset_is_distinct_ascending_and_in_range(self, length, size):
    for subset in _draw_many(length, size, 3):
      self.assertLen(subset, size)
      self.assertAllInRange(subset, 0, length - 1)
      self.assertAllEqual(subset, np.unique(subset))

  def test_shape_is_static(self):
    draw = tf.function(lambda key: random_subset.draw(key, 50, 7))
    graph = draw.get_concrete_function(tf.TensorSpec([2], tf.int32))
    self.assertEqual(graph.output_shapes, [7])
    self.assertEqual(graph.output_dtypes, tf.int32)

  def test_same_key_same_subset_other_key_other_subset(self):
    first, again, other = (
      random_subset.draw(tf.constant(key), 1000, 100)
      for key in ([1, 2], [1, 2], [1, 3])
    )
    self.assertAllEqual(first, again)
    self.assertNotAllEqual(first, other)

  # A grid with unused cells, and one without.
  @parameterized.parameters(30, 36)
  def test_numbers_and_pairs_are_equally_likely(self, length):
    num_keys, size = 3000, length // 2
    subsets = _draw_many(length, size, num_keys)
    is_drawn = np.zeros([num_keys, length])
    np.put_along_axis(is_drawn, subsets, 1, axis=1)
    counts = is_drawn.sum(axis=0)
    # One of the counts is outside with probability 1e-4.
    low, high = scipy.stats.binom.interval(1 - 1e-4 / length, num_keys, 0.5)
    self.assertAllInRange(counts, low, high)
    pair_counts = is_drawn.T @ is_drawn
    pairs = list(itertools.combinations(range(length), 2))
    expected = num_keys * size * (size - 1) / (length * (length - 1))
    found = np.array([pair_counts[pair] for pair in pairs])
    # In a small grid, pairs within a row or column are slightly more or less
    # likely than others: by at most a fifth.
    self.assertAllInRange(found / expected, 0.8, 1.2)
    self.assertAllClose(found.mean(), expected)


if __name__ == '__main__':
  tf.test.main()
