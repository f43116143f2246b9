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

import collections

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods.runtime import shared_context
from tests.tff_methods.runtime import two_workers
from tff_methods import aggregators
from tff_methods import communication
from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods import update_spaces

_SPECS = [tf.TensorSpec([20, 16], tf.float32), tf.TensorSpec([4], tf.float32)]
_CLIP = 0.75
_NUM_CLIENTS = 6
_SPACES = {
  'random_mask': update_spaces.RandomMask(0.25),
  'low_rank': update_spaces.LowRank(rank=5),
}


def _value_type(model_space):
  return tff.types.tensorflow_to_type(
    collections.OrderedDict(
      key=update_spaces.KEY_SPEC, parameters=model_space.parameter_specs
    )
  )


def _encoder_fn(bits):
  """Returns unbiased encoders: their decoded values can be longer."""
  if bits is None:
    return None
  sketch = options_lib.SketchOptions(bits=bits)
  return lambda spec, i: encoders.sketch_encoder(spec, sketch, (i,))


@caching.cache
def _create(space, bits=None, **kwargs):
  model_space = update_spaces.ModelSpace(_SPACES[space], _SPECS)
  options = dict(
    noise_multiplier=0.0, clients_per_round=_NUM_CLIENTS, clip=_CLIP
  )
  factory = aggregators.DpStructuredUpdateFactory(
    model_space,
    options_lib.NoiseOptions(**(options | kwargs)),
    _encoder_fn(bits),
  )
  return model_space, factory.create(_value_type(model_space))


def _values(model_space, scales):
  rng = np.random.default_rng(0)
  return [
    collections.OrderedDict(
      key=rng.integers(2**31, size=2, dtype=np.int32),
      parameters=tuple(
        np.float32(scale * rng.standard_t(2, size=spec.shape))
        for spec in model_space.parameter_specs
      ),
    )
    for scale in scales
  ]


def _flat(value):
  return np.concatenate([np.ravel(x) for x in value]).astype(np.float64)


def _mean(process, values):
  return _flat(process.next(process.initialize(), values).result)


class DpStructuredUpdateFactoryComputationTest(parameterized.TestCase):
  def test_types(self):
    _, process = _create('low_rank')
    self.assertFalse(process.is_weighted)
    result = process.next.type_signature.result
    self.assertEqual(result.result.member, tff.types.tensorflow_to_type(_SPECS))
    self.assertEqual(
      tff.structure.name_list(result.measurements.member),
      ['payload_bytes', 'clip'],
    )

  def test_bad_arguments_raise(self):
    model_space = update_spaces.ModelSpace(_SPACES['low_rank'], _SPECS)
    options = options_lib.NoiseOptions(
      noise_multiplier=1.0, clients_per_round=1
    )
    with self.assertRaisesRegex(TypeError, 'options.NoiseOptions, found float'):
      aggregators.DpStructuredUpdateFactory(model_space, 1.0)
    with self.assertRaisesRegex(TypeError, 'ModelSpace, found list'):
      aggregators.DpStructuredUpdateFactory(_SPECS, options)
    factory = aggregators.DpStructuredUpdateFactory(model_space, options)
    with self.assertRaisesRegex(TypeError, 'client work and aggregator the'):
      factory.create(tff.TensorType(np.float32, [3]))
    half = update_spaces.ModelSpace(
      _SPACES['low_rank'], [tf.TensorSpec([20, 16], tf.float16)]
    )
    with self.assertRaisesRegex(TypeError, 'float32 weights .* found float16'):
      aggregators.DpStructuredUpdateFactory(half, options)


class DpStructuredUpdateFactoryExecutionTest(parameterized.TestCase):
  @parameterized.product(
    space=list(_SPACES), bits=[None, 1, 4], clip=[_CLIP, 'adaptive']
  )
  def test_influence_of_one_client_on_the_sum(self, space, bits, clip):
    model_space, process = _create(space, bits, clip=clip)
    limit = process.initialize()['clip']
    *cohort, last = _values(model_space, [1e-3, 0.02, 1.0, 1e3, 1e15, 5.0])
    opposite = collections.OrderedDict(
      key=last['key'], parameters=tuple(-x for x in last['parameters'])
    )
    without, with_last, replaced = (
      _NUM_CLIENTS * _mean(process, values)
      for values in (cohort, [*cohort, last], [*cohort, opposite])
    )
    added = np.linalg.norm(with_last - without)
    self.assertLessEqual(added, limit)
    self.assertLessEqual(np.linalg.norm(with_last - replaced), 2 * limit)
    self.assertGreater(added, 0.99 * limit)

  @parameterized.parameters(*_SPACES)
  def test_is_the_mean_of_clipped_updates(self, space):
    model_space, process = _create(space)
    values = _values(model_space, [1e-3, 0.02, 1.0, 1e3])
    updates = [
      _flat(model_space.expand(v['key'], v['parameters'])) for v in values
    ]
    clipped = [x * min(1.0, _CLIP / np.linalg.norm(x)) for x in updates]
    np.testing.assert_allclose(
      _mean(process, values), sum(clipped) / _NUM_CLIENTS, atol=1e-5
    )

  def test_adaptive_clip_is_that_of_sketches(self):
    model_space, process = _create('random_mask', clip='adaptive')
    values = _values(model_space, [1e-3, 1e-3, 1.0, 1e3, 1.0, 1.0])
    expanded = [
      [np.asarray(x) for x in model_space.expand(v['key'], v['parameters'])]
      for v in values
    ]
    sketched = aggregators.dp_sketched_aggregator(
      noise_multiplier=0.0, clients_per_round=_NUM_CLIENTS, bits=None
    ).create(tff.types.tensorflow_to_type(_SPECS))
    state, expected = process.initialize(), sketched.initialize()
    for _ in range(3):
      output = process.next(state, values)
      expected_output = sketched.next(expected, expanded)
      state, expected = output.state, expected_output.state
      np.testing.assert_allclose(
        _flat(output.result), _flat(expected_output.result), atol=1e-6
      )
    self.assertAlmostEqual(
      state['clip'], expected['mechanism']['clip'], places=5
    )

  def test_noise_has_the_stated_deviation(self):
    model_space, process = _create(
      'low_rank', noise_multiplier=2.0, noise_seed_for_tests=5
    )
    (zeros,) = _values(model_space, [0.0])
    state, noise = process.initialize(), []
    for _ in range(20):
      output = process.next(state, [zeros])
      state = output.state
      noise.append(_NUM_CLIENTS * _flat(output.result) / (2.0 * _CLIP))
    self.assertAlmostEqual(np.std(noise), 1.0, delta=0.05)
    correlations = np.corrcoef(np.array(noise))[np.triu_indices(20, 1)]
    self.assertLess(np.abs(correlations).max(), 0.3)

  @parameterized.parameters((_CLIP, 0), ('adaptive', 4))
  def test_bytes(self, clip, echo):
    model_space, process = _create('low_rank', clip=clip)
    values = _values(model_space, [1.0] * 3)
    output = process.next(process.initialize(), values)
    sent = sum(x.nbytes for x in tf.nest.flatten(values[0])) + echo
    self.assertEqual(output.measurements['payload_bytes'], 3 * sent)
    self.assertEqual(communication.traced_bytes(process.next).uplink, sent)

  def test_runs_alike_in_all_runtimes(self):
    model_space, process = _create(
      'low_rank',
      bits=4,
      noise_multiplier=1.0,
      clip='adaptive',
      noise_seed_for_tests=1,
    )
    values = _values(model_space, [0.02, 1.0, 1e3])
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
