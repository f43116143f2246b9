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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tff_methods import aggregators
from tff_methods import communication
from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods import update_spaces

_SPECS = [tf.TensorSpec([20, 16], tf.float32), tf.TensorSpec([4], tf.float32)]
_SPACES = (
  ('random_mask', update_spaces.RandomMask(0.25)),
  ('low_rank', update_spaces.LowRank(rank=5)),
)
_WEIGHT_TYPE = tff.TensorType(np.float32)


@caching.cache
def _create(space, encoder_fn=None):
  model_space = update_spaces.ModelSpace(space, _SPECS)
  value_type = tff.types.tensorflow_to_type(
    collections.OrderedDict(
      key=update_spaces.KEY_SPEC, parameters=model_space.parameter_specs
    )
  )
  factory = aggregators.StructuredUpdateFactory(model_space, encoder_fn)
  return model_space, factory.create(value_type, _WEIGHT_TYPE)


def _values(model_space, num_clients):
  rng = np.random.default_rng(0)
  return [
    collections.OrderedDict(
      key=rng.integers(2**31, size=2, dtype=np.int32),
      parameters=tuple(
        rng.normal(size=spec.shape).astype(np.float32)
        for spec in model_space.parameter_specs
      ),
    )
    for _ in range(num_clients)
  ]


def _quantize(spec, index):
  if index:
    return encoders.identity_encoder(spec)
  stages = [
    (encoders.RotationStage([7]), 'rotated'),
    (encoders.EdenQuantizationStage(4), ''),
  ]
  return encoders.chain(stages, spec)


class StructuredUpdateFactoryComputationTest(tf.test.TestCase):
  def test_returns_dense_updates(self):
    _, process = _create(_SPACES[0][1])
    self.assertEqual(
      process.next.type_signature.result.result.member,
      tff.types.tensorflow_to_type(_SPECS),
    )
    self.assertTrue(process.is_weighted)

  def test_updates_of_another_space_raise(self):
    model_space = update_spaces.ModelSpace(_SPACES[0][1], _SPECS)
    factory = aggregators.StructuredUpdateFactory(model_space)
    with self.assertRaisesRegex(TypeError, 'client work and aggregator the'):
      factory.create(tff.TensorType(np.float32, [3]), _WEIGHT_TYPE)


class StructuredUpdateFactoryExecutionTest(
  parameterized.TestCase, tf.test.TestCase
):
  @parameterized.named_parameters(*_SPACES)
  def test_is_the_weighted_mean_of_expanded_updates(self, space):
    model_space, process = _create(space)
    values, weights = _values(model_space, 3), [1.0, 5.0, 2.0]
    output = process.next(process.initialize(), values, weights)
    updates = [model_space.expand(v['key'], v['parameters']) for v in values]
    for tensor, *of_clients in zip(output.result, *updates, strict=True):
      expected = np.average(of_clients, axis=0, weights=weights)
      self.assertAllClose(tensor, expected, atol=1e-6)

  @parameterized.named_parameters(*_SPACES)
  def test_both_byte_counts_equal_the_bytes_of_the_payload(self, space):
    model_space, process = _create(space)
    values = _values(model_space, 3)
    output = process.next(process.initialize(), values, [1.0] * 3)
    sent = sum(x.nbytes for x in tf.nest.flatten(values[0]))
    self.assertEqual(output.measurements['payload_bytes'], 3 * sent)
    self.assertEqual(model_space.payload_bytes, sent)
    # The trace includes the weight.
    self.assertEqual(communication.traced_bytes(process.next).uplink, sent + 4)

  @parameterized.named_parameters(
    ('random_mask', *_SPACES[0][1:], 80), ('low_rank', *_SPACES[1][1:], 80)
  )
  def test_quantized_parameters(self, space, num_parameters):
    model_space, process = _create(space, _quantize)
    values = _values(model_space, 3)
    output = process.next(process.initialize(), values, [1.0] * 3)
    # Codes and a scale, the small tensor, and the key.
    sent = num_parameters * 4 // 8 + 4 + 16 + 8
    self.assertEqual(output.measurements['payload_bytes'], 3 * sent)
    self.assertEqual(communication.traced_bytes(process.next).uplink, sent + 4)
    _, exact = _create(space)
    expected = exact.next(exact.initialize(), values, [1.0] * 3).result
    error = np.linalg.norm(output.result[0] - expected[0])
    self.assertBetween(error / np.linalg.norm(expected[0]), 0.01, 0.3)
    self.assertAllClose(output.result[1], expected[1])

  def test_clients_are_rotated_differently(self):
    """Otherwise, errors of clients with equal parameters would add up."""
    model_space, process = _create(_SPACES[0][1], _quantize)
    (value,) = _values(model_space, 1)
    others = [
      collections.OrderedDict(value, key=np.array([i, i], np.int32))
      for i in range(2)
    ]
    errors = []
    for other in others:
      output = process.next(process.initialize(), [other], [1.0])
      received = model_space.pull_back(other['key'], output.result)
      errors.append(received[0] - value['parameters'][0])
    self.assertNotAllClose(errors[0], errors[1])

  def test_without_weight_the_mean_is_zero(self):
    model_space, process = _create(_SPACES[0][1])
    values = _values(model_space, 2)
    output = process.next(process.initialize(), values, [0.0, 0.0])
    for tensor in output.result:
      self.assertAllEqual(tensor, np.zeros_like(tensor))

  @parameterized.named_parameters(*_SPACES)
  def test_bounds_are_those_of_expanded_updates(self, space):
    model_space = update_spaces.ModelSpace(space, _SPECS)
    value_type = tff.types.tensorflow_to_type(
      collections.OrderedDict(
        key=update_spaces.KEY_SPEC, parameters=model_space.parameter_specs
      )
    )
    values, weights = _values(model_space, 3), [1.0, 5.0, 2.0]
    for value, factor in zip(values, (1e-3, 1.0, 1e3), strict=True):
      value['parameters'] = tuple(
        np.float32(factor) * x for x in value['parameters']
      )
    updates = [
      np.concatenate(
        [np.ravel(x) for x in model_space.expand(v['key'], v['parameters'])]
      )
      for v in values
    ]
    self.assertLess(np.linalg.norm(updates[0]), 0.1)
    self.assertBetween(np.linalg.norm(updates[1]), 2.0, 100.0)
    for bounds, factors in (
      ({'clip': 0.5}, [1.0, *(0.5 / np.linalg.norm(x) for x in updates[1:])]),
      ({'zero_above': 100.0}, [1.0, 1.0, 0.0]),
      (
        {'clip': 0.5, 'zero_above': 100.0},
        [1.0, 0.5 / np.linalg.norm(updates[1]), 0.0],
      ),
    ):
      process = aggregators.StructuredUpdateFactory(
        model_space, bounds=options_lib.UpdateBounds(**bounds)
      ).create(value_type, _WEIGHT_TYPE)
      output = process.next(process.initialize(), values, weights)
      bounded = [f * x for f, x in zip(factors, updates, strict=True)]
      self.assertAllClose(
        np.concatenate([np.ravel(x) for x in output.result]),
        np.average(bounded, axis=0, weights=weights),
        atol=2e-5,
      )

  def test_nan_raises_on_the_client(self):
    model_space, process = _create(_SPACES[0][1])
    (value,) = _values(model_space, 1)
    value['parameters'][1][0] = np.nan
    with self.assertRaisesRegex(Exception, 'NaN'):
      process.next(process.initialize(), [value], [1.0])


if __name__ == '__main__':
  tf.test.main()
