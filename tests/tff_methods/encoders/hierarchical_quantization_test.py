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


def _trip(bits, shape):
  stage = encoders.HierarchicalQuantizationStage(bits)
  return round_trip.of_stages([(stage, '')], shape)


class HierarchicalQuantizationStageTest(
  parameterized.TestCase, tf.test.TestCase
):
  @parameterized.parameters(2, 3, 4, 8, 9, 16)
  def test_payload_and_error_are_as_documented(self, bits):
    x = np.random.default_rng(0).normal(size=[3, 67])
    payload, decoded = _trip(bits, [3, 67])(x)
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {'tensors/packed': int(np.ceil(201 * bits / 8)), 'tensors/range': 8},
    )
    spread = np.abs(x).max() - np.abs(x).min()
    # float32 rounding is visible at 16 bits.
    self.assertAllInRange(
      np.abs(decoded - x), 0, spread * (0.5**bits + 2.0**-21)
    )
    self.assertAllEqual(decoded < 0, x < 0)

  def test_values_are_the_middles_of_even_intervals(self):
    # From 1 to 9 in the 8 intervals of 4 bits.
    x = np.concatenate([np.linspace(1, 9, 1001), -np.linspace(1, 9, 1001)])
    _, decoded = _trip(4, x.shape)(x)
    middles = 1.5 + np.arange(8)
    self.assertAllClose(
      np.unique(decoded), np.concatenate([-middles[::-1], middles]), rtol=1e-6
    )
    # Close to edges, on both sides.
    x = np.array([1, 1.99, 2.01, -2.99, -3.01, 8.01, 9])
    _, decoded = _trip(4, x.shape)(x)
    self.assertAllClose(
      decoded, [1.5, 1.5, 2.5, -2.5, -3.5, 8.5, 8.5], rtol=1e-6
    )

  def test_codes_are_a_sign_bit_and_an_interval(self):
    # Bytes of two codes, the first in the low half.
    payload, _ = _trip(4, [4])(np.array([0.0, -8.0, 3.5, -0.5]))
    self.assertAllEqual(
      payload['tensors/packed'], [0 + 16 * (8 + 7), 3 + 16 * (8 + 0)]
    )
    self.assertAllEqual(payload['tensors/range'], [0.0, 8.0])

  def test_quantization_is_deterministic(self):
    x = np.random.default_rng(0).normal(size=100)
    trip = _trip(3, [100])
    self.assertAllEqual(trip(x, 0)[1], trip(x, 1)[1])

  @parameterized.parameters(0.0, 5.0, -3e38, 1e-37)
  def test_constants_round_trip_exactly(self, value):
    x = np.full([9], value, np.float32)
    x[4] *= -1
    self.assertAllEqual(_trip(2, [9])(x)[1], x)

  @parameterized.parameters(([0],), ([1],), ([],), ([1, 0, 2],))
  def test_edge_case_shapes_round_trip(self, shape):
    x = np.full(shape, 2.5)
    self.assertAllEqual(_trip(4, shape)(x)[1], x)

  # TensorFlow flushes values below 1.2e-38 to zero.
  @parameterized.parameters((1e-37, 0.12), (1e-30, 1e-4), (3.4e38, 1e-4))
  def test_extreme_scales_round_trip(self, scale, tolerance):
    x = np.random.default_rng(0).uniform(-1, 1, 100) * scale
    x[0] = scale
    _, decoded = _trip(16, [100])(x)
    self.assertAllClose(decoded / scale, x / scale, atol=tolerance)

  def test_denormals_stay_tiny(self):
    x = np.array([1e-45, -1e-40, 0.0, 1e-39], np.float32)
    _, decoded = _trip(4, [4])(x)
    self.assertAllInRange(decoded, -1e-38, 1e-38)

  def test_one_huge_value_leaves_the_others_in_the_lowest_interval(self):
    x = np.array([1.0, -2.0, 3.4e38], np.float32)
    _, decoded = _trip(5, [3])(x)
    self.assertAllClose(decoded / 3.4e38, np.array([1, -1, 31]) / 32, rtol=1e-5)

  @parameterized.parameters(np.nan, np.inf, -np.inf)
  def test_non_finite_raises_when_run(self, value):
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'finite values, found NaN or Inf'
    ):
      _trip(2, [2])([1.0, value])

  @parameterized.parameters(
    (1, 'at least 2, a sign and an interval, found 1'),
    (0, 'from 1 to 16, found 0'),
    (17, 'from 1 to 16, found 17'),
  )
  def test_bits_out_of_range_raise(self, bits, message):
    with self.assertRaisesRegex(ValueError, message):
      encoders.HierarchicalQuantizationStage(bits)

  def test_bits_of_another_type_raise(self):
    with self.assertRaisesRegex(TypeError, 'to be an int, found float'):
      encoders.HierarchicalQuantizationStage(4.0)


class HierarchicalQuantizationStageExecutionTest(tf.test.TestCase):
  def test_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain(
        [(encoders.HierarchicalQuantizationStage(16), '')], spec
      )
    )
    process = factory.create(tff.TensorType(np.float32, [8]))
    values = list(np.random.default_rng(0).normal(size=[3, 8]).astype('f'))
    result = process.next(process.initialize(), values).result
    self.assertAllClose(result, sum(values), atol=2e-4)


if __name__ == '__main__':
  tf.test.main()
