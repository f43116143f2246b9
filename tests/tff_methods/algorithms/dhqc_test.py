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
import functools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import templates

_SGD = tff.learning.optimizers.build_sgdm(0.1)
_NUM_ALL = 84
_LOSSLESS = {'fraction': 1.0, 'bits': None}
_SPARSE = {'fraction': 0.1}


def _float64_model():
  inputs = tf.keras.Input([linear_model.NUM_FEATURES], dtype=tf.float64)
  dense = tf.keras.layers.Dense(linear_model.NUM_CLASSES, dtype=tf.float64)
  return tff.learning.models.from_keras_model(
    tf.keras.Model(inputs, dense(inputs)),
    input_spec=(
      tf.TensorSpec([None, linear_model.NUM_FEATURES], tf.float64),
      tf.TensorSpec([None], tf.int32),
    ),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
  )


def _build(model_fn=linear_model.model_fn, **kwargs):
  return algorithms.build_dhqc_fed_avg(
    model_fn, _SGD, options=options_lib.DhqcOptions(**kwargs)
  )


@functools.cache
def _sparse(feedback='residual'):
  return _build(**_SPARSE, feedback=feedback)


def _vector(tensors):
  return np.concatenate([np.ravel(x) for x in tensors])


def _trainable(state):
  return _vector(state.global_model_weights.trainable)


def _decode_by_hand(x, is_sent):
  """Returns the values that the server decodes from 4 bits each."""
  magnitudes = np.abs(x[is_sent])
  low, high = magnitudes.min(), magnitudes.max()
  edges = np.linspace(low, high, 9)
  # A magnitude on the last edge belongs to the last interval.
  intervals = np.digitize(magnitudes, edges[1:-1])
  middles = (edges[:-1] + edges[1:]) / 2
  arriving = np.zeros_like(x)
  arriving[is_sent] = np.sign(x[is_sent]) * middles[intervals]
  return arriving


