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
import scipy.linalg
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods.encoders import rotation


def _matrix(length, key=(1, 2)):
  """Returns the matrix of the rotation, from the images of unit vectors."""
  rotate = tf.function(lambda x: rotation.rotate(x, tf.constant(key)))
  return np.stack([rotate(e).numpy() for e in np.eye(length, dtype='f')], 1)


class RotationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(1, 2, 3, 64, 65, 67, 97, 131)
  def test_is_orthogonal_for_any_length(self, length):
    matrix = _matrix(length)
    self.assertAllClose(matrix @ matrix.T, np.eye(length), atol=1e-5)

  # 67 is prime: some coordinates are outside the product of factors.
  @parameterized.parameters(1, 64, 67, 97)
  def test_rows_are_rotated_one_by_one(self, length):
    key = tf.constant([1, 2])
    rows = np.random.default_rng(0).normal(size=[5, length]).astype(np.float32)
    rotated = rotation.rotate_rows(tf.constant(rows), key)
    for row, found in zip(rows, rotated, strict=True):
      self.assertAllClose(found, rotation.rotate(tf.constant(row), key))
    self.assertAllClose(
      rotation.unrotate_rows(rotated[2:], key), rows[2:], atol=1e-5
    )

  @parameterized.parameters(2, 64, 256)
  def test_is_hadamard_times_signs_for_a_power_of_two(self, length):
    matrix = _matrix(length) * np.sqrt(length)
    # The first row of H is all ones, so that of HD is the diagonal of D.
    signs = matrix[0]
    self.assertAllClose(np.abs(signs), np.ones(length), atol=1e-5)
    self.assertAllClose(
      matrix * signs, scipy.linalg.hadamard(length), atol=1e-4
    )

  def test_factors_are_applied_as_their_kronecker_product(self):
    rng = np.random.default_rng(0)
    factors = [rng.normal(size=[n, n]) for n in (3, 2, 5)]
    factors = [factor + factor.T for factor in factors]
    x = rng.normal(size=30)
    found = rotation._apply_factors(tf.constant(x, tf.float32), factors)
    expected = np.kron(np.kron(factors[0], factors[1]), factors[2]) @ x
    self.assertAllClose(found, expected, rtol=1e-4)

  def test_signs_of_different_uses_are_independent(self):
    key = tf.constant([5, 6])
    signs = [rotation._flip(tf.ones([100_000]), key, i) for i in range(3)]
    for i in range(3):
      correlation = tf.reduce_mean(signs[i] * signs[i - 1])
      self.assertLess(abs(correlation), 5 / np.sqrt(100_000))

  def test_signs_are_fair(self):
    signs = np.sign(
      rotation._flip(tf.ones([100_003]), tf.constant([5, 6]), 0).numpy()
    )
    self.assertEqual(np.count_nonzero(signs), signs.size)
    # Five standard errors of a fair coin, for signs and products of neighbours.
    limit = 5 / np.sqrt(signs.size)
    self.assertLess(abs(signs.mean()), limit)
    for lag in (1, 8, 32):
      self.assertLess(abs((signs[lag:] * signs[:-lag]).mean()), limit)

  # 7,919 is prime: some coordinates are outside the product of factors. 729 has
  # no factor of two.
  @parameterized.parameters(729, 4096, 7919, 10_000)
  def test_spreads_one_coordinate_over_all(self, length):
    rotate = tf.function(lambda x: rotation.rotate(x, tf.constant([1, 2])))
    for position in (0, length // 2, length - 2, length - 1):
      unit = np.zeros(length, np.float32)
      unit[position] = 1.0
      y = rotate(unit).numpy() * np.sqrt(length)
      # Kurtosis: 1 for equal magnitudes, 3 for normal values, `length` for the
      # input.
      self.assertLess((y**4).mean(), 8.0, msg=f'{length=} {position=}')
      self.assertLess(np.abs(y).max(), 8.0, msg=f'{length=} {position=}')

  @parameterized.parameters(1, 65, 97, 1000, 7919)
  def test_unrotate_inverts(self, length):
    x = np.random.default_rng(0).standard_t(3, length).astype(np.float32)
    key = tf.constant([3, 4])
    y = rotation.rotate(tf.constant(x), key)
    self.assertAllClose(rotation.unrotate(y, key), x, rtol=1e-5, atol=1e-5)

  # TensorFlow flushes values below 1.2e-38 to zero.
  @parameterized.parameters(
    (1e-37, 0.4), (1e-30, 1e-4), (1e30, 1e-4), (1e38, 1e-4)
  )
  def test_extreme_scales_round_trip(self, scale, tolerance):
    x = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    key = tf.constant([3, 4])
    y = rotation.rotate(tf.constant(x * np.float32(scale)), key)
    back = rotation.unrotate(y, key).numpy() / np.float32(scale)
    self.assertAllClose(back, x, atol=tolerance)

  def test_values_beyond_the_largest_float_saturate(self):
    y = rotation.rotate(tf.fill([4096], 3e38), tf.constant([1, 2])).numpy()
    self.assertTrue(np.isfinite(y).all())


class RotationStageTest(parameterized.TestCase, tf.test.TestCase):
  def test_empty_tensor_round_trips(self):
    trip = round_trip.of_stages([(encoders.RotationStage([0]), '')], [0, 3])
    _, decoded = trip(np.zeros([0, 3]))
    self.assertEqual(decoded.shape, (0, 3))

  def test_rounds_and_tensors_and_seeds_differ(self):
    x = np.random.default_rng(0).normal(size=64)
    rotated = []
    for seed, round_num in (((0, 0), 0), ((0, 0), 1), ((0, 1), 0), ((1, 0), 0)):
      stages = [(encoders.RotationStage(seed), '')]
      payload, _ = round_trip.of_stages(stages, [64])(x, round_num)
      rotated.append(tuple(payload['tensors/rotated']))
    self.assertLen(set(rotated), 4)

  @parameterized.parameters(np.nan, np.inf, -np.inf)
  def test_non_finite_raises_when_run(self, value):
    trip = round_trip.of_stages([(encoders.RotationStage([0]), '')], [3])
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'finite values, found NaN or Inf'
    ):
      trip([1.0, value, 2.0])


class RotationStageExecutionTest(tf.test.TestCase):
  def test_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain([(encoders.RotationStage([7]), '')], spec)
    )
    process = factory.create(tff.TensorType(np.float32, [5, 13]))
    rng = np.random.default_rng(0)
    values = [rng.normal(size=[5, 13]).astype(np.float32) for _ in range(3)]
    output = process.next(process.initialize(), values)
    self.assertAllClose(output.result, sum(values), atol=1e-5)
    self.assertEqual(output.state, (1,))


if __name__ == '__main__':
  tf.test.main()
