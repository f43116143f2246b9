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
"""TFF's zeroing and clipping around the aggregators of this library."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods.runtime import shared_context
from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import options as options_lib

_VALUE_TYPE = tff.TensorType(np.float32, [300])
_AGGREGATORS = (
  ('sketched', aggregators.sketched_update_aggregator(bits=16, weighted=False)),
  ('top_k', aggregators.top_k_aggregator(fraction=1.0, weighted=False)),
  (
    'hierarchical',
    aggregators.hierarchical_quantization_aggregator(bits=12, weighted=False),
  ),
  (
    'encoded_sum',
    tff.aggregators.UnweightedMeanFactory(
      aggregators.EncodedSumFactory(
        lambda spec, _: encoders.sketch_encoder(
          spec, options_lib.SketchOptions(bits=16), (0,)
        )
      )
    ),
  ),
  ('ternary', aggregators.ternary_aggregator(weighted=False)),
  ('qsgd', aggregators.qsgd_aggregator(bits=16, weighted=False)),
  (
    'count_sketch',
    aggregators.count_sketch_aggregator(
      fraction=1.0, applied_fraction=1.0, weighted=False
    ),
  ),
  (
    'dp',
    aggregators.dp_sketched_aggregator(
      noise_multiplier=0.0, clients_per_round=4, clip=100.0, bits=16
    ),
  ),
  (
    'secure',
    aggregators.secure_sketched_aggregator(
      clip=100.0, clients_per_round=4, bits=16
    ),
  ),
)


def _values():
  return list(np.random.default_rng(0).normal(size=(3, 300)).astype(np.float32))


@caching.cache
def _create(factory):
  return factory.create(_VALUE_TYPE)


def _mean(factory, values):
  process = _create(factory)
  return process.next(process.initialize(), values).result


_SECURE_COUNT = tff.aggregators.SecureSumFactory(1, 0)


def _adaptive_norm(secure_estimation=False):
  return tff.aggregators.PrivateQuantileEstimationProcess.no_noise(
    initial_estimate=20.0,
    target_quantile=0.5,
    learning_rate=0.5,
    secure_estimation=secure_estimation,
  )


def _clipping(norm, aggregator, count=None):
  return tff.aggregators.clipping_factory(
    norm, aggregator, clipped_count_sum_factory=count
  )


def _zeroing(norm, aggregator, count=None):
  return tff.aggregators.zeroing_factory(
    norm, aggregator, zeroed_count_sum_factory=count
  )


class RobustWrappersTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    context = shared_context.in_process()
    self.enter_context(tff.framework.get_context_stack().install(context))

  @parameterized.named_parameters(*_AGGREGATORS)
  def test_a_large_update_is_zeroed(self, aggregator):
    factory = tff.aggregators.zeroing_factory(50.0, aggregator)
    large = np.full([300], 1e6, np.float32)
    np.testing.assert_array_equal(
      _mean(factory, [*_values(), large]),
      _mean(aggregator, [*_values(), 0 * large]),
    )

  @parameterized.named_parameters(*_AGGREGATORS)
  def test_updates_are_clipped(self, aggregator):
    factory = tff.aggregators.clipping_factory(2.0, aggregator)
    values = [10.0 ** (2 * i) * x for i, x in enumerate(_values())]
    clipped = [2.0 * x / np.linalg.norm(x) for x in values]
    # The clips differ in the last bit, which the random rounding of ternary
    # values depends on. Without a clip, the distance would be above 10**4.
    expected = _mean(aggregator, clipped)
    self.assertLess(np.linalg.norm(_mean(factory, values) - expected), 2.0)

  @parameterized.parameters(_clipping, _zeroing)
  def test_fixed_norms_keep_one_round_of_noise_apart_from_the_next(self, wrap):
    self.assertEqual(self._later_change(wrap, 17.0), 0.0)

  def test_adaptive_norms_do_not(self):
    self.assertGreater(self._later_change(_clipping, _adaptive_norm()), 0.1)

  def _later_change(self, wrap, norm):
    """Returns by how much one client of a round moves the next, without noise.

    The accounting of noise holds if a client's own payload is its influence.
    """
    process = wrap(norm, dict(_AGGREGATORS)['dp']).create(_VALUE_TYPE)
    results = []
    for last in (1e-3, 1e3):
      first_cohort = [*_values(), np.full([300], last, np.float32)]
      state = process.next(process.initialize(), first_cohort).state
      results.append(process.next(state, _values()).result)
    return np.linalg.norm(results[1] - results[0])


class SecureWrappersTest(parameterized.TestCase):
  @parameterized.product(wrap=[_clipping, _zeroing], adaptive=[False, True])
  def test_contain_no_unsecure_aggregation(self, wrap, adaptive):
    norm = _adaptive_norm(secure_estimation=True) if adaptive else 2.0
    factory = wrap(norm, dict(_AGGREGATORS)['secure'], _SECURE_COUNT)
    process = factory.create(_VALUE_TYPE)
    tff.test.assert_not_contains_unsecure_aggregation(process.next)

  @parameterized.parameters(
    (2.0, None),
    (_adaptive_norm(secure_estimation=True), None),
    (_adaptive_norm(), _SECURE_COUNT),
  )
  def test_others_do(self, norm, count):
    factory = _clipping(norm, dict(_AGGREGATORS)['secure'], count)
    process = factory.create(_VALUE_TYPE)
    tff.test.assert_contains_unsecure_aggregation(process.next)


if __name__ == '__main__':
  absltest.main()
