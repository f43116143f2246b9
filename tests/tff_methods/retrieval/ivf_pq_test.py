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
"""Tests for ivf_pq."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import retrieval

_KEY = (3, 4)


def _normals(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _build(index, rows, key=_KEY):
  return index.build(tf.constant(key), tf.constant(rows))


def _search(index, built, vectors):
  """Returns the client's keys, and its scores by id."""
  vectors = tf.constant(vectors)
  queries = index.query(built.client_params, vectors)
  entries = index.look_up(built.tables, queries.keys)
  ids, scores = index.score(built.client_params, vectors, queries.hits, entries)
  assert len(set(ids.numpy())) == len(ids)
  return queries.keys.numpy(), dict(
    zip(ids.numpy(), scores.numpy(), strict=True)
  )


def _lists(built):
  """Returns the ids of the rows in each list."""
  (ids,), (offsets,) = (x.numpy() for x in built.tables.buckets)
  return np.split(ids, offsets[1:-1])


def _decode(built, dimension):
  """Returns the quantized rows, decoded one by one."""
  (coarse,), fine = (x.numpy() for x in built.client_params)
  codes = built.tables.words.numpy().view(np.uint8)
  rows = np.empty([len(codes), dimension], np.float32)
  for number, ids in enumerate(_lists(built)):
    for i in ids:
      parts = [fine[p, codes[i, p]] for p in range(len(fine))]
      rows[i] = coarse[number] + np.concatenate(parts)[:dimension]
  return rows


class BuildTest(parameterized.TestCase, tf.test.TestCase):
  def test_rows_are_in_the_list_of_the_nearest_centroid(self):
    rows = _normals(500, 6)
    built = _build(retrieval.IvfPq(16, num_parts=2), rows)
    coarse = built.client_params.coarse.numpy()[0]
    lists = _lists(built)
    self.assertLen(lists, 16)
    self.assertAllEqual(np.sort(np.concatenate(lists)), np.arange(500))
    for number, ids in enumerate(lists):
      distances = np.linalg.norm(rows[ids, np.newaxis] - coarse, axis=2)
      self.assertAllLess(distances[:, number] - distances.min(axis=1), 1e-5)

  @parameterized.parameters((6, 2), (7, 5), (8, 3))
  def test_error_is_that_of_few_coarse_centroids_or_less(
    self, dimension, num_parts
  ):
    rows = _normals(1500, dimension)
    few, many = (
      np.sum((_decode(_build(index, rows), dimension) - rows) ** 2)
      for index in (
        retrieval.IvfPq(1, num_parts=num_parts),
        retrieval.IvfPq(128, num_parts=num_parts),
      )
    )
    self.assertLess(many, 0.8 * few)
    self.assertLess(few, 0.7 * np.sum(rows**2))

  def test_counts_dropped_rows(self):
    rows = _normals(90, 4)
    built = _build(retrieval.IvfPq(4, list_capacity=10), rows)
    sizes = np.array([len(ids) for ids in _lists(built)])
    self.assertEqual(built.num_dropped, np.maximum(sizes - 10, 0).sum())
    self.assertGreater(built.num_dropped, 0)

  def test_fewer_rows_than_lists(self):
    rows = _normals(5, 4)
    index = retrieval.IvfPq(8, num_queries=8)
    _, scores = _search(index, _build(index, rows), _normals(200, 4, seed=1))
    self.assertEqual(sorted(scores), list(range(5)))


class SearchTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters((6, 2), (7, 5), (3, 9))
  def test_scores_are_inner_products_of_the_rows_in_the_lists(
    self, dimension, num_parts
  ):
    rows, vectors = _normals(300, dimension), _normals(4, dimension, seed=1)
    index = retrieval.IvfPq(12, 5, num_parts, list_capacity=300)
    built = _build(index, rows)
    keys, scores = _search(index, built, vectors)
    lists = _lists(built)
    found = np.concatenate([lists[key] for key in keys if key >= 0])
    self.assertCountEqual(scores, found)
    expected = (_decode(built, dimension) @ vectors.T).max(axis=1)
    for i, score in scores.items():
      self.assertAllClose(score, expected[i], atol=1e-5)

  def test_looks_up_the_lists_that_most_vectors_ask_for(self):
    index = retrieval.IvfPq(20, 6, num_parts=2)
    built = _build(index, _normals(400, 5))
    vectors = _normals(30, 5, seed=1)
    (coarse,) = built.client_params.coarse.numpy()
    asked = np.argsort(-(vectors @ coarse.T), axis=1)[:, :4]
    hits = np.bincount(asked.ravel(), minlength=20)
    best = (vectors @ coarse.T).max(axis=0)
    expected = sorted(range(20), key=lambda key: (-hits[key], -best[key]))[:6]
    queries = index.query(built.client_params, tf.constant(vectors))
    self.assertAllEqual(queries.keys, expected)
    self.assertAllEqual(queries.hits, hits[expected])

  # All vectors have the same four nearest centroids.
  def test_looks_up_the_next_best_lists_where_no_vector_asks_for_more(self):
    index = retrieval.IvfPq(20, 9, num_parts=2)
    built = _build(index, _normals(400, 5))
    vectors = np.tile(_normals(1, 5, seed=1), [30, 1])
    (coarse,) = built.client_params.coarse.numpy()
    queries = index.query(built.client_params, tf.constant(vectors))
    self.assertAllEqual(queries.keys, np.argsort(-(coarse @ vectors[0]))[:9])
    self.assertAllEqual(queries.hits, 4 * [30] + 5 * [0])

  def test_full_lists_have_a_random_part_of_their_rows(self):
    index = retrieval.IvfPq(1, num_parts=2, list_capacity=40)
    found = [
      set(
        _search(index, _build(index, _normals(100, 4), key), _normals(2, 4))[1]
      )
      for key in ((1, 2), (1, 2), (3, 4))
    ]
    self.assertLen(found[0], 40)
    self.assertEqual(found[0], found[1])
    self.assertNotEqual(found[0], found[2])

  def test_no_vectors_find_nothing(self):
    index = retrieval.IvfPq(4, 2)
    keys, scores = _search(
      index, _build(index, _normals(20, 3)), np.zeros([0, 3], np.float32)
    )
    self.assertAllEqual(keys, [-1, -1])
    self.assertEmpty(scores)

  # By hand: 3 lists of 2 * 100 / 8 places, each an id and 5 bytes in 2 words.
  def test_bytes_of_the_entries(self):
    index = retrieval.IvfPq(8, 3, num_parts=5)
    built = _build(index, _normals(100, 10))
    entries = index.look_up(built.tables, tf.constant([0, 1, 2]))
    self.assertEqual((entries.shape, entries.dtype), ([3, 25 * 3], tf.int32))


class ArgumentsTest(parameterized.TestCase):
  @parameterized.parameters(
    'num_lists', 'num_queries', 'num_parts', 'list_capacity', 'num_iterations'
  )
  def test_wrong_number(self, name):
    with self.assertRaisesRegex(
      TypeError, f'Expected {name} to be an int, found float'
    ):
      retrieval.IvfPq(**{name: 2.0})
    with self.assertRaisesRegex(
      ValueError, f'Expected {name} of at least 1, found 0'
    ):
      retrieval.IvfPq(**{name: 0})

  def test_too_many_lists(self):
    with self.assertRaisesRegex(ValueError, 'at most 256, found 257: lower'):
      retrieval.IvfPq(257)
    with self.assertRaisesRegex(ValueError, 'at most 5, the number of lists'):
      retrieval.IvfPq(5, 6)

  def test_a_quarter_of_the_lists_by_default(self):
    self.assertEqual(retrieval.IvfPq(7).num_queries, 2)
    self.assertEqual(retrieval.IvfPq(7).num_keys, 7)


if __name__ == '__main__':
  tf.test.main()
