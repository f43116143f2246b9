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
"""Tests of the quantized differences to a reference."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods.runtime import shared_context
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods.templates import delta_downlink

_LENGTH = 1200
_NON_TRAINABLE = np.arange(5, dtype=np.int32)


def _weights_type(*shapes) -> tff.Type:
  return tff.types.to_type(
    tff.learning.models.ModelWeights(
      tuple(tff.TensorType(np.float32, shape) for shape in shapes),
      (tff.TensorType(np.int32, (5,)),),
    )
  )


def _weights(*tensors):
  return tff.learning.models.ModelWeights(tensors, (_NON_TRAINABLE,))


def _tensor(kind: str, seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  draw = {
    'normal': lambda: rng.standard_normal(_LENGTH),
    'heavy_tailed': lambda: rng.standard_t(2, _LENGTH),
    'spike': lambda: np.eye(1, _LENGTH, 7)[0],
    'two_spikes': lambda: np.eye(2, _LENGTH, 7).sum(axis=0),
    'constant': lambda: np.ones(_LENGTH),
  }[kind]
  return draw().astype(np.float32)


@caching.cache
def _build(bits: int):
  downlink = delta_downlink.DeltaDownlink(
    _weights_type((_LENGTH,), (3,)),
    options_lib.DeltaDownlinkOptions(bits=bits, min_elements=10),
  )
  return downlink, downlink.initialize(), _build_next(downlink)


def _build_next(downlink, sends_difference: bool = True):
  state_type, weights_type = downlink.encode.type_signature.parameter

  @tff.federated_computation(
    tff.FederatedType(state_type, tff.SERVER),
    tff.FederatedType(weights_type, tff.SERVER),
    tff.FederatedType(
      downlink.initial_client_state.type_signature.result, tff.CLIENTS
    ),
  )
  def next_fn(state, weights, client_states):
    if sends_difference:
      output = downlink.distribute_difference(state, weights, client_states)
    else:
      output = downlink.distribute_reference(state, weights)
    return output.state, output.result, output.measurements

  return next_fn


def _run(bits: int, models):
  """Returns the references of clients after the rounds of some models."""
  downlink, state, next_fn = _build(bits)
  client_states, references = [downlink.initial_client_state()] * 2, []
  for weights in models:
    state, client_states, _ = next_fn(state, weights, client_states)
    references.append(client_states[1]['reference'])
  return references


class DeltaDownlinkComputationTest(tf.test.TestCase):
  def test_types(self):
    downlink, _, next_fn = _build(2)
    client_state_type = downlink.initial_client_state.type_signature.result
    self.assertEqual(client_state_type['num_rounds'], tff.TensorType(np.int32))
    self.assertEqual(
      client_state_type['reference'], _weights_type((_LENGTH,), (3,))
    )
    state_type = downlink.initialize.type_signature.result.member
    self.assertEqual(downlink.encode.type_signature.result[0], state_type)
    self.assertEqual(
      next_fn.type_signature.result[1],
      tff.FederatedType(client_state_type, tff.CLIENTS),
    )

  def test_weights_that_are_no_numbers(self):
    weights_type = tff.types.to_type(
      tff.learning.models.ModelWeights((np.float32,), (np.bool_,))
    )
    with self.assertRaisesRegex(
      TypeError, r'^Expected weights that are numbers.*found bool: send the'
    ):
      delta_downlink.DeltaDownlink(
        weights_type, options_lib.DeltaDownlinkOptions()
      )

  def test_bytes_in_the_trace(self):
    downlink, _, next_fn = _build(1)
    # 1,200 bits, a scale, a key, and what is not float32 or small.
    self.assertEqual(
      communication.traced_bytes(next_fn).downlink,
      1200 // 8 + 4 + 8 + 4 * 3 + 4 * 5,
    )
    self.assertEqual(
      communication.traced_bytes(_build_next(downlink, False)).downlink,
      4 * (1200 + 3 + 5) + 4,
    )


class DeltaDownlinkExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def setUp(self):
    super().setUp()
    context = shared_context.in_process()
    self.enter_context(tff.framework.get_context_stack().install(context))

  # Contractive: |x - C(x)| < |x| for each x, without which the reference of a
  # model that stays could move away from it. The unbiased scale has 2.4 |x| for
  # a spike at 1 bit.
  @parameterized.product(
    bits=(1, 2, 4),
    kind=('normal', 'heavy_tailed', 'spike', 'two_spikes', 'constant'),
  )
  def test_error_shrinks_in_each_round_whatever_the_model(self, bits, kind):
    weights = _tensor(kind), np.float32([1, -2, 3])
    references = _run(bits, [_weights(*weights)] * 8)
    errors = [np.linalg.norm(weights[0])] + [
      np.linalg.norm(reference.trainable[0] - weights[0])
      for reference in references
    ]
    for before, after in zip(errors[:-1], errors[1:], strict=True):
      self.assertLess(after, before)
    # Squared errors of a round at the optimum of Lloyd and Max: 0.3634, 0.1175,
    # 0.0095; that of a spike is larger in the first round alone.
    share = {1: 0.3634, 2: 0.1175, 4: 0.0102}[bits] ** 0.5
    self.assertLess(errors[-1] / errors[1], (1.15 * share) ** 7)

  @parameterized.parameters(1, 2)
  def test_reference_follows_a_model_that_moves(self, bits):
    first, step = _tensor('normal'), 0.1 * _tensor('normal', seed=1)
    models = [first + i * step for i in range(12)]
    small = np.zeros(3, np.float32)
    *_, last = _run(bits, [_weights(x, small) for x in models])
    # With errors |e'| = s |e + step|, the limit is s / (1 - s) |step|.
    share = {1: 0.3634, 2: 0.1175}[bits] ** 0.5
    error = np.linalg.norm(last.trainable[0] - models[-1])
    self.assertBetween(
      error / np.linalg.norm(step),
      0.5 * share / (1 - share),
      1.1 * share / (1 - share),
    )

  def test_small_and_integer_weights_are_exact(self):
    weights = _tensor('normal'), np.float32([1, -2, 3])
    (reference,) = _run(1, [_weights(*weights)])
    self.assertAllEqual(reference.trainable[1], weights[1])
    self.assertAllEqual(reference.non_trainable[0], _NON_TRAINABLE)

  def test_bytes_measured(self):
    downlink, state, next_fn = _build(2)
    client_states = [downlink.initial_client_state()]
    for computation in (next_fn, _build_next(downlink, False)):
      _, _, measurements = computation(
        state,
        _weights(_tensor('normal'), np.zeros(3, np.float32)),
        client_states,
      )
      self.assertEqual(
        measurements['payload_bytes_per_client'],
        communication.traced_bytes(computation).downlink,
      )

  def test_server_keeps_the_clients_reference(self):
    downlink, state, next_fn = _build(2)
    weights = _weights(_tensor('heavy_tailed'), np.zeros(3, np.float32))
    state, client_states, _ = next_fn(
      state, weights, [downlink.initial_client_state()] * 2
    )
    for client_state in client_states:
      self.assertEqual(client_state['num_rounds'], 1)
      for expected, found in zip(
        tf.nest.flatten(state['reference']),
        tf.nest.flatten(client_state['reference']),
        strict=True,
      ):
        self.assertAllEqual(expected, found)

  @parameterized.parameters(np.nan, -np.inf)
  def test_weights_that_are_not_finite(self, value):
    x = _tensor('normal')
    x[5] = value
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'found NaN or Inf in weight tensor 0'
    ):
      _run(2, [_weights(x, np.zeros(3, np.float32))])


if __name__ == '__main__':
  tf.test.main()
