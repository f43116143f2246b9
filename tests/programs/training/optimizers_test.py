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
"""Tests for optimizers."""

import collections

from absl import flags
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import optimizers

_GRADIENTS = (np.float32([4.0, -0.25]), np.float32([2.0, 0.5]))


def _weights_after(optimizer):
  """Two numbers, from 0 on, after steps along `_GRADIENTS`."""
  weights = tf.zeros([2])
  state = optimizer.initialize(tf.TensorSpec([2], tf.float32))
  for gradient in _GRADIENTS:
    state, weights = optimizer.next(state, weights, tf.constant(gradient))
  return weights


class OptimizersTest(parameterized.TestCase, tf.test.TestCase):
  def setUp(self):
    super().setUp()
    flags.FLAGS.mark_as_parsed()

  @parameterized.parameters(
    (optimizers.build_client_optimizer, 'client'),
    (optimizers.build_server_optimizer, 'server'),
  )
  def test_sgd(self, build, name):
    with flagsaver.flagsaver(**{f'{name}_learning_rate': 0.5}):
      weights = _weights_after(build())
    self.assertAllClose(weights, -0.5 * sum(_GRADIENTS))

  def test_momentum_of_the_server(self):
    with flagsaver.flagsaver(server_learning_rate=1.0, server_momentum=0.5):
      weights = _weights_after(optimizers.build_server_optimizer())
    first, second = _GRADIENTS
    self.assertAllClose(weights, -(first + 0.5 * first + second))

  def test_adam_of_clients_is_that_of_keras(self):
    with flagsaver.flagsaver(
      client_optimizer='adam', client_learning_rate=0.01
    ):
      weights = _weights_after(optimizers.build_client_optimizer())
    variable = tf.Variable(np.zeros([2], np.float32))
    keras_adam = tf.keras.optimizers.Adam(0.01, epsilon=1e-7)
    for gradient in _GRADIENTS:
      keras_adam.apply_gradients([(tf.constant(gradient), variable)])
    self.assertAllClose(weights, variable)

  def test_adam_of_the_server_adapts_less_with_more_epsilon(self):
    moved = []
    for epsilon in (1e-3, 1.0):
      with flagsaver.flagsaver(server_optimizer='adam', server_epsilon=epsilon):
        weights = _weights_after(optimizers.build_server_optimizer())
      moved.append(np.abs(weights).sum())
    self.assertLess(moved[1], 0.7 * moved[0])

  def test_momentum_of_clients(self):
    with flagsaver.flagsaver(client_learning_rate=1.0, client_momentum=0.5):
      weights = _weights_after(optimizers.build_client_optimizer())
    first, second = _GRADIENTS
    self.assertAllClose(weights, -(first + 0.5 * first + second))

  def test_clipped_gradients_with_proximal_term(self):
    with flagsaver.flagsaver(
      client_learning_rate=0.5, client_clip_norm=1.0, proximal_strength=0.25
    ):
      weights = _weights_after(optimizers.build_client_optimizer())
    first, second = (g / np.linalg.norm(g) for g in _GRADIENTS)
    expected = -0.5 * first
    expected = expected - 0.5 * (second + 0.25 * expected)
    self.assertAllClose(weights, expected)

  @parameterized.parameters('yogi', 'adagrad')
  def test_adaptive_optimizers_of_the_paper(self, name):
    tau = 0.1
    with flagsaver.flagsaver(
      server_optimizer=name, server_epsilon=tau, server_learning_rate=1.0
    ):
      weights = _weights_after(optimizers.build_server_optimizer())
    # Algorithm 2 of Reddi et al. (2021), with pseudo-gradients of either sign.
    x, m, v = np.zeros(2), np.zeros(2), np.full(2, tau**2)
    for step, delta in enumerate(_GRADIENTS, start=1):
      if name == 'adagrad':  # With β₁ = 0.
        m, v = delta, v + delta**2
        # TFF adds τ below the root.
        x = x - m / np.sqrt(v + tau)
      else:
        m = 0.9 * m + 0.1 * delta
        v = v - 0.01 * delta**2 * np.sign(v - delta**2)
        rate = np.sqrt(1 - 0.99**step) / (1 - 0.9**step)  # TFF's correction.
        x = x - rate * m / (np.sqrt(v) + tau)
    self.assertAllClose(weights, x)

  def test_adamw_decays_weights(self):
    weights = []
    for arguments in (
      {'server_optimizer': 'adam'},
      {'server_optimizer': 'adamw', 'server_weight_decay': 0.5},
    ):
      with flagsaver.flagsaver(server_learning_rate=0.1, **arguments):
        optimizer = optimizers.build_server_optimizer()
      start = tf.ones([2])
      state = optimizer.initialize(tf.TensorSpec([2]))
      weights.append(optimizer.next(state, start, tf.ones([2]))[1])
    self.assertAllClose(weights[0] - weights[1], [0.05, 0.05])

  def test_weights_of_clients(self):
    for value, expected in (
      (None, {}),
      (
        'examples',
        {'client_weighting': tff.learning.ClientWeighting.NUM_EXAMPLES},
      ),
      ('uniform', {'client_weighting': tff.learning.ClientWeighting.UNIFORM}),
    ):
      with flagsaver.flagsaver(client_weighting=value):
        self.assertEqual(optimizers.client_weighting(), expected)

  def test_schedules_set_the_rates_of_a_round(self):
    self.assertIsNone(optimizers.build_schedule_fn())
    hparams = collections.OrderedDict(learning_rate=np.float32(7.0))
    state = tff.learning.templates.LearningAlgorithmState(
      'weights', (), hparams, (), hparams
    )
    with flagsaver.flagsaver(
      client_learning_rate=0.5,
      client_learning_rate_schedule='3:0.1',
      server_learning_rate=2.0,
      server_learning_rate_schedule='exponential:0.5',
    ):
      set_rates = optimizers.build_schedule_fn()
      found = [set_rates(state, round_num) for round_num in (1, 3)]
      for i, (client, server) in enumerate(((0.5, 2.0), (0.05, 0.5))):
        self.assertAllClose(found[i].client_work['learning_rate'], client)
        self.assertAllClose(found[i].finalizer['learning_rate'], server)
        self.assertEqual(found[i].global_model_weights, 'weights')


if __name__ == '__main__':
  tf.test.main()
