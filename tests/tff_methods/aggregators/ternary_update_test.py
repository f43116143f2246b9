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

from tests.tff_methods import caching
from tff_methods import aggregators
from tff_methods import communication

_KERNEL, _BIAS = (33, 11), (5,)
_VALUE_TYPE = tff.to_type(
  [tff.TensorType(np.float32, _KERNEL), tff.TensorType(np.float32, _BIAS)]
)
_WEIGHT_TYPE = tff.TensorType(np.float32)
_WEIGHTS = [1.0, 3.0]
# 363 values, five a byte, and a scale.
_KERNEL_BYTES = 73 + 4


def _values():
  rng = np.random.default_rng(0)
  return [
    [rng.normal(size=shape).astype(np.float32) for shape in (_KERNEL, _BIAS)]
    for _ in _WEIGHTS
  ]


@caching.cache
def _create(**kwargs):
  factory = aggregators.ternary_aggregator(**kwargs)
  return factory.create(_VALUE_TYPE, _WEIGHT_TYPE)


class TernaryAggregatorComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_is_weighted_or_not(self):
    self.assertIsInstance(
      aggregators.ternary_aggregator(),
      tff.aggregators.WeightedAggregationFactory,
    )
    self.assertIsInstance(
      aggregators.ternary_aggregator(weighted=False),
      tff.aggregators.UnweightedAggregationFactory,
    )

  @parameterized.parameters(
    ({'clip_factor': 0.0}, ValueError, 'clip_factor above 0.*found 0.0'),
    ({'clip_factor': '2'}, TypeError, 'to be a number, found str'),
    ({'min_elements': -1}, ValueError, 'at least 0, found -1'),
    ({'min_elements': 0.5}, TypeError, 'to be an int, found float'),
    ({'seed_source': 'time'}, ValueError, "found 'time'"),
    ({'base_seed': 0.5}, TypeError, 'base_seed to be an int, found float'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      aggregators.ternary_aggregator(**kwargs)

  def test_other_dtypes_raise_when_created(self):
    factory = aggregators.ternary_aggregator(min_elements=1)
    with self.assertRaisesRegex(TypeError, 'float32 values.*found float64'):
      factory.create(tff.TensorType(np.float64, [9]), _WEIGHT_TYPE)


class TernaryAggregatorExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('default', {}, _KERNEL_BYTES + 4 * 5),
    ('clipped', {'clip_factor': 2.5}, _KERNEL_BYTES + 4 * 5),
    ('everything', {'min_elements': 0}, _KERNEL_BYTES + 1 + 4),
    ('entropy', {'seed_source': 'entropy'}, _KERNEL_BYTES + 4 * 5),
  )
  def test_both_byte_counts_equal_the_bytes_of_the_payload(
    self, kwargs, expected
  ):
    process = _create(**kwargs)
    output = process.next(process.initialize(), _values(), _WEIGHTS)
    received = output.measurements['mean_value']['payload_bytes']
    self.assertEqual(received, expected * len(_WEIGHTS))
    # The trace includes the weight, a float32.
    self.assertEqual(
      communication.traced_bytes(process.next).uplink, expected + 4
    )

  def test_result_is_a_mean_of_three_values_each(self):
    process = _create()
    output = process.next(process.initialize(), _values(), _WEIGHTS)
    # MeanFactory encodes the values times their weights.
    first, second = (np.abs(value[0]).max() for value in _values())
    possible = [
      (i * first + j * 3 * second) / 4 for i in (-1, 0, 1) for j in (-1, 0, 1)
    ]
    distance = np.abs(output.result[0][..., np.newaxis] - possible).min(axis=-1)
    self.assertAllInRange(distance, 0.0, 1e-5)
    expected = np.average(
      [value[1] for value in _values()], axis=0, weights=_WEIGHTS
    )
    self.assertAllClose(output.result[1], expected, rtol=1e-6)

  def test_mean_over_rounds_is_unbiased(self):
    process = aggregators.ternary_aggregator(weighted=False).create(_VALUE_TYPE)
    state, results = process.initialize(), []
    for _ in range(40):
      output = process.next(state, _values())
      state = output.state
      results.append(output.result[0])
    error = np.mean(results, axis=0) - np.mean(
      [value[0] for value in _values()], axis=0
    )
    # |x| (u - |x|) is the variance of one value of one client.
    variance = 0.0
    for kernel, _ in _values():
      magnitude = np.abs(kernel)
      variance += (magnitude * (magnitude.max() - magnitude)).sum() / 4
    expected = variance / 40
    self.assertBetween((error**2).sum() / expected, 0.7, 1.3)
    self.assertLess(abs(error.sum()), 5 * np.sqrt(expected))

  def test_bits_depend_on_the_seed_alone(self):
    results = []
    for base_seed in (7, 7, 8):
      process = _create.__wrapped__(base_seed=base_seed)
      output = process.next(process.initialize(), _values(), _WEIGHTS)
      results.append(output.result[0])
    self.assertAllEqual(results[0], results[1])
    self.assertNotAllEqual(results[0], results[2])

  def test_without_weight_the_mean_is_zero(self):
    process = _create()
    output = process.next(process.initialize(), _values(), [0.0, 0.0])
    self.assertAllEqual(output.result[0], np.zeros(_KERNEL))

  def test_non_finite_update_stops_the_round(self):
    process = _create()
    values = _values()
    values[1][0][0, 0] = np.nan
    with self.assertRaisesRegex(Exception, 'finite values, found NaN or Inf'):
      process.next(process.initialize(), values, _WEIGHTS)


if __name__ == '__main__':
  tf.test.main()
