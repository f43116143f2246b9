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
"""Tests for lazy_rows."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.templates import lazy_rows

_WEIGHTS = (np.float32([1, 2]), np.float32([[1, 2], [3, 4], [5, 6]]))
_OPTIMIZERS = {
  'adam': tff.learning.optimizers.build_adam(0.1),
  'momentum': tff.learning.optimizers.build_sgdm(0.1, momentum=0.9),
  'sgd': tff.learning.optimizers.build_sgdm(0.1),
  'scheduled': tff.learning.optimizers.schedule_learning_rate(
    tff.learning.optimizers.build_adam(0.1),
    lambda i: 0.1 / (1.0 + tf.cast(i, tf.float32)),
  ),
}


class _WithNorms(tff.learning.optimizers.Optimizer):
  """Optimizer that keeps a norm of each tensor."""

  def initialize(self, specs):
    return {'norms': tf.zeros([len(tf.nest.flatten(specs))])}

  def next(self, state, weights, gradients):
    return state, weights


def _run(optimizer, *gradients):
  """Returns the state and the weights after some steps."""
  weights = tf.nest.map_structure(tf.constant, _WEIGHTS)
  state = optimizer.initialize(
    tf.nest.map_structure(lambda w: tf.TensorSpec(w.shape, w.dtype), weights)
  )
  for gradient in gradients:
    state, weights = optimizer.next(
      state, weights, tf.nest.map_structure(tf.constant, gradient)
    )
  return state, weights


def _gradient(*rows):
  """Returns a gradient of the body and of some rows."""
  table = np.zeros([3, 2], np.float32)
  table[list(rows)] = 1 + np.arange(len(rows))[:, np.newaxis]
  return np.float32([1, -1]), table


class LazyRowsOptimizerTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(*_OPTIMIZERS)
  def test_rows_with_updates_in_all_rounds_are_stepped_densely(self, name):
    gradients = [_gradient(0, 1, 2), _gradient(2, 1, 0)]
    expected = _run(_OPTIMIZERS[name], *gradients)
    found = _run(lazy_rows.LazyRowsOptimizer(_OPTIMIZERS[name], 1), *gradients)
    for x, y in zip(
      tf.nest.flatten(found), tf.nest.flatten(expected), strict=True
    ):
      self.assertAllEqual(x, y)

  @parameterized.parameters('adam', 'momentum', 'scheduled')
  def test_rows_without_an_update_keep_weights_and_moments(self, name):
    optimizer = lazy_rows.LazyRowsOptimizer(_OPTIMIZERS[name], 1)
    first_state, first = _run(optimizer, _gradient(0, 2))
    state, weights = _run(optimizer, _gradient(0, 2), _gradient(2))
    self.assertAllEqual(weights[1][:2], first[1][:2])
    self.assertAllEqual(weights[1][1], _WEIGHTS[1][1])
    self.assertNotAllEqual(weights[1][2], first[1][2])
    self.assertNotAllEqual(weights[0], first[0])
    moments, first_moments = (
      s.get('optimizer', s)['accumulator'] for s in (state, first_state)
    )
    self.assertAllEqual(moments[1][:2], first_moments[1][:2])
    self.assertNotAllEqual(moments[1][2], first_moments[1][2])
    # The dense optimizer moves the first row on.
    _, dense = _run(_OPTIMIZERS[name], _gradient(0, 2), _gradient(2))
    self.assertNotAllEqual(dense[1][0], first[1][0])
    self.assertAllEqual(dense[0], weights[0])

  def test_states_of_other_shapes_are_refused(self):
    optimizer = lazy_rows.LazyRowsOptimizer(_WithNorms(), 1)
    with self.assertRaisesRegex(TypeError, 'moments of the.*leave lazy_rows'):
      _run(optimizer, _gradient(0))

  def test_hyperparameters(self):
    optimizer = lazy_rows.LazyRowsOptimizer(_OPTIMIZERS['adam'], 1)
    state, _ = _run(optimizer)
    hparams = optimizer.get_hparams(state)
    self.assertEqual(hparams['learning_rate'], 0.1)
    hparams['learning_rate'] = 0.5
    state = optimizer.set_hparams(state, hparams)
    self.assertEqual(state['learning_rate'], 0.5)


if __name__ == '__main__':
  tf.test.main()
