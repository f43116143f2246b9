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
"""Tests for row_layer."""

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models

_X = np.random.default_rng(0).normal(size=[5, 3]).astype(np.float32)


class RowLayerTest(tf.test.TestCase):
  def test_shape_of_rows(self):
    layer = models.RowLayer(
      7, models.DotProduct(), initializer='ones', name='classes'
    )
    scores = layer(_X)
    self.assertEqual(layer.name, 'classes')
    self.assertAllEqual(layer.rows, np.ones([7, 3]))
    self.assertLen(layer.trainable_weights, 1)
    expected = np.tile(_X.sum(1, keepdims=True), [1, 7])
    self.assertAllClose(scores, expected)

  def test_scores_are_similarities(self):
    similarity = models.ScaledCosine(3.0)
    layer = models.RowLayer(7, similarity)
    scores = layer(_X)
    self.assertIs(layer.similarity, similarity)
    self.assertAllClose(scores, similarity(_X, layer.rows))

  def test_training_in_a_keras_model(self):
    tf.keras.utils.set_random_seed(1)
    y = np.arange(5)
    layer = models.RowLayer(5, models.ScaledCosine(10.0))
    model = tf.keras.Sequential([tf.keras.layers.Dense(4), layer])
    model.compile(
      tf.keras.optimizers.SGD(0.1),
      tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      metrics=['accuracy'],
    )
    before = model.evaluate(_X, y, verbose=0)
    model.fit(_X, y, epochs=20, verbose=0)
    self.assertLess(model.evaluate(_X, y, verbose=0)[0], before[0])

  def test_functional_model_of_tff(self):
    model = tf.keras.Sequential(
      [
        tf.keras.layers.InputLayer([3]),
        models.RowLayer(7, models.ScaledCosine(3.0)),
      ]
    )
    # Keras models cannot run once others are made in graphs.
    expected = model(_X)
    functional = tff.learning.models.functional_model_from_keras(
      model,
      tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      (tf.TensorSpec([None, 3], tf.float32), tf.TensorSpec([None], tf.int32)),
    )
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
      weights = tf.nest.map_structure(tf.constant, functional.initial_weights)
      scores = functional.predict_on_batch(weights, tf.constant(_X), False)
      self.assertAllClose(session.run(scores), expected)


if __name__ == '__main__':
  tf.test.main()
