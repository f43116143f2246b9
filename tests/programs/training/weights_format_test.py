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
"""Tests for weights_format."""

from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import weights_format


def _model(*layers: tf.keras.layers.Layer):
  return tff.learning.models.from_keras_model(
    tf.keras.Sequential([tf.keras.Input([2]), *layers]),
    loss=tf.keras.losses.MeanSquaredError(),
    input_spec=(tf.TensorSpec([None, 2]), tf.TensorSpec([None])),
  )


class WeightsFormatTest(tf.test.TestCase):
  def test_names_are_those_of_the_variables(self):
    model = _model(
      tf.keras.layers.Dense(3, name='first'),
      tf.keras.layers.BatchNormalization(name='norm'),
    )
    found = weights_format.of_model(model, {'hash': np.zeros([1])})
    self.assertEqual(
      found.trainable,
      ('first/kernel', 'first/bias', 'norm/gamma', 'norm/beta'),
    )
    self.assertEqual(
      found.non_trainable, ('norm/moving_mean', 'norm/moving_variance')
    )
    self.assertEqual(list(found.constants), ['hash'])

  def test_equal_names_are_numbered(self):
    model = mock.Mock(
      trainable_variables=[
        tf.Variable(0.0, name=name) for name in ('a', 'a', 'b', 'a')
      ],
      non_trainable_variables=[tf.Variable(0.0, name='a')],
    )
    found = weights_format.of_model(model)
    self.assertEqual(found.trainable, ('a', 'a_1', 'b', 'a_2'))
    self.assertEqual(found.non_trainable, ('a',))

  def test_values_are_those_of_the_variables(self):
    model = _model(tf.keras.layers.Dense(1, kernel_initializer='ones'))
    kernel, bias = weights_format.current(model).trainable
    self.assertAllEqual(kernel, [[1.0], [1.0]])
    self.assertAllEqual(bias, [0.0])


if __name__ == '__main__':
  tf.test.main()
