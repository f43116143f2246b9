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
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods.runtime import shared_context
from tests.tff_methods.runtime import two_workers
from tff_methods import aggregators
from tff_methods import communication
from tff_methods import encoders
from tff_methods import options as options_lib

_SHAPES = ((13, 10), (), (7,))
_NUM_ELEMENTS = 138
_VALUE_TYPE = tff.to_type([tff.TensorType(np.float32, s) for s in _SHAPES])
_CLIP = 0.75
_NUM_CLIENTS = 6
_SKETCHES = (
  ('plain', {'bits': None}),
  ('two_bits', {'bits': 2}),
  ('one_bit_subsampled', {'bits': 1, 'fraction': 0.125}),
  ('subsampled', {'bits': None, 'fraction': 0.25}),
)


def _values(scales):
  rng = np.random.default_rng(0)
  return [
    [np.float32(scale * rng.standard_t(2, size=s)) for s in _SHAPES]
    for scale in scales
  ]


def _flat(value):
  return np.concatenate([np.ravel(x) for x in value]).astype(np.float64)


@caching.cache
def _create(**kwargs):
  arguments = dict(
    noise_multiplier=0.0, clients_per_round=_NUM_CLIENTS, clip=_CLIP
  )
  factory = aggregators.dp_sketched_aggregator(**(arguments | kwargs))
  return factory.create(_VALUE_TYPE)


def _mean(process, values):
  return _flat(process.next(process.initialize(), values).result)


def _denominator(bits=2, fraction=1.0):
  sketch = options_lib.SketchOptions(bits=bits, fraction=fraction)
  return _NUM_CLIENTS * encoders.sketch_contraction(_NUM_ELEMENTS, sketch)


