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
"""Tests for product_quantization."""

from unittest import mock

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import retrieval
from tff_methods.retrieval import codebooks

_KEY = (3, 4)


def _normals(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _build(index, rows, key=_KEY):
  built = index.build(tf.constant(key), tf.constant(rows))
  assert built.tables == () and built.num_dropped == 0
  return built


def _decode(client_params, dimension):
  """Returns the quantized rows, decoded one by one."""
  centroids, codes = (np.asarray(x) for x in client_params)
  return np.array(
    [
      np.concatenate([centroids[p, c] for p, c in enumerate(row)])[:dimension]
      for row in codes
    ]
  )


def _score(index, client_params, vectors):
  """Returns the scores of all rows."""
  queries = index.query(client_params, tf.constant(vectors))
  found = index.look_up((), queries.keys)
  ids, scores = index.score(
    client_params, tf.constant(vectors), queries.hits, found
  )
  np.testing.assert_array_equal(ids, np.arange(len(client_params.codes)))
  return scores.numpy()


def _squared_error(index, rows):
  client_params = _build(index, rows).client_params
  return np.sum((_decode(client_params, rows.shape[1]) - rows) ** 2)


class BuildTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters((8, 1, 8), (8, 3, 3), (7, 2, 4), (3, 5, 1))
  def test_shapes(self, dimension, parts, part_size):
    rows = _normals(300, dimension)
    client_params = _build(
      retrieval.ProductQuantization(parts), rows
    ).client_params
    self.assertEqual(client_params.centroids.shape, [parts, 256, part_size])
    self.assertEqual(client_params.codes.shape, [300, parts])
    self.assertEqual(client_params.codes.dtype, tf.uint8)

  def test_codes_are_the_nearest_centroids(self):
    rows = _normals(500, 6)
    centroids, codes = _build(
      retrieval.ProductQuantization(2), rows
    ).client_params
    for part in range(2):
      for row in range(500):
        distances = np.linalg.norm(
          centroids[part] - rows[row, 3 * part : 3 * part + 3], axis=1
        )
        self.assertLess(
          distances[int(codes[row, part])], distances.min() + 1e-5
        )

  def test_error_decreases_with_the_number_of_parts(self):
    rows = _normals(600, 24)
    errors = [
      _squared_error(retrieval.ProductQuantization(parts), rows)
      for parts in (1, 2, 6, 24)
    ]
    self.assertEqual(errors, sorted(errors, reverse=True))
    self.assertLess(errors[-1], 1e-3 * np.sum(rows**2))
    self.assertGreater(errors[0], 0.1 * np.sum(rows**2))

  def test_error_decreases_with_the_number_of_iterations(self):
    rows = _normals(1500, 6)
    errors = [
      _squared_error(retrieval.ProductQuantization(2, iterations), rows)
      for iterations in (1, 3, 9)
    ]
    self.assertEqual(errors, sorted(errors, reverse=True))
    self.assertLess(errors[-1], 0.97 * errors[0])

  def test_few_rows_are_centroids(self):
    rows = _normals(100, 6)
    self.assertAllClose(
      _squared_error(retrieval.ProductQuantization(2), rows), 0.0
    )

  def test_few_distinct_rows_are_centroids(self):
    rows = np.tile(_normals(10, 6), [60, 1])
    client_params = _build(retrieval.ProductQuantization(2), rows).client_params
    self.assertAllClose(_decode(client_params, 6), rows)
    self.assertLen(np.unique(client_params.codes, axis=0), 10)

  def test_centroids_are_fitted_to_a_sample_of_many_rows(self):
    # All rows get codes, those out of the sample too.
    rows = np.tile(_normals(8, 6), [90, 1])
    with mock.patch.object(codebooks, '_MAX_FITTED_ROWS', 300):
      client_params = _build(
        retrieval.ProductQuantization(2), rows
      ).client_params
    self.assertAllClose(_decode(client_params, 6), rows)

  def test_centroids_depend_on_the_key(self):
    rows = _normals(400, 4)
    first, again, other = (
      _build(retrieval.ProductQuantization(2), rows, key).client_params
      for key in (_KEY, _KEY, (3, 5))
    )
    self.assertAllEqual(first.centroids, again.centroids)
    self.assertAllEqual(first.codes, again.codes)
    self.assertNotAllClose(first.centroids, other.centroids)


class ScoreTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters((6, 2), (7, 2), (7, 5), (3, 5))
  def test_scores_are_the_largest_inner_products_of_quantized_rows(
    self, dimension, parts
  ):
    rows, vectors = _normals(300, dimension), _normals(4, dimension, seed=1)
    index = retrieval.ProductQuantization(parts)
    client_params = _build(index, rows).client_params
    self.assertAllClose(
      _score(index, client_params, vectors),
      (_decode(client_params, dimension) @ vectors.T).max(axis=1),
      atol=1e-5,
    )

  def test_scores_are_close_to_exact_ones(self):
    rows, vectors = _normals(1000, 16), _normals(5, 16, seed=1)
    index = retrieval.ProductQuantization(8)
    scores = _score(index, _build(index, rows).client_params, vectors)
    exact = (rows @ vectors.T).max(axis=1)
    self.assertGreater(np.corrcoef(scores, exact)[0, 1], 0.98)
    # Nearly all of the best 50 are among the first 100; 5 would be by chance.
    best, first = np.argsort(-exact)[:50], np.argsort(-scores)[:100]
    self.assertGreater(np.isin(best, first).sum(), 45)

  def test_scores_are_equal_without_vectors(self):
    index = retrieval.ProductQuantization(2)
    client_params = _build(index, _normals(20, 4)).client_params
    scores = _score(index, client_params, np.zeros([0, 4], np.float32))
    self.assertLen(set(scores), 1)


class ArgumentsTest(parameterized.TestCase):
  @parameterized.parameters('num_parts', 'num_iterations')
  def test_wrong_number(self, name):
    with self.assertRaisesRegex(
      TypeError, f'Expected {name} to be an int, found float'
    ):
      retrieval.ProductQuantization(**{name: 2.0})
    with self.assertRaisesRegex(
      ValueError, f'Expected {name} of at least 1, found 0'
    ):
      retrieval.ProductQuantization(**{name: 0})

  def test_no_queries(self):
    self.assertEqual(retrieval.ProductQuantization().num_queries, 0)


if __name__ == '__main__':
  tf.test.main()
