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
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tests.tff_methods.runtime import shared_context
from tests.tff_methods.runtime import two_workers
from tff_methods import aggregators
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods.aggregators import clipping
from tff_methods.aggregators import secure_sketch
from tff_methods.common import seeds

_SHAPES = ((13, 10), (), (7,))
_NUM_ELEMENTS = 138
_VALUE_TYPE = tff.to_type([tff.TensorType(np.float32, s) for s in _SHAPES])
_CLIP = 2.0


def _values(scales):
  rng = np.random.default_rng(0)
  return [
    [np.float32(scale * rng.standard_t(3, size=s)) for s in _SHAPES]
    for scale in scales
  ]


def _flat(value):
  return np.concatenate([np.ravel(x) for x in value]).astype(np.float64)


def _clipped(value):
  x = _flat(value)
  return x * min(1.0, _CLIP / np.linalg.norm(x))


@caching.cache
def _create(**kwargs):
  arguments = dict(clip=_CLIP, clients_per_round=5)
  factory = aggregators.secure_sketched_aggregator(**(arguments | kwargs))
  return factory.create(_VALUE_TYPE)


class SecureSketchedAggregatorComputationTest(parameterized.TestCase):
  def test_types(self):
    process = _create()
    self.assertFalse(process.is_weighted)
    self.assertEqual(
      process.next.type_signature.result.result,
      tff.FederatedType(_VALUE_TYPE, tff.SERVER),
    )

  def test_contains_no_unsecure_aggregation(self):
    tff.test.assert_not_contains_unsecure_aggregation(_create().next)

  def test_federated_averaging_contains_no_unsecure_aggregation(self):
    process = tff.learning.algorithms.build_unweighted_fed_avg(
      linear_model.model_fn,
      tff.learning.optimizers.build_sgdm(0.1),
      model_aggregator=aggregators.secure_sketched_aggregator(
        clip=1.0, clients_per_round=5
      ),
      metrics_aggregator=tff.learning.metrics.secure_sum_then_finalize,
    )
    tff.test.assert_not_contains_unsecure_aggregation(process.next)

  @parameterized.parameters(
    ({'clip': 0.0}, 'clip above 0'),
    ({'clients_per_round': 0}, 'clients_per_round of at least 1, found 0'),
    ({'bits': 17}, 'bits from 1 to 16'),
    ({'fraction': 2.0}, r'fraction in \(0, 1\]'),
    ({'bits': 16, 'clients_per_round': 40_000}, 'lower bits or clients_per'),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      _create(**kwargs)

  def test_bad_types_raise(self):
    with self.assertRaisesRegex(TypeError, 'clip to be a number, found str'):
      _create(clip='adaptive')
    factory = aggregators.secure_sketched_aggregator(
      clip=1.0, clients_per_round=1
    )
    with self.assertRaisesRegex(TypeError, 'dtypes float32, found float64'):
      factory.create(tff.TensorType(np.float64, [3]))
    with self.assertRaisesRegex(TypeError, 'one tensor or more, found none'):
      factory.create(tff.StructWithPythonType([], list))

  @parameterized.parameters(
    # 5 * (2**4 - 1) + 1 = 76 takes 7 bits; 5 * 1 + 1 = 6 takes 3.
    ({'bits': 4}, np.ceil(_NUM_ELEMENTS * 7 / 8)),
    ({'bits': 1, 'fraction': 0.25}, np.ceil(34 * 3 / 8)),
  )
  def test_bytes(self, kwargs, expected):
    traced = communication.traced_bytes(_create(**kwargs).next)
    self.assertEqual(traced.uplink, expected + 8)  # And two counts.


class SecureSketchedAggregatorExecutionTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    # TFF's own context runs no secure sums.
    context = shared_context.in_process()
    self.enter_context(tff.framework.get_context_stack().install(context))

  @parameterized.parameters(
    {'bits': 1}, {'bits': 8}, {'bits': 2, 'fraction': 0.125}
  )
  def test_equals_the_plain_sum_of_the_integers(self, **kwargs):
    process = _create(base_seed=9, **kwargs)
    values = _values([0.01, 0.1, 1e20])
    output = process.next(process.initialize(), values)
    options = options_lib.SecureSketchOptions(
      clip=_CLIP, clients_per_round=5, base_seed=9, **kwargs
    )
    sketch = secure_sketch.SecureSketch(_NUM_ELEMENTS, options)
    key = seeds.fold_in(tf.constant(seeds.key(9)), tf.constant(0))
    codes = []
    for value in values:
      (vector,), _ = clipping.clip_by_norm(
        [tf.constant(_flat(value), tf.float32)], tf.constant(_CLIP)
      )
      codes.append(sketch.encode(vector, key)[0].numpy())
    self.assertGreaterEqual(np.min(codes), 0)
    self.assertLess(np.max(codes), 2**options.bits)
    total = sketch.decode(
      tf.constant(np.sum(codes, axis=0), tf.int32), key, tf.constant(3)
    )
    np.testing.assert_array_equal(
      _flat(output.result), (total.numpy() / np.float32(3)).astype(np.float64)
    )

  def test_eight_bits_are_near_the_mean_of_clipped_updates(self):
    values = _values([0.01, 0.1, 1.0, 1e20])
    process = _create(bits=8)
    output = process.next(process.initialize(), values)
    expected = np.mean([_clipped(value) for value in values], axis=0)
    error = np.linalg.norm(_flat(output.result) - expected)
    self.assertLess(error, 0.15 * np.linalg.norm(expected))
    self.assertEqual(output.measurements['num_clients'], 4)

  @parameterized.parameters({'bits': 1}, {'bits': 4, 'fraction': 0.25})
  def test_is_unbiased_over_rounds(self, **kwargs):
    values = _values([0.1, 0.1, 0.1])
    process = _create(**kwargs)
    state, total, num_rounds = process.initialize(), 0.0, 100
    for _ in range(num_rounds):
      output = process.next(state, values)
      state, total = output.state, total + _flat(output.result) / num_rounds
    expected = np.mean([_clipped(value) for value in values], axis=0)
    projection = total @ expected / (expected @ expected)
    self.assertBetween(projection, 0.85, 1.15)

  def test_counts_what_it_clips(self):
    # Rotated coordinates of a clipped update: normal, in a range of 3.
    process = _create(bits=4)
    state, num_clipped = process.initialize(), 0
    for _ in range(30):
      output = process.next(state, _values([10.0] * 5))
      state = output.state
      num_clipped += output.measurements['num_clipped_values']
    share = num_clipped / (30 * 5 * _NUM_ELEMENTS)
    self.assertBetween(share, 0.0005, 0.008)

  def test_largest_updates_do_not_overflow(self):
    # All integers are near their largest sum.
    value = [np.full(s, 1e30, np.float32) for s in _SHAPES]
    process = _create(bits=8)
    output = process.next(process.initialize(), [value] * 5)
    expected = _clipped(value)
    error = np.linalg.norm(_flat(output.result) - expected)
    self.assertLess(error, 0.2 * _CLIP)

  def test_more_clients_than_the_modulus_holds_raise(self):
    process = _create()
    with self.assertRaisesRegex(Exception, 'Expected at most clients_per_rou'):
      process.next(process.initialize(), _values([1.0] * 6))

  def test_runs_alike_in_all_runtimes(self):
    process = _create()
    values = _values([0.02, 1.0, 1e3])
    results = []
    for context in (
      runtime.create_local_context(),
      shared_context.in_process(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        output = process.next(process.initialize(), values)
      results.append(_flat(output.result))
    for result in results[1:]:
      np.testing.assert_allclose(result, results[0], atol=1e-6)


# So small a multiplier that all noise is zero.
_NO_NOISE = 1e-9


def _noisy_sketch(**kwargs):
  """Returns the sketch of `_create`, and its norm bound as that of vectors."""
  options = options_lib.SecureSketchOptions(
    **(dict(clip=_CLIP, clients_per_round=5) | kwargs)
  )
  sketch = secure_sketch.NoisySketch(_NUM_ELEMENTS, options)
  step = 3.0 * _CLIP / np.sqrt(_NUM_ELEMENTS) / 2 ** (options.bits - 1)
  return sketch, np.sqrt(sketch.norm_bound) * step


class DistributedNoiseTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    context = shared_context.in_process()
    self.enter_context(tff.framework.get_context_stack().install(context))

  def test_measurements_have_no_count_without_noise(self):
    result = _create(noise_multiplier=1.0).next.type_signature.result
    self.assertEqual(
      tff.structure.name_list(result.measurements.member), ['num_clients']
    )

  def test_sums_beyond_int32_keep_their_remainder(self):
    options = options_lib.SecureSketchOptions(
      clip=_CLIP, clients_per_round=1000, bits=12, noise_multiplier=1.0
    )
    sketch = secure_sketch.NoisySketch(_NUM_ELEMENTS, options)
    rng = np.random.default_rng(0)
    integers = rng.integers(-2000, 2000, size=[1000, _NUM_ELEMENTS])
    codes = np.int32(integers % sketch.modulus)
    self.assertGreater(codes.sum(axis=0, dtype=np.int64).max(), 2**31)
    with np.errstate(over='ignore'):
      wrapped = codes.sum(axis=0, dtype=np.int32)
    key = tf.constant([1, 2])
    decoded, expected = (
      sketch.decode(tf.constant(sums, tf.int32), key, tf.constant(1000))
      for sums in (wrapped % sketch.modulus, integers.sum(0) % sketch.modulus)
    )
    np.testing.assert_array_equal(decoded, expected)
    # As integers, the sums are those of the clients, negative ones included.
    step = 3.0 * _CLIP / np.sqrt(_NUM_ELEMENTS) / 2**11
    np.testing.assert_allclose(
      np.linalg.norm(decoded), step * np.linalg.norm(integers.sum(0)), rtol=1e-4
    )

  @parameterized.parameters((1, 2.5), (2, 1.6), (4, 1.12), (8, 1.01))
  def test_influence_of_one_client(self, bits, largest):
    kwargs = dict(noise_multiplier=_NO_NOISE, bits=bits)
    _, norm_bound = _noisy_sketch(**kwargs)
    self.assertLess(norm_bound, largest * _CLIP)
    process = _create(**kwargs)
    *cohort, last = _values([0.02, 1.0, 1e3, 1e30, 5.0])
    opposite = [-x for x in last]
    with_last, replaced = (
      5 * _flat(process.next(process.initialize(), values).result)
      for values in ([*cohort, last], [*cohort, opposite])
    )
    change = np.linalg.norm(with_last - replaced)
    self.assertLessEqual(change, 2 * norm_bound)
    self.assertGreater(change, 1.5 * _CLIP)

  @parameterized.parameters({'bits': 2}, {'bits': 4, 'fraction': 0.25})
  def test_is_unbiased_over_rounds(self, **kwargs):
    values = _values([0.1] * 5)
    process = _create(noise_multiplier=_NO_NOISE, **kwargs)
    state, total, num_rounds = process.initialize(), 0.0, 100
    for _ in range(num_rounds):
      output = process.next(state, values)
      state, total = output.state, total + _flat(output.result) / num_rounds
    expected = np.mean([_clipped(value) for value in values], axis=0)
    projection = total @ expected / (expected @ expected)
    self.assertBetween(projection, 0.85, 1.15)

  @parameterized.parameters(3, None)
  def test_noise_has_the_stated_deviation(self, seed):
    """Shares that clients had in common would add up to more."""
    kwargs = dict(noise_multiplier=2.0, noise_seed_for_tests=seed)
    _, norm_bound = _noisy_sketch(**kwargs)
    process = _create(**kwargs)
    # Equal updates would draw equal noise from a seed for tests.
    values = _values([1e-6 * i for i in range(1, 6)])
    state, noise = process.initialize(), []
    for _ in range(20):
      output = process.next(state, values)
      state = output.state
      noise.append(5 * _flat(output.result) / (2.0 * norm_bound))
    self.assertAlmostEqual(np.std(noise), 1.0, delta=0.06)
    stated = aggregators.secure_sum_noise(
      _NUM_ELEMENTS,
      options_lib.SecureSketchOptions(
        clip=_CLIP, clients_per_round=5, noise_multiplier=2.0
      ),
    )
    self.assertEqual(stated.num_values, _NUM_ELEMENTS)
    # Integers of 4 bits stand for steps of an eighth of the range.
    step = 3 * _CLIP / np.sqrt(_NUM_ELEMENTS) / 8
    self.assertAlmostEqual(
      np.std(noise) * 2.0 * norm_bound / step / np.sqrt(5),
      stated.local_stddev,
      delta=0.06 * stated.local_stddev,
    )
    correlations = np.corrcoef(np.array(noise))[np.triu_indices(20, 1)]
    self.assertLess(np.abs(correlations).max(), 0.4)

  def test_noise_does_not_follow_from_the_seed(self):
    process = _create(noise_multiplier=1.0)
    values = _values([1.0] * 5)
    first, second = (
      _flat(process.next(process.initialize(), values).result) for _ in range(2)
    )
    self.assertGreater(np.linalg.norm(first - second), 0.5)

  def test_bytes_are_those_of_the_modulus(self):
    sketch, _ = _noisy_sketch(noise_multiplier=2.0)
    process = _create(noise_multiplier=2.0)
    bits = int(np.ceil(np.log2(sketch.modulus)))
    # Two sums of counts, of at most 138 * 5 each.
    counts = communication.traced_bytes(_create().next).uplink - int(
      np.ceil(_NUM_ELEMENTS * np.ceil(np.log2(5 * 15 + 1)) / 8)
    )
    self.assertEqual(
      communication.traced_bytes(process.next).uplink,
      int(np.ceil(_NUM_ELEMENTS * bits / 8)) + counts,
    )

  @parameterized.parameters(4, 6)
  def test_another_number_of_clients_raises(self, num_clients):
    process = _create(noise_multiplier=1.0)
    with self.assertRaisesRegex(Exception, 'clients, whose shares of noise'):
      process.next(process.initialize(), _values([1.0] * num_clients))

  def test_contains_no_unsecure_aggregation(self):
    tff.test.assert_not_contains_unsecure_aggregation(
      _create(noise_multiplier=1.0).next
    )

  def test_runs_alike_in_all_runtimes(self):
    process = _create(noise_multiplier=1.0, noise_seed_for_tests=1)
    values = _values([0.02, 1.0, 1e3, 2.0, 3.0])
    results = []
    for context in (
      runtime.create_local_context(),
      shared_context.in_process(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        output = process.next(process.initialize(), values)
      results.append(_flat(output.result))
    for result in results[1:]:
      np.testing.assert_allclose(result, results[0], atol=1e-6)

  @parameterized.parameters(
    ({}, 5, ValueError, 'with noise_multiplier, found None'),
    ({'noise_multiplier': 1.0}, 5.0, TypeError, 'num_weights'),
  )
  def test_no_stated_noise(self, kwargs, num_weights, error, message):
    options = options_lib.SecureSketchOptions(
      clip=_CLIP, clients_per_round=5, **kwargs
    )
    with self.assertRaisesRegex(error, message):
      aggregators.secure_sum_noise(num_weights, options)

  def test_noise_that_is_too_large_raises(self):
    with self.assertRaisesRegex(ValueError, 'lower bits or noise_multiplier'):
      _create(noise_multiplier=100.0, bits=12)


if __name__ == '__main__':
  absltest.main()
