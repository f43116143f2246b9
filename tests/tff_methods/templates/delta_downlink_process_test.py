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
"""Tests for delta_downlink and delta_downlink_process."""

import dataclasses
import functools
import tempfile

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tests.tff_methods.runtime import shared_context
from tff_methods import aggregators
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import simulation
from tff_methods import templates
from tff_methods.templates import delta_downlink

_OPTIONS = options_lib.DeltaDownlinkOptions(bits=2, min_elements=10)
_SGD = tff.learning.optimizers.build_sgdm(0.1)
_NUM_WEIGHTS = 80  # Of the tensor that is quantized; a bias of 4 is not.


@functools.cache
def _build(learning_rate=0.1, bits=2):
  return templates.build_delta_downlink_fed_avg(
    linear_model.model_fn,
    tff.learning.optimizers.build_sgdm(learning_rate),
    options=dataclasses.replace(_OPTIONS, bits=bits),
  )


def _run(process, num_rounds, reference_rounds=(), weights=None):
  """Returns the outputs of rounds with all clients.

  Args:
    process: Process to run.
    num_rounds: Number of rounds.
    reference_rounds: Rounds in which the reference is sent.
    weights: Trainable weights of the server at first.
  """
  state, outputs = process.initialize(), []
  if weights is not None:
    state = process.set_model_weights(
      state, tff.learning.models.ModelWeights(weights, [])
    )
  clients = local_updates.clients()
  client_states = [process.initial_client_state()] * len(clients)
  for i in range(num_rounds):
    next_fn = process.reference_next if i in reference_rounds else process.next
    outputs.append(next_fn(state, clients, client_states))
    state, client_states = outputs[-1].state, outputs[-1].client_states
  return outputs


@functools.cache
def _fed_avg_losses(num_rounds):
  """Returns the training losses of rounds of federated averaging."""
  process = local_updates.fed_avg()
  state, losses = process.initialize(), []
  for _ in range(num_rounds):
    output = process.next(state, local_updates.clients())
    state = output.state
    losses.append(output.metrics['client_work']['train']['loss'])
  return losses


def _bytes(structure):
  return [np.asarray(x).tobytes() for x in tf.nest.flatten(structure)]


def _weights(seed=0):
  rng = np.random.default_rng(seed)
  shapes = [linear_model.NUM_FEATURES, linear_model.NUM_CLASSES], [4]
  return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


class _InProcessTestCase(tf.test.TestCase, parameterized.TestCase):
  def setUp(self):
    super().setUp()
    context = shared_context.in_process()
    self.enter_context(tff.framework.get_context_stack().install(context))
    self.context = context


class DeltaDownlinkProcessComputationTest(parameterized.TestCase):
  def test_both_rounds_have_one_type(self):
    process = _build()
    self.assertIsInstance(process, templates.ClientStateProcess)
    self.assertTrue(
      process.next.type_signature.is_equivalent_to(
        process.reference_next.type_signature
      )
    )
    self.assertIn(
      'payload_bytes_per_client', str(process.next.type_signature.result)
    )

  def test_reference_is_sent_if_a_client_missed_a_round(self):
    process = _build()
    current, late = {'num_rounds': np.int32(3)}, {'num_rounds': np.int32(2)}
    self.assertIs(process.next_for(3, [current, current]), process.next)
    self.assertIs(process.next_for(3, [current, late]), process.reference_next)
    self.assertIs(process.next_for(0, [{'num_rounds': 0}]), process.next)

  def test_wrong_arguments(self):
    with self.assertRaisesRegex(TypeError, 'options.DeltaDownlinkOptions'):
      templates.build_delta_downlink_fed_avg(
        linear_model.model_fn, _SGD, options=options_lib.DownlinkOptions()
      )
    weights_type = tff.types.to_type(
      tff.learning.models.ModelWeights((np.float32,), (np.bool_,))
    )
    with self.assertRaisesRegex(TypeError, 'weights that are numbers.*bool'):
      delta_downlink.DeltaDownlink(weights_type, _OPTIONS)


