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

from absl import flags
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

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


if __name__ == '__main__':
  tf.test.main()
