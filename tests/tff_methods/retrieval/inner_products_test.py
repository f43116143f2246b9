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
"""Tests for inner_products."""

from unittest import mock

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import retrieval
from tff_methods.retrieval import inner_products


def _normals(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class LargestInnerProductsTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    num_rows=(1, 3, 8, 11), num_vectors=(1, 5, 6, 13), is_function=(False, True)
  )
  def test_maxima_in_chunks_of_any_size(
    self, num_rows, num_vectors, is_function
  ):
    rows, vectors = _normals(num_rows, 3), _normals(num_vectors, 3, seed=1)
    arguments = (tf.constant(rows),)
    if is_function:
      # The function computes rows that are not in any table.
      arguments = lambda ids: 2.0 * tf.gather(rows / 2.0, ids), num_rows
    with (
      mock.patch.object(inner_products, '_ROWS_PER_CHUNK', 4),
      mock.patch.object(inner_products, '_VECTORS_PER_CHUNK', 5),
    ):
      found = retrieval.largest_inner_products(tf.constant(vectors), *arguments)
    expected = [max(np.dot(row, v) for v in vectors) for row in rows]
    self.assertAllClose(found, expected)

  def test_maxima_in_default_chunks(self):
    # More than one chunk of rows and of vectors.
    rows, vectors = _normals(2500, 2), _normals(1100, 2, seed=1)
    found = retrieval.largest_inner_products(
      tf.constant(vectors), tf.constant(rows)
    )
    self.assertAllClose(found, (rows @ vectors.T).max(axis=1))

  def test_function_is_called_with_chunks(self):
    sizes = set()

    def make(ids):
      sizes.add(ids.shape[0])
      return tf.zeros([ids.shape[0], 2])

    with mock.patch.object(inner_products, '_ROWS_PER_CHUNK', 4):
      retrieval.largest_inner_products(tf.zeros([1, 2]), make, 11)
    self.assertEqual(sizes, {4})

  def test_no_vectors(self):
    found = retrieval.largest_inner_products(tf.zeros([0, 3]), tf.ones([5, 3]))
    self.assertAllEqual(found, [np.finfo(np.float32).min] * 5)

  def test_unknown_number_of_vectors(self):
    rows = tf.constant(_normals(5, 3))

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def largest(vectors):
      found = retrieval.largest_inner_products(vectors, rows)
      self.assertEqual(found.shape, [5])
      return found

    vectors = _normals(7, 3, seed=1)
    self.assertAllClose(
      largest(tf.constant(vectors)), (rows.numpy() @ vectors.T).max(axis=1)
    )


if __name__ == '__main__':
  tf.test.main()
