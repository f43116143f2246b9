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

import numpy as np
import pytest
import tensorflow as tf

from tasks.images import embedding_models
from tff_methods import models


class CharacterCnnTest(tf.test.TestCase):
  def test_shapes_and_number_of_weights(self):
    body = embedding_models.character_cnn(0)
    self.assertEqual(body.input_shape, (None, 28, 28, 1))
    self.assertEqual(body.output_shape, (None, 64))
    sizes = [v.shape.num_elements() for v in body.trainable_variables]
    self.assertEqual(sum(sizes), 89_120)
    self.assertEmpty(body.non_trainable_variables)

  def test_weights_follow_from_the_seed(self):
    tf.random.set_seed(1)
    first, again, other = (
      embedding_models.character_cnn(seed).get_weights() for seed in (3, 3, 4)
    )
    for a, b, c in zip(first, again, other, strict=True):
      self.assertAllEqual(a, b)
      if a.ndim > 1:
        self.assertNotAllClose(a, c)

  def test_groups_are_normalized_per_example(self):
    # Unlike batch normalization: other examples do not change an embedding.
    x = np.random.default_rng(0).random((3, 28, 28, 1)).astype(np.float32)
    body = embedding_models.character_cnn(0)
    self.assertAllClose(
      body(x, training=True)[:1], body(x[:1], training=False), atol=1e-5
    )


class ClassRowsTest(tf.test.TestCase):
  def test_scores_are_20_times_the_cosine(self):
    layer = embedding_models.class_rows(0, 7)
    x = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    scores = layer(x)
    rows = layer.rows.numpy()
    for i in range(5):
      for j in range(7):
        lengths = np.sqrt(np.sum(x[i] ** 2) * np.sum(rows[j] ** 2))
        self.assertAllClose(
          scores[i, j], 20 * np.dot(x[i], rows[j]) / lengths, atol=1e-4
        )

  def test_rows_have_a_length_of_about_one(self):
    layer = embedding_models.class_rows(0, 964)
    layer.build((None, 64))
    self.assertEqual(layer.rows.shape, (964, 64))
    lengths = np.linalg.norm(layer.rows, axis=1)
    self.assertAllClose(lengths.mean(), 1.0, atol=0.02)

  def test_rows_follow_from_seed_and_number_of_classes(self):
    rows = []
    for seed, num_classes in ((0, 5), (0, 5), (1, 5), (0, 6)):
      layer = embedding_models.class_rows(seed, num_classes)
      layer.build((None, 64))
      rows.append(layer.rows.numpy()[:5])
    self.assertAllEqual(rows[0], rows[1])
    self.assertNotAllClose(rows[0], rows[2])
    self.assertNotAllClose(rows[0], rows[3])


@pytest.mark.slow
class MobileNetTest(tf.test.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.body_fn = staticmethod(embedding_models.build_mobilenet_fn(3))
    cls.body = cls.body_fn()

  def test_no_batch_normalization_is_left(self):
    layers = [type(layer).__name__ for layer in self.body.layers]
    self.assertEqual(layers.count('GroupNormalization'), 46)
    self.assertNotIn('BatchNormalization', layers)
    self.assertEmpty(self.body.non_trainable_variables)

  def test_number_of_weights(self):
    sizes = [v.shape.num_elements() for v in self.body.trainable_variables]
    self.assertEqual(sum(sizes), 3_033_456)

  def test_embeds_an_image(self):
    x = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3))
    embedding = self.body(x.astype(np.float32)).numpy()
    self.assertEqual(embedding.shape, (1, 64))
    self.assertGreater(embedding.std(), 0.01)

  def test_row_model_has_the_weights_of_the_model_in_their_order(self):
    rows = embedding_models.class_rows(3, 5)
    rows.build((None, 64))
    input_spec = (
      tf.TensorSpec((None, 224, 224, 3), tf.float32),
      tf.TensorSpec((None,), tf.int32),
    )
    row_model = models.row_model_from_keras(
      self.body_fn, rows, input_spec=input_spec
    )
    trainable, _ = row_model.full_model().initial_weights
    expected = [*self.body.trainable_variables, rows.rows]
    for a, b in zip(trainable, expected, strict=True):
      self.assertAllEqual(a, b)


if __name__ == '__main__':
  tf.test.main()
