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
"""Tests for client_optimizers."""

import collections

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.templates import client_optimizers

_SGD = tff.learning.optimizers.build_sgdm(0.5, momentum=0.9)


def _run(optimizer, weights, gradients):
  """Returns the weights after a step with each of the gradients."""
  specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, weights)
  state = optimizer.initialize(specs)
  step = tf.function(optimizer.next)
  for gradient in gradients:
    state, weights = step(state, weights, gradient)
  return weights


def _model_fn():
  model = tf.keras.Sequential(
    [
      tf.keras.Input([3]),
      tf.keras.layers.Dense(2, kernel_initializer='ones'),
      tf.keras.layers.Dense(1, kernel_initializer='ones'),
    ]
  )
  return tff.learning.models.from_keras_model(
    model,
    loss=tf.keras.losses.MeanSquaredError(),
    input_spec=(tf.TensorSpec([None, 3]), tf.TensorSpec([None, 1])),
  )


def _client_data():
  rng = np.random.default_rng(0)
  return [
    tf.data.Dataset.from_tensor_slices(
      (
        rng.normal(size=[9, 3]).astype(np.float32),
        rng.normal(size=[9, 1]).astype(np.float32),
      )
    ).batch(2)
    for _ in range(3)
  ]


class ClippedGradientsTest(parameterized.TestCase, tf.test.TestCase):
  def test_norm_of_all_gradients_is_clipped(self):
    weights = collections.OrderedDict(a=tf.zeros([1]), b=tf.zeros([2, 1]))
    gradient = collections.OrderedDict(
      a=tf.constant([6.0]), b=tf.constant([[0.0], [8.0]])
    )
    sgd = tff.learning.optimizers.build_sgdm(1.0)
    clipped = _run(
      client_optimizers.clip_gradients(sgd, 5.0), weights, [gradient]
    )
    self.assertAllClose(clipped['a'], [-3.0])
    self.assertAllClose(clipped['b'], [[0.0], [-4.0]])

  def test_short_gradients_stay(self):
    weights, gradients = [tf.zeros([3])], [[tf.constant([1.0, 2.0, 2.0])]] * 3
    clipped = _run(
      client_optimizers.clip_gradients(_SGD, 3.1), weights, gradients
    )
    self.assertAllClose(clipped, _run(_SGD, weights, gradients))

  @parameterized.parameters(
    (client_optimizers.clip_gradients, 'max_norm'),
    (client_optimizers.add_proximal_term, 'strength'),
  )
  def test_refuses(self, wrap, name):
    with self.assertRaisesRegex(ValueError, f'Expected {name} .* found 0'):
      wrap(_SGD, 0)
    with self.assertRaisesRegex(TypeError, 'tff.learning.optimizers.Optimizer'):
      wrap(lambda: tf.keras.optimizers.SGD(), 1.0)


class ProximalTermTest(tf.test.TestCase):
  def test_steps_are_those_of_the_regularized_loss(self):
    start = np.array([1.0, -2.0])
    gradients = np.random.default_rng(0).normal(size=[4, 2])
    optimizer = client_optimizers.add_proximal_term(
      tff.learning.optimizers.build_sgdm(0.5), 0.25
    )
    found = _run(
      optimizer, (tf.constant(start),), [(tf.constant(g),) for g in gradients]
    )
    expected = start
    for g in gradients:
      expected = expected - 0.5 * (g + 0.25 * (expected - start))
    self.assertAllClose(found[0], expected)

  def test_takes_gradients_of_rows_and_none(self):
    optimizer = client_optimizers.add_proximal_term(
      tff.learning.optimizers.build_sgdm(1.0), 1.0
    )
    rows = tf.IndexedSlices(
      tf.ones([1, 2]), tf.constant([1]), tf.constant([3, 2])
    )
    weights = [tf.zeros([3, 2]), tf.ones([1])]
    found = _run(optimizer, weights, [[rows, None]])
    self.assertAllClose(found[0], [[0, 0], [-1, -1], [0, 0]])
    self.assertAllClose(found[1], [1.0])

  def test_learning_rate_is_a_hyperparameter(self):
    for wrapped in (
      client_optimizers.add_proximal_term(_SGD, 1.0),
      client_optimizers.clip_gradients(_SGD, 1.0),
    ):
      state = wrapped.initialize(tf.TensorSpec([2]))
      hparams = wrapped.get_hparams(state)
      self.assertEqual(set(hparams), {'learning_rate', 'momentum'})
      hparams['learning_rate'] = 0.125
      found = wrapped.get_hparams(wrapped.set_hparams(state, hparams))
      self.assertEqual(found['learning_rate'], 0.125)


class FederatedExecutionTest(tf.test.TestCase):
  def test_rounds_are_those_of_a_loop_with_the_term(self):
    # Not compared with `build_weighted_fed_prox`, whose term in TFF 0.87 has
    # the other sign: it drives clients away from the weights they receive.
    process = tff.learning.algorithms.build_weighted_fed_avg(
      _model_fn,
      client_optimizers.add_proximal_term(
        tff.learning.optimizers.build_sgdm(0.1), 0.5
      ),
      tff.learning.optimizers.build_sgdm(1.0),
    )
    state = process.initialize()
    for _ in range(2):
      state = process.next(state, _client_data()).state
    model = _model_fn()
    variables = model.trainable_variables
    start = [v.numpy() for v in variables]
    for _ in range(2):
      after = []
      for data in _client_data():  # Of equal sizes.
        for variable, value in zip(variables, start, strict=True):
          variable.assign(value)
        for batch in data:
          with tf.GradientTape() as tape:
            loss = model.forward_pass(batch).loss
            loss += 0.25 * sum(
              tf.reduce_sum((v - w) ** 2)
              for v, w in zip(variables, start, strict=True)
            )
          for v, g in zip(
            variables, tape.gradient(loss, variables), strict=True
          ):
            v.assign_sub(0.1 * g)
        after.append([v.numpy() for v in variables])
      start = [np.mean(values, axis=0) for values in zip(*after, strict=True)]
    self.assertAllClose(
      process.get_model_weights(state).trainable, start, rtol=1e-5
    )


if __name__ == '__main__':
  tf.test.main()
