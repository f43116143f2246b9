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
from tff_methods import encoders
from tff_methods import options as options_lib

_KERNEL, _BIAS = (3, 3, 8, 16), (16,)
_NUM_KERNEL = 3 * 3 * 8 * 16
_VALUE_TYPE = tff.to_type(
  [tff.TensorType(np.float32, _KERNEL), tff.TensorType(np.float32, _BIAS)]
)
_WEIGHT_TYPE = tff.TensorType(np.float32)
_WEIGHTS = [1.0, 3.0, 0.5]


def _values(scale=1.0):
  rng = np.random.default_rng(0)
  return [
    [(scale * rng.normal(size=s)).astype(np.float32) for s in (_KERNEL, _BIAS)]
    for _ in _WEIGHTS
  ]


@caching.cache
def _create(**kwargs):
  factory = aggregators.sketched_update_aggregator(**kwargs)
  return factory.create(_VALUE_TYPE, _WEIGHT_TYPE)


def _kernel_bytes(bits=None, kept=_NUM_KERNEL, overhead=0):
  return int(np.ceil(kept * (bits or 32) / 8)) + overhead


def _produced_bytes(min_elements=256, **kwargs):
  """Encodes the tensors of one client, and returns the bytes of the arrays."""
  options = options_lib.SketchOptions(**kwargs)
  num_bytes = 0
  for x in _values()[0]:
    spec = tf.TensorSpec(x.shape, x.dtype)
    encoder = encoders.identity_encoder(spec)
    if x.size >= min_elements:
      encoder = encoders.sketch_encoder(spec, options, seed=(0,))
    encode_params, _, _ = encoder.get_params()
    payload, _ = encoder.encode(tf.constant(x), encode_params)
    num_bytes += sum(len(t.numpy().tobytes()) for t in payload.values())
  return num_bytes


