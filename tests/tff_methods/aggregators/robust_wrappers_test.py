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


if __name__ == '__main__':
  absltest.main()
