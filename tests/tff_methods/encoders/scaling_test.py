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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.encoders import scaling

_NOT_FINITE = 'finite values, found NaN or Inf: lower the client learning rate'


class WellScaledTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    1e-44, 1e-38, 1e-30, 1e-10, 1e-3, 1.0, 1e10, 1e20, 3e38
  )
  def test_is_exact_and_has_a_finite_norm(self, magnitude):
    x = np.random.default_rng(0).uniform(0.1, 1.0, [9, 5]) * magnitude
    x = x.astype(np.float32)
    x[0, 0] = 0.0
    z, scale, squared_norm = (
      y.numpy() if tf.is_tensor(y) else y
      for y in scaling.well_scaled(tf.constant(x))
    )
    if magnitude > 1e-37:  # TensorFlow flushes denormal numbers to zero.
      # In float64, where no product is rounded.
      self.assertAllEqual(z.astype(np.float64) * scale, x.astype(np.float64))
      self.assertBetween(squared_norm, 1e-20, 1e30)
    self.assertAllClose(
      squared_norm, (z.astype(np.float64) ** 2).sum(), rtol=1e-5
    )
    mantissa, _ = np.frexp(scale)
    self.assertEqual(mantissa, 0.5)  # A power of two.
    self.assertGreater(scale, 0.0)

  def test_ordinary_values_are_unchanged(self):
    x = tf.constant([1e-3, -2.0, 1e6])
    z, scale, _ = scaling.well_scaled(x)
    self.assertAllEqual(z, x)
    self.assertEqual(scale, 1.0)

  @parameterized.parameters(([0],), ([],), ([1, 0],))
  def test_zeros_and_empty_tensors(self, shape):
    z, scale, squared_norm = scaling.well_scaled(tf.zeros(shape))
    self.assertEqual(z.shape, shape)
    self.assertAllEqual(z, np.zeros(shape))
    self.assertGreater(scale, 0.0)
    self.assertEqual(squared_norm, 0.0)

  @parameterized.parameters(np.nan, np.inf, -np.inf)
  def test_non_finite_raises_when_run(self, value):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, _NOT_FINITE):
      scaling.well_scaled(tf.constant([1.0, value]))


class CheckFiniteTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    ([1.0, -2.0], tf.float32),
    # The sum of squares overflows, but all values are finite.
    ([3e38, -3e38], tf.float32),
    ([1e300, 2e300], tf.float64),
    ([], tf.float32),
    ([1, 2], tf.int32),
    (['a'], tf.string),
  )
  def test_returns_finite_values(self, values, dtype):
    x = tf.constant(values, dtype)
    self.assertAllEqual(scaling.check_finite(x), x)

  @parameterized.product(
    value=(np.nan, np.inf, -np.inf), dtype=(tf.float32, tf.float64)
  )
  def test_non_finite_raises_when_run(self, value, dtype):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, _NOT_FINITE):
      scaling.check_finite(tf.constant([3e38, value], dtype))


class SaturatingMultiplyTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    (1.0, [1.5, -3e38, 0.0]),
    (0.5, [0.75, -1.5e38, 0.0]),
    (2.0, [3.0, np.finfo(np.float32).min, 0.0]),
    (1e38, [1.5e38, np.finfo(np.float32).min, 0.0]),
  )
  def test_products_beyond_the_largest_float_saturate(self, scale, expected):
    x = tf.constant([1.5, -3e38, 0.0])
    product = scaling.saturating_multiply(x, tf.constant(scale))
    self.assertAllEqual(product, np.array(expected, np.float32))


if __name__ == '__main__':
  tf.test.main()