class DeltaDownlinkProcessExecutionTest(_InProcessTestCase):
  def test_both_rounds_have_equal_results(self):
    for expected, found in zip(
      _run(_build(), 3), _run(_build(), 3, reference_rounds=(0, 2)), strict=True
    ):
      self.assertEqual(_bytes(expected.state), _bytes(found.state))
      self.assertEqual(
        _bytes(expected.client_states), _bytes(found.client_states)
      )
      self.assertEqual(
        _bytes(expected.metrics['client_work']),
        _bytes(found.metrics['client_work']),
      )

  def test_clients_keep_the_server_s_reference(self):
    for i, output in enumerate(_run(_build(), 3)):
      expected = output.state.distributor
      self.assertEqual(expected['num_rounds'], i + 1)
      for client_state in output.client_states:
        self.assertEqual(client_state['num_rounds'], i + 1)
        self.assertEqual(
          _bytes(client_state['reference']), _bytes(expected['reference'])
        )

  # The error of 2 bits is about 0.13 of the difference, in each round.
  def test_reference_converges_to_a_model_that_stays(self):
    weights = _weights()
    outputs = _run(_build(0.0), 5, weights=weights)
    references = [o.state.distributor['reference'].trainable for o in outputs]
    errors = [
      np.square(reference[0] - weights[0]).sum() for reference in references
    ]
    self.assertBetween(errors[0] / np.square(weights[0]).sum(), 0.05, 0.3)
    for ratio in np.divide(errors[1:], errors[:-1]):
      self.assertBetween(ratio, 0.03, 0.35)
    # A small tensor is exact.
    self.assertAllClose(references[0][1], weights[1], rtol=1e-6)

  # With unbiased decoding, 1 bit loses 0.57 instead of 0.36 of the square.
  @parameterized.parameters(1, 2)
  def test_training_converges_at_few_bits(self, bits):
    num_rounds = 40
    *_, last = _run(_build(bits=bits), num_rounds)
    losses = _fed_avg_losses(num_rounds)
    found = last.metrics['client_work']['train']['loss']
    self.assertLess(losses[-1], 0.7 * losses[0])
    self.assertAllClose(found, losses[-1], rtol=0.05)
    weights = last.state.global_model_weights.trainable[0]
    reference = last.state.distributor['reference'].trainable[0]
    self.assertLess(
      np.linalg.norm(reference - weights), 0.1 * np.linalg.norm(weights)
    )

  def test_server_trains_its_exact_weights(self):
    weights = _weights()
    (output,) = _run(_build(), 1, weights=weights)
    reference = output.state.distributor['reference']
    updates = [
      local_updates.local_update(reference, client)
      for client in local_updates.clients()
    ]
    share = local_updates.WEIGHTS / local_updates.WEIGHTS.sum()
    for i, exact in enumerate(weights):
      mean = sum(
        w * update[i] for w, update in zip(share, updates, strict=True)
      )
      self.assertAllClose(
        output.state.global_model_weights.trainable[i],
        exact - mean,
        atol=1e-5,
      )

  def test_bytes_of_encoder_trace_and_wire(self):
    process, clients = _build(), local_updates.clients()
    states = [process.initial_client_state()] * 3
    # 80 codes of 2 bits, a scale, a key, and the bias; or all weights and the
    # number of rounds.
    for next_fn, expected in (
      (process.next, _NUM_WEIGHTS * 2 // 8 + 4 + 8 + 4 * 4),
      (process.reference_next, (_NUM_WEIGHTS + 4) * 4 + 4),
    ):
      with self.context.count_bytes() as meter:
        output = next_fn(process.initialize(), clients, states)
      self.assertEqual(
        output.metrics['distributor']['payload_bytes_per_client'], expected
      )
      traced = communication.traced_bytes(next_fn).downlink
      self.assertEqual(meter.downlink.total(), 3 * traced)
      self.assertBetween(traced - expected, 0, 4)  # A learning rate.

  def test_any_aggregator(self):
    process = templates.build_delta_downlink_fed_avg(
      linear_model.model_fn,
      _SGD,
      options=_OPTIONS,
      model_aggregator=aggregators.sketched_update_aggregator(
        bits=4, min_elements=10
      ),
    )
    (output,) = _run(process, 1)
    self.assertGreater(
      output.metrics['aggregator']['mean_value']['payload_bytes'], 0
    )

  def test_nan_names_the_tensor(self):
    weights = _weights()
    weights[1][2] = np.nan
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError,
      r'found NaN or Inf in weight tensor 1 of shape \(4,\)',
    ):
      _run(_build(), 1, weights=weights)


class DeltaDownlinkOnClientIdsTest(_InProcessTestCase):
  def _compose(self, store):
    @tff.tensorflow.computation(np.str_)
    def client_data(client_id):
      shift = tf.strings.to_number(client_id)
      return linear_model.datasets()[0].map(lambda x, y: (x + 0.1 * shift, y))

    return simulation.compose_client_id_process(_build(), client_data, store)

  def test_bytes_are_those_of_the_round_that_ran(self):
    process = self._compose(simulation.ClientStateStore())
    state, found = process.initialize(), []
    for i, cohort in enumerate((['0', '1'], ['1', '0'], ['0'], ['0', '1'])):
      state, _ = process.next(state, cohort)
      found.append(process.accounted_next(i))
    # The last cohort has a client that missed a round.
    self.assertEqual(found[:3], [_build().next] * 3)
    self.assertIs(found[3], _build().reference_next)

  def test_resumes_with_the_same_bits(self):
    cohorts = [['0', '1'], ['0', '1'], ['1', '2'], ['0', '1']]
    directory = self.enter_context(tempfile.TemporaryDirectory())
    store = simulation.ClientStateStore(directory)
    process = self._compose(store)
    state, saved = process.initialize(), None
    for i, cohort in enumerate(cohorts):
      state, _ = process.next(state, cohort)
      if i == 1:
        saved = state
        with store.checkpoint(2):
          pass
    resumed = simulation.ClientStateStore(directory)
    resumed.restore(2)
    process = self._compose(resumed)
    for cohort in cohorts[2:]:
      saved, _ = process.next(saved, cohort)
    self.assertEqual(_bytes(saved), _bytes(state))


if __name__ == '__main__':
  tf.test.main()
