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
"""Tests for keras_weights."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models


def _model(rows, num_ids=(9,)):
  """Returns a row model with its body, rows and embeddings of ids by name."""
  inputs, tables, embeddings = {}, {}, {}
  for name, size in zip('ab', num_ids, strict=False):
    inputs[name] = tf.keras.Input([5], name=name)
    embeddings[name] = tf.keras.layers.Embedding(size, 5)
    embeddings[name].build(None)
    rows_of_ids = embeddings[name].embeddings.numpy()
    tables[name] = models.InputTable(rows_of_ids, name)
  first, *others = inputs.values()
  total = tf.keras.layers.Add()([first, *others]) if others else first
  body = tf.keras.Model(inputs, tf.keras.layers.Dense(4)(total))
  rows.build([None, 4])
  ids = tf.TensorSpec([None], tf.int32)
  model = models.row_model_from_keras(
    body,
    rows,
    input_tables=tables,
    input_spec=(dict.fromkeys(tables, ids), ids),
  )
  return model, body, rows, embeddings


def _weights(*shapes, non_trainable=()):
  rng = np.random.default_rng(0)
  return tff.learning.models.ModelWeights(
    tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes),
    non_trainable,
  )


class KerasWeightsTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.parameters(
    (lambda: tf.keras.layers.Dense(7), 5),
    (lambda: tf.keras.layers.Dense(7, use_bias=False), 4),
    (lambda: tf.keras.layers.Embedding(7, 4), 4),
    (lambda: models.RowLayer(7, models.DotProduct()), 4),
  )
  def test_row_model_of_the_layers_has_the_weights(self, rows_fn, row_size):
    model, body, rows, embeddings = _model(rows_fn())
    weights = _weights([5, 4], [4], [9, 5], [7, row_size])
    models.assign_to_keras(weights, model, body, rows, embeddings)
    self.assertAllEqual(embeddings['a'].embeddings, weights.trainable[2])
    again = models.row_model_from_keras(
      body,
      rows,
      input_tables={
        'a': models.InputTable(embeddings['a'].embeddings.numpy(), 'a')
      },
      input_spec=model.input_spec,
    )
    for x, y in zip(
      again.full_model().initial_weights[0], weights.trainable, strict=True
    ):
      self.assertAllEqual(x, y)

  def test_layers_of_inputs_are_known_by_name(self):
    model, body, rows, embeddings = _model(tf.keras.layers.Dense(7), (9, 9))
    weights = _weights([5, 4], [4], [9, 5], [9, 5], [7, 5])
    other_order = dict(reversed(embeddings.items()))
    models.assign_to_keras(weights, model, body, rows, other_order)
    for name, table in zip('ab', weights.trainable[2:4], strict=True):
      self.assertAllEqual(embeddings[name].embeddings, table)

  def test_keras_predicts_after_tff_has_built_models(self):
    output = tf.keras.layers.Dense(7)
    classifier = tf.keras.Sequential(
      [tf.keras.Input([3]), tf.keras.layers.Dense(4), output]
    )
    body = tf.keras.Model(classifier.input, classifier.layers[0].output)
    model = models.row_model_from_keras(
      body,
      output,
      input_spec=(
        tf.TensorSpec([None, 3], tf.float32),
        tf.TensorSpec([None], tf.int32),
      ),
    )
    tff.learning.algorithms.build_weighted_fed_avg(
      model.full_model(), tff.learning.optimizers.build_sgdm(0.1)
    )
    x = np.array([[1.0, -2.0, 3.0], [0.0, 1.0, 1.0]], np.float32)
    with self.assertRaisesRegex(ValueError, 'invalid state'):
      classifier(x)
    weights = _weights([3, 4], [4], [7, 5])
    models.assign_to_keras(weights, model, body, output)
    kernel, bias, table = weights.trainable
    expected = (x @ kernel + bias) @ table[:, :-1].T + table[:, -1]
    self.assertAllClose(classifier(x), expected)
    self.assertAllClose(classifier.predict(x, verbose=0), expected)

  def test_states_are_no_weights(self):
    model, body, rows, embeddings = _model(tf.keras.layers.Dense(7))
    with self.assertRaisesRegex(TypeError, r'give process.get_model_weights'):
      models.assign_to_keras(object(), model, body, rows, embeddings)

  def test_weights_of_other_layers_change_nothing(self):
    model, body, rows, embeddings = _model(tf.keras.layers.Dense(7))
    before = [np.array(x) for x in (*body.variables, *rows.variables)]
    kernel, bias, table, of_rows = [5, 4], [4], [9, 5], [7, 5]
    for weights, layers, message in (
      (
        _weights(kernel, bias, of_rows),
        embeddings,
        'Expected 4 t.*found 3 and',
      ),
      (
        _weights(kernel, bias, table, of_rows, non_trainable=(np.zeros(1),)),
        embeddings,
        'tables, and 0 that are not, found 4 and 1: give the layers',
      ),
      (
        _weights(kernel, bias, [8, 5], of_rows),
        embeddings,
        r'\[9, 5\] for.*found \[8, 5\]: give the layers',
      ),
      (
        _weights(kernel, bias, table, of_rows),
        {'b': embeddings['a']},
        r"of the tables \['a'\], found \['b'\]: give the layer",
      ),
    ):
      with self.assertRaisesRegex(ValueError, message):
        models.assign_to_keras(weights, model, body, rows, layers)
    for x, y in zip((*body.variables, *rows.variables), before, strict=True):
      self.assertAllEqual(x, y)


if __name__ == '__main__':
  tf.test.main()
