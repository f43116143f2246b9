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
import math

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import communication

_KERNEL, _BIAS = (9, 40), (5,)
_NUM_KERNEL = 360
_NUM_ALL = 365
_VALUE_TYPE = tff.to_type(
  [tff.TensorType(np.float32, _KERNEL), tff.TensorType(np.float32, _BIAS)]
)
_WEIGHT_TYPE = tff.TensorType(np.float32)
_WEIGHTS = [1.0, 3.0, 0.5]


def _values():
  rng = np.random.default_rng(0)
  return [
    [rng.normal(size=shape).astype(np.float32) for shape in (_KERNEL, _BIAS)]
    for _ in _WEIGHTS
  ]


def _process(factory):
  return factory.create(_VALUE_TYPE, _WEIGHT_TYPE)


def _keep_largest(x, k):
  kept = np.zeros(x.size, np.float32)
  for position in np.argsort(-np.abs(x.ravel()), kind='stable')[:k]:
    kept[position] = x.flat[position]
  return kept.reshape(x.shape)


def _mean(values):
  return [
    np.average([value[i] for value in values], axis=0, weights=_WEIGHTS)
    for i in range(2)
  ]


class TopKAggregatorComputationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters('model', 'tensor')
  def test_is_weighted_or_not(self, scope):
    weighted = aggregators.top_k_aggregator(fraction=0.1, scope=scope)
    self.assertIsInstance(weighted, tff.aggregators.WeightedAggregationFactory)
    unweighted = aggregators.top_k_aggregator(
      fraction=0.1, scope=scope, weighted=False
    )
    self.assertIsInstance(
      unweighted, tff.aggregators.UnweightedAggregationFactory
    )

  @parameterized.parameters('model', 'tensor')
  def test_result_has_the_type_of_the_values(self, scope):
    process = _process(aggregators.top_k_aggregator(fraction=0.1, scope=scope))
    result = process.next.type_signature.result.result
    self.assertEqual(result, tff.FederatedType(_VALUE_TYPE, tff.SERVER))

  @parameterized.named_parameters(
    ('bits', {'bits': 1}, 'at least 2, a sign and an interval, found 1'),
    ('fraction', {'fraction': 0.0}, r'fraction in \(0, 1\], found 0.0'),
    ('scope', {'scope': 'layer'}, "'tensor'.*found 'layer'"),
    ('min_elements', {'min_elements': -1}, 'at least 0, found -1'),
    ('min_elements_of_model', {'min_elements': 9}, "choose scope='tensor'"),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      aggregators.top_k_aggregator(**({'fraction': 0.1} | kwargs))

  @parameterized.named_parameters(
    ('bits', {'bits': 2.5}, 'bits to be an int, found float'),
    ('min_elements', {'min_elements': '9'}, 'to be an int, found str'),
  )
  def test_bad_types_raise(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      aggregators.top_k_aggregator(fraction=0.1, **kwargs)

  @parameterized.parameters('model', 'tensor')
  def test_other_dtypes_raise_when_created(self, scope):
    factory = aggregators.top_k_aggregator(fraction=0.1, scope=scope)
    with self.assertRaisesRegex(TypeError, 'float32 values.*found float64'):
      factory.create(tff.TensorType(np.float64, [9]), _WEIGHT_TYPE)


class TopKAggregatorExecutionTest(parameterized.TestCase, tf.test.TestCase):
  # Positions by hand: 36 of 365 in 3 low bits each and 36 + 329 // 8 high ones;
  # 36 of 360 in as many; one of 5 in 3; 182 of 365 in 365 bits.
  @parameterized.named_parameters(
    ('model', {'fraction': 0.1}, 4 * 36 + 14 + 10),
    ('quantized', {'fraction': 0.1, 'bits': 4}, 18 + 8 + 14 + 10),
    ('half', {'fraction': 0.5, 'bits': 3}, 69 + 8 + 46),
    ('all', {'fraction': 1.0}, 4 * 365),
    (
      'tensor',
      {'fraction': 0.1, 'scope': 'tensor'},
      (4 * 36 + 14 + 10) + (4 + 1),
    ),
    (
      'min_elements',
      {'fraction': 0.1, 'scope': 'tensor', 'min_elements': 6},
      (4 * 36 + 14 + 10) + 4 * 5,
    ),
  )
  def test_both_byte_counts_equal_the_bytes_of_the_payload(
    self, kwargs, expected
  ):
    process = _process(aggregators.top_k_aggregator(**kwargs))
    output = process.next(process.initialize(), _values(), _WEIGHTS)
    received = output.measurements['mean_value']['payload_bytes']
    self.assertEqual(received, expected * len(_WEIGHTS))
    # The trace includes the weight, a float32.
    self.assertEqual(
      communication.traced_bytes(process.next).uplink, expected + 4
    )

  def test_model_scope_selects_the_largest_of_the_model(self):
    values = _values()
    for value in values:
      value[1] *= 10.0
    process = _process(aggregators.top_k_aggregator(fraction=0.05))
    result = process.next(process.initialize(), values, _WEIGHTS).result
    kept = []
    for kernel, bias in values:
      both = _keep_largest(np.append(kernel, bias), 18)
      kept.append([both[:_NUM_KERNEL].reshape(_KERNEL), both[_NUM_KERNEL:]])
    self.assertAllClose(result, _mean(kept), rtol=1e-5)

  def test_tensor_scope_selects_the_largest_of_each_tensor(self):
    values = _values()
    factory = aggregators.top_k_aggregator(fraction=0.2, scope='tensor')
    process = _process(factory)
    result = process.next(process.initialize(), values, _WEIGHTS).result
    kept = [
      [_keep_largest(kernel, 72), _keep_largest(bias, 1)]
      for kernel, bias in values
    ]
    self.assertAllClose(result, _mean(kept), rtol=1e-5)

  def test_quantized_result_is_within_half_an_interval(self):
    process = _process(aggregators.top_k_aggregator(fraction=1.0, bits=6))
    result = process.next(process.initialize(), _values(), _WEIGHTS).result
    largest = max(np.abs(x).max() for value in _values() for x in value)
    for x, expected in zip(result, _mean(_values()), strict=True):
      self.assertAllInRange(np.abs(x - expected), 0.0, largest / 64)

  def test_unweighted_result_is_the_mean(self):
    factory = aggregators.top_k_aggregator(fraction=1.0, weighted=False)
    process = factory.create(_VALUE_TYPE)
    output = process.next(process.initialize(), _values())
    expected = np.mean([value[0] for value in _values()], axis=0)
    self.assertAllClose(output.result[0], expected, rtol=1e-5)
    self.assertEqual(
      output.measurements['mean_value']['payload_bytes'], 3 * 4 * _NUM_ALL
    )

  @parameterized.product(tensor=(0, 1), bad=(np.nan, np.inf))
  def test_non_finite_update_stops_the_round(self, tensor, bad):
    process = _process(aggregators.top_k_aggregator(fraction=0.01))
    values = _values()
    values[1][tensor].flat[-1] = bad
    with self.assertRaisesRegex(Exception, 'finite values, found NaN or Inf'):
      process.next(process.initialize(), values, _WEIGHTS)


class HierarchicalQuantizationAggregatorTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_is_weighted_or_not(self):
    self.assertIsInstance(
      aggregators.hierarchical_quantization_aggregator(),
      tff.aggregators.WeightedAggregationFactory,
    )
    self.assertIsInstance(
      aggregators.hierarchical_quantization_aggregator(weighted=False),
      tff.aggregators.UnweightedAggregationFactory,
    )

  @parameterized.parameters(
    ({'bits': 1}, ValueError, 'at least 2.*found 1'),
    ({'bits': 17}, ValueError, 'from 1 to 16, found 17'),
    ({'bits': None}, TypeError, 'to be an int, found NoneType'),
    ({'min_elements': -1}, ValueError, 'at least 0, found -1'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      aggregators.hierarchical_quantization_aggregator(**kwargs)

  @parameterized.parameters(2, 4, 11)
  def test_bytes_and_errors_are_as_documented(self, bits):
    process = _process(
      aggregators.hierarchical_quantization_aggregator(bits=bits)
    )
    output = process.next(process.initialize(), _values(), _WEIGHTS)
    expected_bytes = math.ceil(_NUM_KERNEL * bits / 8) + 8 + 4 * 5
    self.assertEqual(
      output.measurements['mean_value']['payload_bytes'], 3 * expected_bytes
    )
    self.assertEqual(
      communication.traced_bytes(process.next).uplink, expected_bytes + 4
    )
    expected = _mean(_values())
    largest = max(np.abs(value[0]).max() for value in _values())
    self.assertAllInRange(
      np.abs(output.result[0] - expected[0]), 0.0, largest / 2**bits
    )
    self.assertAllClose(output.result[1], expected[1], rtol=1e-6)


if __name__ == '__main__':
  tf.test.main()
