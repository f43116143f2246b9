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

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import functional_models

_WEIGHTS = ((np.array([[2.0], [1.0]], np.float32),), (np.float32(0.5),))
_X = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
_Y = np.array([[3.5], [1.5], [0.5]], np.float32)


def _functional_model():
  """Returns the linear model 2 x1 + x2 + 0.5 with a mean absolute error."""

  @tf.function
  def predict(model_weights, x, training=True):
    (kernel,), (bias,) = model_weights
    return x @ kernel + (bias if training else 0.0)

  def loss(output, label, sample_weight=None):
    del sample_weight
    return tf.reduce_mean(tf.square(output - label))

  @tf.function
  def initialize():
    return collections.OrderedDict(error=tf.constant(0.0), count=tf.constant(1))

  @tf.function
  def update(state, labels, batch_output, sample_weight=None):
    del sample_weight
    error = tf.reduce_sum(tf.abs(batch_output.predictions - labels))
    return collections.OrderedDict(
      error=state['error'] + error, count=state['count'] + tf.shape(labels)[0]
    )

  @tf.function
  def finalize(state):
    error = state['error'] / tf.cast(state['count'], tf.float32)
    return collections.OrderedDict(mean=error, count=state['count'])

  return tff.learning.models.FunctionalModel(
    initial_weights=_WEIGHTS,
    predict_on_batch_fn=predict,
    loss_fn=loss,
    metrics_fns=(initialize, update, finalize),
    input_spec=collections.OrderedDict(
      x=tf.TensorSpec([None, 2], tf.float32),
      y=tf.TensorSpec([None, 1], tf.float32),
    ),
  )


class VariableModelTest(tf.test.TestCase):
  def setUp(self):
    super().setUp()
    self.model = functional_models.variable_model(_functional_model())

  def _metrics(self):
    unfinalized = self.model.report_local_unfinalized_metrics()
    return {
      name: finalize(unfinalized[name]).numpy()
      for name, finalize in self.model.metric_finalizers().items()
    }

  def test_forward_pass_and_metrics(self):
    output = self.model.forward_pass({'x': _X, 'y': _Y})
    self.assertAllClose(output.predictions, [[2.5], [1.5], [3.5]])
    self.assertAllClose(output.loss, (1 + 0 + 9) / 3)
    self.assertEqual(output.num_examples, 3)
    # The count starts from 1.
    self.assertAllClose(self._metrics(), {'mean': 4 / 4, 'count': 4})
    self.model.forward_pass((_X, _Y), training=False)
    self.assertAllClose(self._metrics(), {'mean': 8.5 / 7, 'count': 7})
    self.model.reset_metrics()
    self.assertAllClose(self._metrics(), {'mean': 0.0, 'count': 1})

  def test_weights_are_variables_in_order(self):
    self.assertAllClose(
      [v.numpy() for v in self.model.trainable_variables], _WEIGHTS[0]
    )
    self.assertAllClose(
      [v.numpy() for v in self.model.non_trainable_variables], _WEIGHTS[1]
    )
    self.assertLen(self.model.local_variables, 2)
    with tf.GradientTape() as tape:
      loss = self.model.forward_pass((_X, _Y)).loss
    (gradient,) = tape.gradient(loss, self.model.trainable_variables)
    # 2/3 of the errors -1, 0 and 3 times x.
    self.assertAllClose(gradient, [[2 / 3 * 2], [2 / 3 * 3]])
    self.model.trainable_variables[0].assign([[0.0], [0.0]])
    self.assertAllClose(
      self.model.predict_on_batch(_X, False), np.zeros([3, 1])
    )

  def test_builds_in_graphs(self):
    with tf.Graph().as_default():
      model = functional_models.variable_model(_functional_model())
      self.assertEqual(list(model.metric_finalizers()), ['mean', 'count'])


if __name__ == '__main__':
  tf.test.main()
