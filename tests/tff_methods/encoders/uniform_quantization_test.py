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
import tensorflow_federated as tff

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders


def _trip(bits, shape, seed_source='reproducible'):
  stage = encoders.UniformQuantizationStage(bits, [0], seed_source)
  return round_trip.of_stages([(stage, '')], shape)


class UniformQuantizationStageTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(1, 2, 3, 8, 11, 16)
  def test_payload_and_error_are_as_documented(self, bits):
    x = np.random.default_rng(0).normal(size=[3, 67])
    payload, decoded = _trip(bits, [3, 67])(x)
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {'tensors/packed': int(np.ceil(201 * bits / 8)), 'tensors/range': 8},
    )
    step = (x.max() - x.min()) / (2**bits - 1)
    self.assertAllInRange(np.abs(decoded - x), 0, step * 1.001)

  def test_levels_are_even_and_include_both_ends(self):
    x = np.linspace(-1, 2, 1001)
    _, decoded = _trip(2, [1001])(x)
    self.assertAllClose(np.unique(decoded), [-1, 0, 1, 2], atol=1e-6)

  def test_one_bit_is_the_formula_of_the_paper(self):
    # A third of the way from minimum to maximum: rounded up in 1/3 of cases.
    x = np.concatenate([[0.0, 3.0], np.full(90_000, 1.0)])
    _, decoded = _trip(1, x.shape)(x)
    self.assertAllInSet(decoded, [0.0, 3.0])
    share = (decoded[2:] == 3.0).mean()
    self.assertAllClose(share, 1 / 3, atol=5 * np.sqrt(2 / 9 / 90_000))

  @parameterized.parameters(1, 2, 5, 12)
  def test_decoded_is_unbiased(self, bits):
    x = np.random.default_rng(0).normal(size=40).astype(np.float32)
    num_rounds = 4000
    decoded = _trip(bits, [40]).many(x, num_rounds).astype(np.float64)
    # Both ends have no variance besides float32 rounding.
    standard_error = decoded.std(axis=0) / np.sqrt(num_rounds) + 3e-7
    self.assertAllInRange((decoded.mean(0) - x) / standard_error, -5, 5)

  def test_variance_is_that_of_random_rounding(self):
    x = np.random.default_rng(0).uniform(size=100_000)
    _, decoded = _trip(3, x.shape)(x)
    # At a fraction t between two levels, the variance is t (1 - t) squared
    # steps: 1/6 on average over uniform t.
    step = (x.max() - x.min()) / 7
    self.assertAllClose(((decoded - x) ** 2).mean(), step**2 / 6, rtol=0.02)

  def test_draws_differ_by_client_and_round_and_are_reproducible(self):
    first, second = np.random.default_rng(0).uniform(size=[2, 64])
    second[[first.argmin(), first.argmax()]] = first.min(), first.max()
    trip = _trip(1, [64])
    runs = [trip(first, 0), trip(second, 0), trip(first, 1)]
    self.assertLen({run[0]['tensors/packed'].tobytes() for run in runs}, 3)
    self.assertAllEqual(trip(first, 0)[1], runs[0][1])

  def test_entropy_never_repeats(self):
    x = np.random.default_rng(0).uniform(size=256)
    trip = _trip(1, [256], 'entropy')
    self.assertLen(
      {trip(x)[0]['tensors/packed'].tobytes() for _ in range(3)}, 3
    )

  @parameterized.product(bits=(2, 8), value=(0.0, 5.0, -3e38, 1e-37))
  def test_constants_round_trip_exactly(self, bits, value):
    x = np.full([9], value, np.float32)
    self.assertAllEqual(_trip(bits, [9])(x)[1], x)

  @parameterized.parameters(*range(1, 17))
  def test_both_ends_round_trip_exactly(self, bits):
    x = np.random.default_rng(0).normal(size=20).astype(np.float32)
    _, decoded = _trip(bits, [20])(x)
    self.assertEqual((decoded.min(), decoded.max()), (x.min(), x.max()))

  @parameterized.parameters(([0],), ([1],), ([],), ([1, 0, 2],))
  def test_edge_case_shapes_round_trip(self, shape):
    x = np.full(shape, 2.5)
    self.assertAllEqual(_trip(4, shape)(x)[1], x)

  # TensorFlow flushes values below 1.2e-38 to zero.
  @parameterized.parameters((1e-37, 0.12), (1e-30, 1e-4), (3e38, 1e-4))
  def test_extreme_scales_round_trip(self, scale, tolerance):
    x = np.random.default_rng(0).uniform(-1, 1, 100) * scale
    _, decoded = _trip(16, [100])(x)
    self.assertAllClose(decoded / scale, x / scale, atol=tolerance)

  @parameterized.parameters(np.nan, np.inf, -np.inf)
  def test_non_finite_raises_when_run(self, value):
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'finite values, found NaN or Inf'
    ):
      _trip(2, [2])([1.0, value])


class UniformQuantizationStageExecutionTest(tf.test.TestCase):
  def test_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain(
        [(encoders.UniformQuantizationStage(16, [0]), '')], spec
      )
    )
    process = factory.create(tff.TensorType(np.float32, [8]))
    values = list(np.random.default_rng(0).uniform(size=[3, 8]).astype('f'))
    result = process.next(process.initialize(), values).result
    self.assertAllClose(result, sum(values), atol=1e-4)


if __name__ == '__main__':
  tf.test.main()
