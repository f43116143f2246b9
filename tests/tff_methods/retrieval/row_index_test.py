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
"""Tests for row_index."""

import numpy as np
import tensorflow as tf

from tff_methods import retrieval

_KEY = (3, 4)
_RNG = np.random.default_rng(0)
_ROWS = _RNG.normal(size=[9, 3]).astype(np.float32)
_VECTORS = _RNG.normal(size=[4, 3]).astype(np.float32)


def _search(index, vectors=_VECTORS):
  """Returns the built index, and the rows found, without entries."""
  built = index.build(tf.constant(_KEY), tf.constant(_ROWS))
  vectors = tf.constant(vectors)
  queries = index.query(built.client_params, vectors)
  assert index.num_queries == 0 and index.num_keys == 0
  assert queries.keys.shape == [0] and queries.hits.shape == [0]
  entries = index.look_up(built.tables, queries.keys)
  assert entries.shape[0] == 0 and entries.dtype == tf.int32
  return built, index.score(built.client_params, vectors, queries.hits, entries)


class RandomRowsTest(tf.test.TestCase):
  def test_nothing_is_sent_or_found(self):
    built, (ids, scores) = _search(retrieval.RandomRows())
    self.assertEqual(tf.nest.flatten((built.tables, built.client_params)), [])
    self.assertEqual(built.num_dropped, 0)
    self.assertEqual(ids.shape, [0])
    self.assertEqual(ids.dtype, tf.int32)
    self.assertEqual(scores.shape, [0])


class ExactRowsTest(tf.test.TestCase):
  def test_scores_are_the_largest_inner_products(self):
    built, (ids, scores) = _search(retrieval.ExactRows())
    self.assertAllEqual(built.client_params, _ROWS)
    self.assertEqual(built.num_dropped, 0)
    self.assertAllEqual(ids, np.arange(9))
    expected = [max(np.dot(row, v) for v in _VECTORS) for row in _ROWS]
    self.assertAllClose(scores, expected)

  def test_scores_are_equal_without_vectors(self):
    _, (ids, scores) = _search(
      retrieval.ExactRows(), np.zeros([0, 3], np.float32)
    )
    self.assertAllEqual(ids, np.arange(9))
    self.assertLen(set(scores.numpy()), 1)


if __name__ == '__main__':
  tf.test.main()