# Scale: 4 bytes. Range: 8. Key: 8.
_CONFIGURATIONS = (
  ('default', {}, _kernel_bytes(2, overhead=4)),
  ('float32', {'bits': None}, _kernel_bytes()),
  ('one_bit', {'bits': 1}, _kernel_bytes(1, overhead=4)),
  ('odd', {'bits': 3}, _kernel_bytes(3, overhead=4)),
  ('wide', {'bits': 13}, _kernel_bytes(13, overhead=4)),
  (
    'uniform',
    {'bits': 4, 'quantizer': 'uniform'},
    _kernel_bytes(4, overhead=8),
  ),
  (
    'no_rotation',
    {'bits': 4, 'quantizer': 'uniform', 'rotation': False},
    _kernel_bytes(4, overhead=8),
  ),
  (
    'subsampled',
    {'bits': 2, 'fraction': 0.125},
    _kernel_bytes(2, _NUM_KERNEL // 8, overhead=12),
  ),
  (
    'subsampled_floats',
    {'bits': None, 'fraction': 0.125, 'rotation': False},
    _kernel_bytes(None, _NUM_KERNEL // 8, overhead=8),
  ),
  (
    'client_rotation',
    {'bits': 1, 'shared_rotation': False},
    _kernel_bytes(1, overhead=12),
  ),
  (
    # One key for both.
    'client_rotation_and_subsampling',
    {'bits': 2, 'fraction': 0.125, 'shared_rotation': False},
    _kernel_bytes(2, _NUM_KERNEL // 8, overhead=12),
  ),
  (
    'entropy',
    {'fraction': 0.5, 'seed_source': 'entropy'},
    _kernel_bytes(2, _NUM_KERNEL // 2, overhead=12),
  ),
)


class SketchedUpdateAggregatorComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_is_weighted_or_not(self):
    weighted = aggregators.sketched_update_aggregator()
    unweighted = aggregators.sketched_update_aggregator(weighted=False)
    self.assertIsInstance(weighted, tff.aggregators.WeightedAggregationFactory)
    self.assertIsInstance(
      unweighted, tff.aggregators.UnweightedAggregationFactory
    )

  def test_result_has_the_type_of_the_values(self):
    process = _create()
    self.assertTrue(process.is_weighted)
    result = process.next.type_signature.result.result
    self.assertEqual(result, tff.FederatedType(_VALUE_TYPE, tff.SERVER))

  @parameterized.named_parameters(
    ('bits', {'bits': 0}, 'bits from 1 to 16, found 0'),
    ('fraction', {'fraction': 0.0}, r'fraction in \(0, 1\], found 0.0'),
    ('quantizer', {'quantizer': 'lloyd'}, "('eden', 'uniform').*found 'lloyd'"),
    ('seed_source', {'seed_source': 'time'}, "found 'time'"),
    ('min_elements', {'min_elements': -1}, 'at least 0, found -1'),
    (
      'eden_without_rotation',
      {'rotation': False},
      "choose quantizer='uniform'",
    ),
    (
      'client_rotation_of_floats',
      {'shared_rotation': False, 'bits': None},
      'shared_rotation=False, found bits=None',
    ),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      aggregators.sketched_update_aggregator(**kwargs)

  @parameterized.named_parameters(
    ('bits', {'bits': 2.5}, 'bits to be an int, found float'),
    ('min_elements', {'min_elements': '9'}, 'to be an int, found str'),
    ('base_seed', {'base_seed': 0.5}, 'base_seed to be an int, found float'),
  )
  def test_bad_types_raise(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      aggregators.sketched_update_aggregator(**kwargs)

  def test_other_dtypes_raise_when_created(self):
    factory = aggregators.sketched_update_aggregator(min_elements=1)
    with self.assertRaisesRegex(TypeError, 'float32 values.*found float64'):
      factory.create(tff.TensorType(np.float64, [9]), _WEIGHT_TYPE)


class SketchedUpdateAggregatorExecutionTest(
  parameterized.TestCase, tf.test.TestCase
):
  @parameterized.named_parameters(*_CONFIGURATIONS)
  def test_both_byte_counts_equal_the_bytes_of_the_payload(
    self, kwargs, kernel_bytes
  ):
    process = _create(**kwargs)
    expected = kernel_bytes + 4 * _BIAS[0]
    output = process.next(process.initialize(), _values(), _WEIGHTS)
    received = output.measurements['mean_value']['payload_bytes']
    self.assertEqual(received, expected * len(_WEIGHTS))
    # The trace includes the weight, a float32.
    traced = communication.traced_bytes(process.next)
    self.assertEqual(traced.uplink, expected + 4)
    self.assertEqual(_produced_bytes(**kwargs), expected)

  @parameterized.named_parameters(
    ('float32', {'bits': None}, 1e-12),
    ('eden', {'bits': 12}, 1e-5),
    ('uniform', {'bits': 12, 'quantizer': 'uniform'}, 1e-5),
    ('client_rotation', {'bits': 12, 'shared_rotation': False}, 1e-5),
  )
  def test_result_is_the_weighted_mean(self, kwargs, tolerance):
    process = _create(**kwargs)
    state = process.initialize()
    for _ in range(2):
      output = process.next(state, _values(), _WEIGHTS)
      state = output.state
      for i in range(2):
        expected = np.average(
          [value[i] for value in _values()], axis=0, weights=_WEIGHTS
        )
        error = ((output.result[i] - expected) ** 2).sum()
        self.assertLess(error / (expected**2).sum(), tolerance)

  def test_errors_of_similar_updates_average_out_by_client_rotations_alone(
    self,
  ):
    correlation, num_clients, length = 0.9, 50, 2048
    rng = np.random.default_rng(0)
    common, *own = rng.standard_normal([num_clients + 1, length])
    updates = [
      (correlation**0.5 * common + (1 - correlation) ** 0.5 * x).astype('f')
      for x in own
    ]
    mean = np.mean(updates, axis=0)
    errors = []
    for shared_rotation in (True, False):
      process = aggregators.sketched_update_aggregator(
        bits=1, shared_rotation=shared_rotation, weighted=False
      ).create(tff.TensorType(np.float32, [length]))
      output = process.next(process.initialize(), updates)
      errors.append(((output.result - mean) ** 2).sum() / (mean**2).sum())
    # Signs of normal values of a correlation r have the correlation 2 asin(r) /
    # pi: the limit of infinitely many clients.
    limit = np.arcsin(correlation) / correlation - 1
    self.assertBetween(errors[0], 0.9 * limit, 1.2 * limit)
    self.assertLess(errors[1], 0.1 * limit)

  def test_unweighted_result_is_the_mean(self):
    factory = aggregators.sketched_update_aggregator(bits=16, weighted=False)
    process = factory.create(_VALUE_TYPE)
    output = process.next(process.initialize(), _values())
    expected = np.mean([value[0] for value in _values()], axis=0)
    self.assertAllClose(output.result[0], expected, atol=1e-3)
    self.assertEqual(
      output.measurements['mean_value']['payload_bytes'],
      3 * (2 * _NUM_KERNEL + 4 + 4 * _BIAS[0]),
    )

  def test_bits_depend_on_the_seed_alone(self):
    results = []
    for base_seed in (7, 7, 8):
      process = _create.__wrapped__(bits=1, fraction=0.5, base_seed=base_seed)
      output = process.next(process.initialize(), _values(), _WEIGHTS)
      results.append(output.result[0])
    self.assertAllEqual(results[0], results[1])
    self.assertNotAllEqual(results[0], results[2])

  def test_small_tensors_are_sent_uncompressed(self):
    process = _create(bits=1, fraction=0.01)
    output = process.next(process.initialize(), _values(), [1.0, 1.0, 1.0])
    expected = np.mean([value[1] for value in _values()], axis=0)
    self.assertAllClose(output.result[1], expected, rtol=1e-6)

  def test_without_weight_the_mean_is_zero(self):
    process = _create()
    output = process.next(process.initialize(), _values(), [0.0, 0.0, 0.0])
    self.assertAllEqual(output.result[0], np.zeros(_KERNEL))

  @parameterized.product(
    kwargs=(
      {},
      {'bits': None},
      {'rotation': False, 'quantizer': 'uniform', 'fraction': 0.01},
    ),
    tensor=(0, 1),
    bad=(np.nan, np.inf),
  )
  def test_non_finite_update_stops_the_round(self, kwargs, tensor, bad):
    process = _create(**kwargs)
    values = _values()
    values[1][tensor].flat[-1] = bad
    with self.assertRaisesRegex(Exception, 'finite values, found NaN or Inf'):
      process.next(process.initialize(), values, _WEIGHTS)


if __name__ == '__main__':
  tf.test.main()
