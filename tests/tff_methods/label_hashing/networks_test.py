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
"""Tests for networks."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.label_hashing import networks


def _keras_logits(weights, x):
  """Returns the logits of Keras layers with these weights."""
  dense = tf.keras.layers.Dense
  model = tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer([5]),
      dense(7, 'relu'),
      dense(4, 'relu'),
      dense(6),
    ]
  )
  model.set_weights(weights)
  return model(x)


class DenseNetworkTest(parameterized.TestCase, tf.test.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.network = networks.DenseNetwork(5, (7, 4))
    cls.rng = np.random.default_rng(0)
    cls.x = cls.rng.normal(size=[3, 5]).astype(np.float32)

  def _random(self, weights):
    return [self.rng.normal(size=w.shape).astype(np.float32) for w in weights]

  def test_one_network_equals_that_of_keras(self):
    weights = self._random(self.network.initial_weights(0, 6))
    self.assertAllClose(
      self.network.logits(weights, self.x), _keras_logits(weights, self.x)
    )

  def test_stacked_networks_equal_those_of_keras(self):
    weights = self._random(self.network.initial_weights(0, 6, 3))
    logits = self.network.logits(weights, self.x)
    self.assertEqual(logits.shape, [3, 3, 6])
    for r in range(3):
      expected = _keras_logits([w[r] for w in weights], self.x)
      self.assertAllClose(logits[r], expected)

  def test_shapes_of_weights(self):
    shapes = [w.shape for w in self.network.initial_weights(0, 6)]
    self.assertEqual(shapes, [(5, 7), (7,), (7, 4), (4,), (4, 6), (6,)])
    stacked = [w.shape for w in self.network.initial_weights(0, 6, 2)]
    self.assertEqual(stacked, [(2, *shape) for shape in shapes])

  def test_weights_depend_on_the_seed(self):
    first = self.network.initial_weights(3, 6, 2)
    for a, b in zip(first, self.network.initial_weights(3, 6, 2), strict=True):
      self.assertAllEqual(a, b)
    self.assertNotAllEqual(first[0], self.network.initial_weights(4, 6, 2)[0])
    self.assertNotAllEqual(first[0][0], first[0][1])

  @parameterized.parameters(None, 2)
  def test_kernels_have_the_variance_of_he(self, num_networks):
    network = networks.DenseNetwork(400, ())
    kernel, bias = network.initial_weights(0, 300, num_networks)
    # The standard error of the variance of 120,000 numbers is 0.4 %.
    self.assertAllClose(np.var(kernel), 2 / 400, rtol=0.02)
    self.assertAllEqual(bias, np.zeros_like(bias))

  @parameterized.named_parameters(
    ('input', (0, (3,)), 'input_width.*at least 1, found 0'),
    ('hidden', (4, (3, 0)), 'hidden_widths.*at least 1, found 0'),
  )
  def test_wrong_widths(self, arguments, message):
    with self.assertRaisesRegex(ValueError, message):
      networks.DenseNetwork(*arguments)

  def test_no_sequence_of_widths(self):
    with self.assertRaisesRegex(TypeError, 'hidden_widths to be a tuple.* 3:'):
      networks.DenseNetwork(4, 3)


if __name__ == '__main__':
  tf.test.main()
