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


def _layers(rows):
  """Returns an embedding of 9 ids, a body, and a layer of 7 rows."""
  embedding = tf.keras.layers.Embedding(9, 5)
  embedding.build(None)
  body = tf.keras.Sequential(
    [tf.keras.layers.InputLayer([3, 5]), tf.keras.layers.Dense(4)]
  )
  rows.build([None, 4])
  return embedding, body, rows


class KerasWeightsTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.parameters(
    (lambda: tf.keras.layers.Dense(7), 5),
    (lambda: tf.keras.layers.Dense(7, use_bias=False), 4),
    (lambda: tf.keras.layers.Embedding(7, 4), 4),
    (lambda: models.RowLayer(7, models.DotProduct()), 4),
  )
  def test_row_model_of_the_layers_has_the_weights(self, rows_fn, row_size):
    embedding, body, rows = _layers(rows_fn())
    rng = np.random.default_rng(0)
    weights = [
      rng.normal(size=shape).astype(np.float32)
      for shape in ([5, 4], [4], [9, 5], [7, row_size])
    ]
    models.assign_to_keras(
      tff.learning.models.ModelWeights(tuple(weights), ()),
      body,
      rows,
      {'ids': embedding},
    )
    ids = tf.TensorSpec([None, 3], tf.int32)
    model = models.row_model_from_keras(
      body,
      rows,
      input_tables={'ids': models.InputTable(embedding.embeddings.numpy())},
      input_spec=(ids, ids),
    )
    for x, y in zip(
      model.full_model().initial_weights[0], weights, strict=True
    ):
      self.assertAllEqual(x, y)

  def test_weights_of_other_layers(self):
    embedding, body, rows = _layers(tf.keras.layers.Dense(7))
    kernel, bias, table = np.zeros([5, 4]), np.zeros(4), np.zeros([7, 5])
    for tensors, message in (
      ((kernel, bias, table), '2 tensors of the body and 2 tables, found 3'),
      ((kernel, bias, np.zeros([8, 5]), table), r'\[9, 5\].*found \[8, 5\]'),
    ):
      with self.assertRaisesRegex(ValueError, message):
        models.assign_to_keras(
          tff.learning.models.ModelWeights(tensors, ()),
          body,
          rows,
          {'ids': embedding},
        )


if __name__ == '__main__':
  tf.test.main()
