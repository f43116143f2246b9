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
"""Tests for keras_row_model."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tests.tff_methods import row_models
from tff_methods import models

_X = row_models.arrays()[0][0]
_KERAS_SPEC = (
  tf.TensorSpec([None, 3], tf.float32),
  tf.TensorSpec([None], tf.int64),
)


def _run_in_graph(model, x):
  """Returns the predictions under initial weights; Keras needs a graph."""
  with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    weights = tf.nest.map_structure(tf.constant, model.initial_weights)
    return session.run(model.predict_on_batch(weights, tf.constant(x), False))


class RowModelFromKerasTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    (
      'row_layer',
      lambda: models.RowLayer(7, models.ScaledCosine(5.0)),
      4,
    ),
    (
      'dense',
      lambda: tf.keras.layers.Dense(7, bias_initializer='normal'),
      5,
    ),
    (
      'dense_without_bias',
      lambda: tf.keras.layers.Dense(7, use_bias=False),
      4,
    ),
  )
  def test_scores_equal_those_of_keras(self, layer_fn, row_size):
    body = tf.keras.Sequential(
      [
        tf.keras.layers.InputLayer([3]),
        tf.keras.layers.Dense(5, 'relu', bias_initializer='normal'),
        tf.keras.layers.Dense(4),
      ]
    )
    layer = layer_fn()
    # Keras models cannot run once others are made in graphs.
    expected, body_weights = layer(body(_X[:, :3])), body.get_weights()
    model = models.row_model_from_keras(body, layer, input_spec=_KERAS_SPEC)
    self.assertEqual((model.num_classes, model.row_size), (7, row_size))
    full = model.full_model()
    self.assertAllClose(_run_in_graph(full, _X[:, :3]), expected, atol=1e-5)
    *weights, table = full.initial_weights[0]
    for x, y in zip(weights, body_weights, strict=True):
      self.assertAllEqual(x, y)
    self.assertEqual(table.shape, (7, row_size))

  def test_input_table_of_a_keras_model(self):
    recommender = tf.keras.Sequential(
      [
        tf.keras.layers.InputLayer([3], dtype=tf.int32),
        tf.keras.layers.Embedding(9, 5),
        tf.keras.layers.GlobalAveragePooling1D(),
        tf.keras.layers.Dense(4),
        tf.keras.layers.Dense(7),
      ]
    )
    ids = np.array([[0, 3, 8], [2, 2, 5]], np.int32)
    expected = recommender(ids)
    embedding, _, hidden, output = recommender.layers
    model = models.row_model_from_keras(
      tf.keras.Model(embedding.output, hidden.output),
      output,
      input_tables={'items': models.InputTable(embedding.embeddings.numpy())},
      input_spec=(
        tf.TensorSpec([None, 3], tf.int32),
        tf.TensorSpec([None], tf.int32),
      ),
    )
    scores = _run_in_graph(model.full_model(), ids)
    self.assertAllClose(scores, expected, atol=1e-6)

  def test_function_with_layers_that_draw_or_normalize(self):
    layer = models.RowLayer(7, models.DotProduct())
    layer.build([None, 4])

    def body_fn():
      return tf.keras.Sequential(
        [
          tf.keras.layers.InputLayer([3]),
          tf.keras.layers.Dense(4),
          tf.keras.layers.GroupNormalization(2),
          tf.keras.layers.Dropout(0.5, seed=1),
        ]
      )

    model = models.row_model_from_keras(body_fn, layer, input_spec=_KERAS_SPEC)
    weights = model.full_model().initial_weights[0]
    self.assertEqual(
      [x.shape for x in weights], [(3, 4), (4,), (4,), (4,), (7, 4)]
    )
    scores = _run_in_graph(model.full_model(), _X[:, :3])
    self.assertEqual(scores.shape, (len(_X), 7))

  def test_function_that_creates_other_variables(self):
    layer = models.RowLayer(7, models.DotProduct())
    layer.build([None, 4])

    def body_fn():
      tf.keras.layers.Dense(2).build([None, 4])
      return tf.keras.Sequential(
        [tf.keras.layers.InputLayer([3]), tf.keras.layers.Dense(4)]
      )

    with self.assertRaisesRegex(
      ValueError, 'only the variables of the body, 2, found 4: create other'
    ):
      models.row_model_from_keras(body_fn, layer, input_spec=_KERAS_SPEC)

  def test_weights_have_the_order_of_keras(self):
    body = tf.keras.Sequential(
      [tf.keras.layers.InputLayer([3]), tf.keras.layers.Dense(4)]
    )
    layer = models.RowLayer(7, models.DotProduct())
    keras = tf.keras.Sequential([tf.keras.layers.InputLayer([3]), body, layer])
    model = models.row_model_from_keras(
      lambda: tf.keras.models.clone_model(body), layer, input_spec=_KERAS_SPEC
    )
    self.assertEqual(
      [x.shape for x in model.full_model().initial_weights[0]],
      [x.shape for x in keras.trainable_weights],
    )

  def test_embedding_and_recurrent_body(self):
    embedding = tf.keras.layers.Embedding(12, 4)
    gru = tf.keras.layers.GRU(4, return_sequences=True, unroll=True)
    embedded = embedding(row_models.TOKENS)
    expected = tf.linalg.matmul(
      gru(embedded), embedding.embeddings, transpose_b=True
    )
    inputs = tf.keras.Input([3, 4])
    model = models.row_model_from_keras(
      tf.keras.Model(inputs, gru(inputs)),
      embedding,
      input_spec=2 * (tf.TensorSpec([None, 3], tf.int32),),
      rows_embed_input=True,
    )
    scores = _run_in_graph(model.full_model(), row_models.TOKENS)
    self.assertAllClose(scores, expected, atol=1e-5)

  @parameterized.named_parameters(
    (
      'of_another_kind',
      tf.keras.layers.Flatten(),
      TypeError,
      'RowLayer, Dense or Embedding.*found Flatten: make',
    ),
    (
      'activation',
      tf.keras.layers.Activation('softmax'),
      TypeError,
      'found Activation: give the layer before it',
    ),
    (
      'not_built',
      tf.keras.layers.Dense(7),
      TypeError,
      r'found Dense, not built: make one, and call its build\(\)',
    ),
  )
  def test_wrong_layer(self, layer, error, message):
    body = tf.keras.Sequential([tf.keras.layers.InputLayer([3])])
    with self.assertRaisesRegex(error, message):
      models.row_model_from_keras(body, layer, input_spec=_KERAS_SPEC)

  @parameterized.parameters(lambda m: m, lambda m: lambda: m)
  def test_vocabulary_that_tff_cannot_look_up(self, to_body):
    text = tf.keras.Input([3], dtype=tf.string)
    ids = tf.keras.layers.StringLookup(vocabulary=['a', 'b'], name='words')(
      text
    )
    body = tf.keras.Model(text, tf.keras.layers.Embedding(3, 4)(ids))
    layer = tf.keras.layers.Dense(5)
    layer.build([None, 4])
    with self.assertRaisesRegex(
      ValueError, "no vocabulary in the body, found one in 'words' of type Str"
    ):
      models.row_model_from_keras(
        to_body(body),
        layer,
        input_spec=(
          tf.TensorSpec([None, 3], tf.string),
          tf.TensorSpec([None], tf.int32),
        ),
      )

  @parameterized.product(
    to_body=(lambda m: m, lambda m: lambda: m),
    layer=('LSTM', 'BatchNormalization'),
  )
  def test_layer_that_tff_cannot_run(self, to_body, layer):
    layers = {
      'LSTM': tf.keras.layers.LSTM(4, return_sequences=True),
      'BatchNormalization': tf.keras.layers.BatchNormalization(),
    }
    messages = {
      'LSTM': 'found LSTM .*unroll=True',
      'BatchNormalization': 'no batch normalization.*take GroupNormalization',
    }
    body = tf.keras.Sequential(
      [tf.keras.layers.InputLayer((3, 4)), layers[layer]]
    )
    embedding = tf.keras.layers.Embedding(12, 4)
    embedding.build(None)
    with self.assertRaisesRegex(ValueError, messages[layer]):
      models.row_model_from_keras(
        to_body(body),
        embedding,
        input_spec=2 * (tf.TensorSpec([None, 3], tf.int32),),
        rows_embed_input=True,
      )

  def test_label_roles_reach_the_model(self):
    embedding = tf.keras.layers.Embedding(12, 4)
    embedding.build(None)
    body = tf.keras.Sequential(
      [tf.keras.layers.InputLayer([3, 4]), tf.keras.layers.Dense(4)]
    )
    model = models.row_model_from_keras(
      body,
      embedding,
      input_spec=2 * (tf.TensorSpec([None, 3], tf.int32),),
      rows_embed_input=True,
      label_roles=models.LabelRoles(padding=7),
    )
    classes = model.classes_in((row_models.TOKENS, row_models.TOKENS))
    self.assertCountEqual(classes.numpy(), 2 * [3, 0, 11])

  def test_activation(self):
    layer = tf.keras.layers.Dense(7, 'softmax')
    layer.build([None, 3])
    body = tf.keras.Sequential([tf.keras.layers.InputLayer([3])])
    with self.assertRaisesRegex(ValueError, 'activation.*found softmax'):
      models.row_model_from_keras(body, layer, input_spec=_KERAS_SPEC)


if __name__ == '__main__':
  tf.test.main()
