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
"""Tests for row_model."""

import collections

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tests.tff_methods import row_models
from tff_methods import models

_X, _Y = row_models.arrays()[0]
_FLOATS_SPEC = (
  tf.TensorSpec([None, 3], tf.float32),
  tf.TensorSpec([None], tf.int64),
)


class RowModelTest(parameterized.TestCase, tf.test.TestCase):
  def test_biases_are_the_last_column_of_the_table(self):
    plain = row_models.row_model()
    with_biases = row_models.row_model(biases=row_models.biases())
    self.assertEqual([plain.num_classes, plain.dimension], [12, 4])
    self.assertEqual([plain.row_size, with_biases.row_size], [4, 5])
    *body, table = with_biases.full_model().initial_weights[0]
    for x, y in zip(body, row_models.body().initial_weights[0], strict=True):
      self.assertAllEqual(x, y)
    self.assertAllEqual(table[:, :4], row_models.rows())
    self.assertAllEqual(table[:, 4], row_models.biases())

  @parameterized.parameters(False, True)
  def test_full_model_scores_all_classes(self, has_biases):
    biases = row_models.biases() if has_biases else None
    model = row_models.row_model(biases=biases).full_model()
    scores = model.predict_on_batch(model.initial_weights, _X, False)
    for i, embedding in enumerate(row_models.embed(_X)):
      expected = [float(embedding @ row) for row in row_models.rows()]
      expected += row_models.biases() if has_biases else np.zeros(12)
      self.assertAllClose(scores[i], expected, atol=1e-5)

  def test_embeddings_are_the_output_of_the_body(self):
    model = row_models.row_model()
    embeddings = model.embed(model.full_model().initial_weights, _X)
    self.assertAllClose(embeddings, row_models.embed(_X))

  def test_full_loss_and_metrics_equal_those_of_keras(self):
    model = row_models.row_model().full_model()
    scores = model.predict_on_batch(model.initial_weights, _X, False)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = tf.keras.metrics.SparseCategoricalAccuracy()
    # All predictions but the last are correct.
    labels = tf.argmax(scores, -1).numpy()
    labels[-1] = (labels[-1] + 1) % 12
    accuracy.update_state(labels, scores)
    self.assertNear(model.loss(scores, labels), loss(labels, scores), 1e-5)
    batches = [(_X[:5], labels[:5]), (_X[5:], labels[5:])]
    metrics = row_models.metrics(model, model.initial_weights, batches)
    self.assertNear(metrics['loss'], loss(labels, scores), 1e-5)
    self.assertNear(metrics['accuracy'], accuracy.result(), 1e-6)
    self.assertEqual(metrics['accuracy'], 7 / 8)
    self.assertEqual(metrics['num_examples'], 8)
    self.assertEqual(metrics['num_excluded_examples'], 0)

  def test_input_spec_may_be_a_mapping(self):
    x, y = row_models.body().input_spec
    model = row_models.row_model(input_spec=collections.OrderedDict(x=x, y=y))
    batch = collections.OrderedDict(x=_X, y=_Y)
    self.assertAllEqual(model.classes_in(batch), _Y)
    self.assertEqual(model.full_model().input_spec, model.input_spec)

  def test_classes_in_a_batch(self):
    model = row_models.row_model()
    self.assertAllEqual(model.classes_in((_X, _Y.astype(np.int64))), _Y)
    self.assertEqual(model.classes_in((_X, _Y)).dtype, tf.int64)
    # Cast to 32 bits, it would be class 0.
    self.assertAllEqual(model.classes_in((_X[:1], [2**32])), [2**32])
    labels = row_models.TOKENS + 1
    self.assertAllEqual(
      sorted(
        row_models.token_model().classes_in((row_models.TOKENS, labels)).numpy()
      ),
      sorted([*row_models.TOKENS.ravel(), *labels.ravel()]),
    )

  @parameterized.named_parameters(
    ('body', 'rows', TypeError, 'FunctionalModel for the body, found str'),
    ('similarity', 'cosine', TypeError, 'function.*found str: give DotProduct'),
    ('rows', np.zeros([12]), ValueError, r'rows of shape.*found \[12\]'),
    (
      'biases',
      np.zeros([11]),
      ValueError,
      r'\[12\], one for each row, found \[11\]',
    ),
    ('rows_embed_input', True, ValueError, 'Expected input_spec.*found none'),
  )
  def test_wrong_argument(self, value, error, message):
    name = self._testMethodName.removeprefix('test_wrong_argument_')
    arguments = dict(body=row_models.body(), rows=row_models.rows())
    with self.assertRaisesRegex(error, message):
      models.RowModel(**(arguments | {name: value}))

  def test_empty_table(self):
    for shape in ([0, 4], [12, 0]):
      with self.assertRaisesRegex(ValueError, 'number of classes, dimension'):
        models.RowModel(row_models.body(), np.zeros(shape))

  @parameterized.named_parameters(
    (
      'labels',
      dict(input_spec=(_FLOATS_SPEC[0], tf.TensorSpec([None], tf.float32))),
      TypeError,
      'labels to be integers, found.*float32',
    ),
    (
      'tokens',
      dict(input_spec=_FLOATS_SPEC, rows_embed_input=True),
      TypeError,
      'examples of integers with rows_embed_input, found.*float32',
    ),
    (
      'dimension',
      dict(rows=np.zeros([12, 7])),
      ValueError,
      r'embeddings of shape \[None, 7\].*rows of 7 numbers, found \(None, 4\)',
    ),
    (
      'label_shape',
      dict(
        input_spec=(
          tf.TensorSpec([None, 6], tf.float32),
          tf.TensorSpec([None, 1], tf.int32),
        )
      ),
      ValueError,
      r'labels of shape \[None, 1\].*found \(None, 4\)',
    ),
  )
  def test_wrong_spec(self, kwargs, error, message):
    arguments = dict(body=row_models.body(), rows=row_models.rows())
    with self.assertRaisesRegex(error, message):
      models.RowModel(**(arguments | kwargs))


class RowsEmbedInputTest(tf.test.TestCase):
  def test_full_model_embeds_tokens_by_rows(self):
    model = row_models.token_model()
    self.assertTrue(model.rows_embed_input)
    full = model.full_model()
    scores = full.predict_on_batch(
      full.initial_weights, row_models.TOKENS, False
    )
    self.assertAllClose(scores, row_models.token_scores(), atol=1e-5)


if __name__ == '__main__':
  tf.test.main()