class DhqcFedAvgComputationTest(parameterized.TestCase, tf.test.TestCase):
  def test_types_are_those_of_federated_averaging(self):
    ours, theirs = _sparse(), local_updates.fed_avg()
    self.assertIsInstance(ours, templates.ClientStateProcess)
    ours_type, theirs_type = (
      ours.next.type_signature,
      theirs.next.type_signature,
    )
    self.assertEqual(ours_type.parameter[1], theirs_type.parameter[1])
    for part in ('global_model_weights', 'distributor', 'client_work'):
      self.assertEqual(
        getattr(ours_type.result.state.member, part),
        getattr(theirs_type.result.state.member, part),
      )
    metrics, expected = (
      t.result.metrics.member for t in (ours_type, theirs_type)
    )
    self.assertEqual(dir(metrics), dir(expected))
    for part in ('distributor', 'client_work', 'finalizer'):
      self.assertEqual(getattr(metrics, part), getattr(expected, part))

  def test_state_is_that_of_a_learning_algorithm(self):
    state = _sparse().initialize()
    self.assertIsInstance(state, tff.learning.templates.LearningAlgorithmState)

  @parameterized.named_parameters(
    ('model', {'model_fn': 3}, 'found int'),
    ('weighting', {'client_weighting': 1}, 'ClientWeighting'),
    ('dtype', {'model_fn': _float64_model}, 'found float64'),
    ('option', {'fraction': 0.5}, 'fraction'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    arguments = {'model_fn': linear_model.model_fn, **kwargs}
    with self.assertRaisesRegex(TypeError, message):
      algorithms.build_dhqc_fed_avg(client_optimizer_fn=_SGD, **arguments)


class DhqcFedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('variables', linear_model.model_fn),
    ('functional', linear_model.functional_model()),
  )
  def test_without_compression_equals_federated_averaging(self, model_fn):
    ours = _build(model_fn, **_LOSSLESS)
    theirs = tff.learning.algorithms.build_weighted_fed_avg(model_fn, _SGD)
    state, their_state = ours.initialize(), theirs.initialize()
    client_states = [ours.initial_client_state()] * 3
    for i in range(3):
      output = ours.next(state, local_updates.clients(), client_states)
      state, client_states = output.state, output.client_states
      expected = theirs.next(their_state, local_updates.clients())
      their_state = expected.state
      self.assertAllClose(_trainable(state), _trainable(their_state), atol=1e-6)
      self.assertAllClose(
        output.metrics['client_work'], expected.metrics['client_work'], 1e-5
      )
      self.assertEqual(output.metrics.keys(), expected.metrics.keys())
      self.assertEqual(ours.num_rounds(state), i + 1)
      for (client_state,) in client_states:
        self.assertAllEqual(client_state['residual'], np.zeros(_NUM_ALL))

  @parameterized.parameters('unsent_values', 'residual')
  def test_rounds_agree_with_the_paper(self, feedback):
    process = _sparse(feedback)
    clients = local_updates.clients()
    state = process.initialize()
    client_states = [process.initial_client_state()] * 3
    weights = np.zeros(_NUM_ALL)
    residual = [np.zeros(_NUM_ALL)] * 3
    for cohort in ([0, 1, 2], [1], [0, 2], [0, 1, 2], [2, 1]):
      total = 0.0
      for c in cohort:
        update = local_updates.local_update(
          state.global_model_weights, clients[c]
        )
        accumulated = residual[c] + _vector(update)
        is_sent = local_updates.largest(accumulated, 8)
        arriving = _decode_by_hand(accumulated, is_sent)
        total += local_updates.WEIGHTS[c] * arriving
        error = 0.0 if feedback == 'unsent_values' else accumulated - arriving
        residual[c] = np.where(is_sent, error, accumulated)
      weights = weights - total / local_updates.WEIGHTS[cohort].sum()
      output = process.next(
        state, [clients[c] for c in cohort], [client_states[c] for c in cohort]
      )
      state = output.state
      for c, client_state in zip(cohort, output.client_states, strict=True):
        client_states[c] = client_state
      self.assertAllClose(_trainable(state), weights, atol=1e-5)
      for (found,), expected in zip(client_states, residual, strict=True):
        self.assertAllClose(found['residual'], expected, atol=1e-5)

  def test_learns_more_than_without_error_feedback(self):
    process, clients = _sparse(), linear_model.datasets()
    states = process.initialize(), process.initialize()
    zeros = [process.initial_client_state()] * 3
    client_states = zeros
    for _ in range(20):
      output = process.next(states[0], clients, client_states)
      stateless = process.next(states[1], clients, zeros)
      states = output.state, stateless.state
      client_states = output.client_states
    losses = [
      o.metrics['client_work']['train']['loss'] for o in (output, stateless)
    ]
    self.assertGreater(output.metrics['client_work']['train']['accuracy'], 0.6)
    self.assertLess(losses[0], losses[1])

  def test_a_diverged_client_keeps_its_residual(self):
    process, clients = _sparse(), linear_model.datasets()
    client_states = [process.initial_client_state()] * 3
    output = process.next(process.initialize(), clients, client_states)
    clients[0] = clients[0].map(lambda x, y: (x * np.inf, y))
    clients[1] = clients[1].take(0)
    after = process.next(output.state, clients, output.client_states)
    for c, is_same in enumerate([True, True, False]):
      before, now = (
        o.client_states[c][0]['residual'].tobytes() for o in (output, after)
      )
      self.assertEqual(before == now, is_same)
    self.assertTrue(np.isfinite(_trainable(after.state)).all())
    self.assertNotAllEqual(_trainable(after.state), _trainable(output.state))
    # Without weight of any client, the model does not change.
    nobody = process.next(after.state, clients[:2], after.client_states[:2])
    self.assertAllEqual(_trainable(nobody.state), _trainable(after.state))

  def test_counts_of_bytes_agree(self):
    process = _sparse()
    output = process.next(
      process.initialize(),
      linear_model.datasets(),
      [process.initial_client_state()] * 3,
    )
    # 8 of 84 values in 4 bits, their range, and positions: 3 low bits each, and
    # 8 + 76 // 8 high ones.
    payload = 4 + 8 + (3 + 3)
    self.assertEqual(output.metrics['aggregator']['payload_bytes'], 3 * payload)
    # A weight; loss, accuracy (two floats each) and the counts of examples and
    # batches. The model and the learning rate. No client states.
    self.assertEqual(
      communication.traced_bytes(process.next),
      communication.ClientBytes(
        uplink=payload + 4 + 4 * 4 + 2 * 8, downlink=84 * 4 + 4
      ),
    )

  def test_gets_and_sets_model_weights(self):
    process = _sparse()
    state = process.initialize()
    weights = process.get_model_weights(state)
    self.assertAllEqual(weights.trainable[0], np.zeros([20, 4]))
    other = tff.learning.models.ModelWeights(
      [np.ones([20, 4], np.float32), np.ones([4], np.float32)], []
    )
    state = process.set_model_weights(state, other)
    output = process.next(
      state, linear_model.datasets(), [process.initial_client_state()] * 3
    )
    # Clients send 8 values each: most weights do not change.
    self.assertEqual(np.median(_trainable(output.state)), 1.0)


if __name__ == '__main__':
  tf.test.main()