class DpSketchedAggregatorComputationTest(parameterized.TestCase):
  def test_types(self):
    process = _create()
    self.assertFalse(process.is_weighted)
    result = process.next.type_signature.result
    self.assertEqual(result.result, tff.FederatedType(_VALUE_TYPE, tff.SERVER))
    self.assertEqual(
      tff.structure.name_list(result.measurements.member),
      ['payload_bytes', 'clip'],
    )

  @parameterized.parameters(
    ({'noise_multiplier': -1.0}, 'noise_multiplier of at least 0'),
    ({'clients_per_round': 0}, 'clients_per_round of at least 1, found 0'),
    ({'clip': 0.0}, 'clip above 0'),
    ({'clip': 'median'}, "clip to be a number or 'adaptive', found 'median'"),
    ({'bits': 17}, 'bits from 1 to 16'),
    ({'fraction': 0.0}, r'fraction in \(0, 1\]'),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      _create(**kwargs)

  def test_bad_types_raise(self):
    with self.assertRaisesRegex(TypeError, 'clip to be a number, found list'):
      _create.__wrapped__(clip=[1.0])
    factory = aggregators.dp_sketched_aggregator(
      noise_multiplier=1.0, clients_per_round=1
    )
    with self.assertRaisesRegex(TypeError, 'dtypes float32, found float64'):
      factory.create(tff.TensorType(np.float64, [3]))

  def test_takes_the_arguments_that_tff_refuses(self):
    with self.assertRaises(ValueError):
      tff.aggregators.DifferentiallyPrivateFactory.gaussian_adaptive(1.0, 10)
    _create(noise_multiplier=1.0, clients_per_round=10, clip='adaptive')


class DpSketchedAggregatorExecutionTest(parameterized.TestCase):
  @parameterized.named_parameters(*_SKETCHES)
  def test_influence_of_one_client_on_the_sum(self, sketch):
    process = _create(**sketch)
    denominator = _denominator(**sketch)
    # Updates below, at, and far above the norm.
    *cohort, last = _values([1e-3, 0.02, 1.0, 1e3, 1e30, 5.0])
    opposite = [-x for x in last]
    without, with_last, replaced = (
      denominator * _mean(process, values)
      for values in (cohort, [*cohort, last], [*cohort, opposite])
    )
    added = np.linalg.norm(with_last - without)
    self.assertLessEqual(added, _CLIP)
    self.assertLessEqual(np.linalg.norm(with_last - replaced), 2 * _CLIP)
    self.assertGreater(added, 0.1 * _CLIP)

  def test_influence_is_that_of_a_clipped_client_without_sketching(self):
    process = _create(bits=None)
    cohort = _values([1.0, 1e3])
    difference = _denominator(bits=None) * (
      _mean(process, cohort) - _mean(process, cohort[:1])
    )
    direction = _flat(cohort[1]) / np.linalg.norm(_flat(cohort[1]))
    np.testing.assert_allclose(difference, _CLIP * direction, atol=2e-5)

  def test_equals_the_fixed_clip_of_tff(self):
    values = _values([1e-3, 0.02, 1.0, 1e3])
    expected = tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(
      0.0, float(_NUM_CLIENTS), _CLIP
    ).create(_VALUE_TYPE)
    np.testing.assert_allclose(
      _mean(_create(bits=None), values), _mean(expected, values), atol=1e-5
    )

  def test_equals_the_adaptive_clip_of_tff(self):
    values = _values([1e-3, 0.02, 1.0, 1e3, 0.5, 0.5])
    expected = tff.aggregators.DifferentiallyPrivateFactory.gaussian_adaptive(
      0.0, float(_NUM_CLIENTS)
    ).create(_VALUE_TYPE)
    process = _create(bits=None, clip='adaptive')
    state, expected_state = process.initialize(), expected.initialize()
    for _ in range(4):
      output = process.next(state, values)
      expected_output = expected.next(expected_state, values)
      state, expected_state = output.state, expected_output.state
      np.testing.assert_allclose(
        _flat(output.result), _flat(expected_output.result), atol=1e-6
      )

  @parameterized.named_parameters(*_SKETCHES)
  def test_is_unbiased_for_clipped_updates(self, sketch):
    process = _create(**sketch)
    values = _values([0.02, 0.5, 1.0, 1.0, 1.0, 1.0])
    clipped = [
      x * min(1.0, _CLIP / np.linalg.norm(x)) for x in map(_flat, values)
    ]
    expected = np.mean(clipped, axis=0)
    state, total, num_rounds = process.initialize(), 0.0, 40
    for _ in range(num_rounds):
      output = process.next(state, values)
      state, total = output.state, total + _flat(output.result)
    projection = total @ expected / num_rounds / (expected @ expected)
    self.assertBetween(projection, 0.9, 1.1)

  @parameterized.parameters(1.5, 'adaptive')
  def test_noise_has_the_stated_deviation(self, clip):
    process = _create(
      noise_multiplier=2.0, clip=clip, bits=2, noise_seed_for_tests=3
    )
    zeros = [[np.zeros(s, np.float32) for s in _SHAPES]]
    state, noise, stddevs = process.initialize(), [], []
    for _ in range(20):
      output = process.next(state, zeros)
      state = output.state
      stddevs.append(2.0 * output.measurements['clip'])
      noise.append(_denominator() * _flat(output.result) / stddevs[-1])
    # With counts of noise max(6 / 20, 2): (1 / 4 - 1 / 16)**-0.5 / 2.
    expected = 1.0 if clip == 1.5 else 1.1547
    self.assertAlmostEqual(np.std(noise), expected, delta=0.06)
    self.assertAlmostEqual(np.mean(noise), 0.0, delta=0.08)
    # Independent in rounds and coordinates.
    correlations = np.corrcoef(np.array(noise))[np.triu_indices(20, 1)]
    self.assertLess(np.abs(correlations).max(), 0.4)

  def test_noise_does_not_follow_from_the_seed(self):
    values = _values([1.0])
    sums = [
      _mean(_create.__wrapped__(noise_multiplier=1.0, base_seed=0), values)
      for _ in range(2)
    ]
    self.assertGreater(np.linalg.norm(sums[0] - sums[1]), 0.5)
    process = _create(noise_multiplier=1.0)
    means = [_mean(process, values) for _ in range(2)]
    self.assertGreater(np.linalg.norm(means[0] - means[1]), 0.5)

  def test_divides_by_the_same_number_for_any_cohort(self):
    values = _values([1.0])
    process = _create(bits=None)
    np.testing.assert_allclose(
      _mean(process, values * 4), 4 * _mean(process, values), rtol=1e-5
    )

  @parameterized.named_parameters(
    ('fixed', {'bits': 2}, np.ceil(_NUM_ELEMENTS / 4) + 4, 0),
    ('adaptive', {'bits': 2, 'clip': 'adaptive'}, 35 + 4, 4),
    ('subsampled', {'bits': None, 'fraction': 0.5}, 4 * 69 + 8, 0),
  )
  def test_bytes(self, kwargs, payload, indicator):
    process = _create(**kwargs)
    output = process.next(process.initialize(), _values([1.0] * 3))
    self.assertEqual(output.measurements['payload_bytes'], 3 * payload)
    traced = communication.traced_bytes(process.next)
    self.assertEqual(traced.uplink, payload + indicator)

  def test_runs_alike_in_all_runtimes(self):
    process = _create(
      noise_multiplier=1.0, clip='adaptive', noise_seed_for_tests=1
    )
    values = _values([0.02, 1.0, 1e3])
    expected = _mean(process, values)
    for context in (
      shared_context.in_process(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        np.testing.assert_allclose(
          _mean(process, values), expected, rtol=1e-4, atol=1e-6
        )


if __name__ == '__main__':
  absltest.main()
