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
from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.encoders import count_sketch

_KEY = seeds.key(3)


def _matrix(sketch, length, key=_KEY):
  """Returns the matrix of the map: a row for each bucket."""
  columns = [
    sketch.encode(tf.one_hot(i, length), tf.constant(key)).numpy().ravel()
    for i in range(length)
  ]
  return np.stack(columns, axis=1)


class CountSketchTest(parameterized.TestCase):
  def test_each_coordinate_has_a_bucket_and_a_sign_in_each_row(self):
    matrix = _matrix(count_sketch.CountSketch(60, 4, 7), 60)
    blocks = matrix.reshape([4, 7, 60])
    np.testing.assert_array_equal(np.abs(blocks).sum(axis=1), 1.0)
    self.assertEqual(set(np.unique(matrix)), {-1.0, 0.0, 1.0})
    # Rows hash independently.
    self.assertFalse(np.array_equal(blocks[0], blocks[1]))

  def test_is_linear(self):
    sketch = count_sketch.CountSketch(50, 3, 8)
    matrix = _matrix(sketch, 50)
    x = np.random.default_rng(0).normal(size=50).astype(np.float32)
    table = sketch.encode(tf.constant(x), tf.constant(_KEY))
    np.testing.assert_allclose(
      table.numpy().ravel(), matrix @ x.astype(np.float64), atol=1e-5
    )

  @parameterized.parameters(1, 2, 3, 4, 5, 6)
  def test_estimates_are_medians_of_signed_buckets(self, num_rows):
    sketch = count_sketch.CountSketch(40, num_rows, 8)
    matrix = _matrix(sketch, 40).reshape([num_rows, 8, 40])
    table = np.random.default_rng(1).normal(size=[num_rows, 8])
    expected = np.median(np.einsum('rbi,rb->ri', matrix, table), axis=0)
    found = sketch.estimate(
      tf.constant(table, tf.float32), tf.constant(_KEY)
    ).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)

  def test_hashes_are_uniform_and_signs_fair(self):
    length, num_buckets = 20_000, 10
    sketch = count_sketch.CountSketch(length, 2, num_buckets)
    ones = sketch.encode(tf.ones([length]), tf.constant(_KEY)).numpy()
    # A bucket of 2,000 fair signs has a deviation of 45.
    self.assertLess(np.abs(ones).max(), 4.5 * np.sqrt(length / num_buckets))
    hit = np.array(
      [
        sketch.is_hit(tf.constant([i]), tf.constant(_KEY)).numpy()
        for i in range(300)
      ]
    )
    counts = hit.sum(axis=0)
    self.assertLess(np.abs(counts - 30).max(), 4.5 * np.sqrt(30))

  def test_large_values_are_found(self):
    """The error of a median is below a few norms / sqrt(buckets)."""
    length, num_buckets = 5000, 400
    sketch = count_sketch.CountSketch(length, 5, num_buckets)
    x = np.random.default_rng(2).normal(size=length).astype(np.float32)
    large = np.array([17, 1234, 4999])
    x[large] = [60.0, -80.0, 100.0]
    table = sketch.encode(tf.constant(x), tf.constant(_KEY))
    found = sketch.estimate(table, tf.constant(_KEY)).numpy()
    bound = 3.0 * np.linalg.norm(x) / np.sqrt(num_buckets)
    self.assertLess(np.abs(found - x).max(), bound)
    self.assertCountEqual(np.argsort(-np.abs(found))[:3], large)

  def test_one_row_is_unbiased(self):
    x = np.random.default_rng(4).normal(size=30).astype(np.float32)
    sketch = count_sketch.CountSketch(30, 1, 10)
    errors = []
    for i in range(1500):
      key = tf.constant(seeds.key(i))
      errors.append(sketch.estimate(sketch.encode(x, key), key).numpy() - x)
    errors = np.array(errors)
    deviations = errors.std(axis=0) / np.sqrt(len(errors))
    self.assertLess(np.abs(errors.mean(axis=0) / deviations).max(), 4.0)
    # The variance of one row is that of the other values, over the buckets.
    expected = (np.sum(x.astype(np.float64) ** 2) - x**2) / 10
    np.testing.assert_allclose(errors.var(axis=0), expected, rtol=0.25)

  def test_hit_buckets_are_those_of_the_positions(self):
    sketch = count_sketch.CountSketch(40, 3, 8)
    matrix = np.abs(_matrix(sketch, 40))
    positions = [3, 11, 12]
    found = sketch.is_hit(tf.constant(positions), tf.constant(_KEY)).numpy()
    expected = matrix[:, positions].sum(axis=1) > 0
    np.testing.assert_array_equal(found.ravel(), expected)

  def test_keys_draw_other_hashes(self):
    sketch = count_sketch.CountSketch(40, 3, 8)
    first = _matrix(sketch, 40)
    np.testing.assert_array_equal(first, _matrix(sketch, 40))
    self.assertFalse(np.array_equal(first, _matrix(sketch, 40, seeds.key(4))))


if __name__ == '__main__':
  absltest.main()
