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
"""Tests for sub_model."""

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods import retrieval

_X, _Y = row_models.arrays()[0]
_CLASSES = row_models.CLASSES[0]


def _sample(num_candidates, classes=_CLASSES, **kwargs):
  return retrieval.sample_candidates(
    tf.constant([1, 2]),
    tf.constant(classes, tf.int32),
    row_models.NUM_CLASSES,
    num_candidates,
    **kwargs,
  )


class SubModelTest(parameterized.TestCase, tf.test.TestCase):
  def test_initial_weights(self):
    model = row_models.row_model(biases=row_models.biases())
    (*body, rows), constants = model.sub_model(5).initial_weights
    self.assertLen(body, 2)
    self.assertAllEqual(rows, np.zeros([5, 5]))
    for x, dtype in zip(constants, (np.int32, np.float32, bool), strict=True):
      self.assertEqual((x.shape, x.dtype), ((5,), dtype))

  def test_candidates_are_read_from_weights(self):
    model = row_models.row_model()
    candidates = _sample(5)
    trainable, non_trainable = row_models.sub_weights(model, candidates)
    (found,) = model.candidates_of(
      tff.learning.models.ModelWeights(trainable, ('of_body', *non_trainable))
    )
    for x, y in zip(found, candidates, strict=True):
      self.assertAllEqual(x, y)

  @parameterized.parameters(False, True)
  def test_with_all_classes_equals_the_full_model(self, has_biases):
    model = row_models.row_model(
      biases=row_models.biases() if has_biases else None,
      similarity=models.ScaledCosine(7.0),
    )
    full, sub = model.full_model(), model.sub_model(12)
    expected = row_models.loss_and_gradients(full, full.initial_weights, _X, _Y)
    found = row_models.loss_and_gradients(
      sub, row_models.sub_weights(model, _sample(12)), _X, _Y
    )
    self.assertAllClose(found, expected, atol=1e-6)

  def test_scores_are_of_the_candidates(self):
    model = row_models.row_model(biases=row_models.biases())
    candidates = _sample(5)
    sub = model.sub_model(5)
    output = sub.predict_on_batch(
      row_models.sub_weights(model, candidates), _X, False
    )
    full = model.full_model()
    scores = full.predict_on_batch(full.initial_weights, _X, False).numpy()
    self.assertIsInstance(output, models.SubModelOutput)
    for column, key in enumerate(candidates.keys.numpy()):
      # 2 of the 9 other classes are sampled.
      added = 0.0 if key in _CLASSES else np.log(9 / 2)
      self.assertAllClose(output.logits[:, column], scores[:, key] + added)

  @parameterized.product(
    use_other_positives=(False, True), has_biases=(False, True)
  )
  def test_padding_has_no_gradient(self, use_other_positives, has_biases):
    model = row_models.row_model(
      biases=row_models.biases() if has_biases else None
    )
    sub = model.sub_model(7, use_other_positives=use_other_positives)
    candidates = _sample(7, with_negatives=False)
    self.assertAllEqual(candidates.keys, [-1, -1, -1, -1, *_CLASSES])
    loss, gradients = row_models.loss_and_gradients(
      sub, row_models.sub_weights(model, candidates), _X, _Y
    )
    *_, of_rows = gradients
    self.assertAllEqual(of_rows[:4], np.zeros([4, model.row_size]))
    # A softmax over one class has a loss of zero, up to rounding.
    self.assertEqual(loss > 1e-4, use_other_positives)
    self.assertEqual(np.any(abs(of_rows[4:]) > 1e-4), use_other_positives)

  def test_other_positives_have_a_gradient_if_used(self):
    model = row_models.row_model()
    candidates = _sample(6)
    weights = row_models.sub_weights(model, candidates)
    # The one example is of class 0.
    for is_used in (True, False):
      sub = model.sub_model(6, use_other_positives=is_used)
      _, gradients = row_models.loss_and_gradients(sub, weights, _X[:1], _Y[:1])
      has_gradient = np.any(abs(gradients[-1].numpy()) > 1e-5, axis=1)
      is_other = np.isin(candidates.keys, _CLASSES[1:])
      self.assertAllEqual(has_gradient, is_used | ~is_other)

  def test_excluded_examples_have_a_loss_of_zero(self):
    model = row_models.row_model()
    # The client has examples of class 0 too, which is not a candidate.
    candidates = _sample(3, classes=(2, 7))
    is_known = np.isin(_Y, candidates.keys)
    self.assertAllEqual(is_known, _Y != 0)
    sub, weights = model.sub_model(3), row_models.sub_weights(model, candidates)
    loss, gradients = row_models.loss_and_gradients(sub, weights, _X, _Y)
    expected, known_gradients = row_models.loss_and_gradients(
      sub, weights, _X[is_known], _Y[is_known]
    )
    # The mean is over all examples of the batch.
    part = is_known.mean()
    self.assertNear(loss, part * expected, 1e-6)
    for x, y in zip(gradients, known_gradients, strict=True):
      self.assertAllClose(x, part * y)
    metrics = row_models.metrics(
      sub, weights, [(_X[:3], _Y[:3]), (_X[3:], _Y[3:])]
    )
    self.assertNear(metrics['loss'], expected, 1e-5)
    self.assertEqual(metrics['num_examples'], 8)
    self.assertEqual(metrics['num_excluded_examples'], np.sum(_Y == 0))

  def test_accuracy_among_the_candidates(self):
    model = row_models.row_model()
    candidates = _sample(5)
    sub, weights = model.sub_model(5), row_models.sub_weights(model, candidates)
    # The accuracy is that of scores; their corrections favor negatives.
    scores = row_models.embed(_X) @ row_models.rows()[candidates.keys].T
    best = np.argmax(scores, axis=1)
    logits = sub.predict_on_batch(weights, _X, False).logits
    self.assertNotAllEqual(best, tf.argmax(logits, axis=1))
    labels = tf.gather(candidates.keys, best).numpy()
    labels[0] = candidates.keys[0 if best[0] else 1]
    metrics = row_models.metrics(sub, weights, [(_X, labels)])
    self.assertEqual(metrics['accuracy'], 7 / 8)
    # Without examples, the sums are divided by 0.
    metrics = row_models.metrics(sub, weights, [])
    self.assertEqual((metrics['loss'], metrics['accuracy']), (0.0, 0.0))

  @parameterized.parameters(
    (0, ValueError, 'num_candidates of at least 1, found 0'),
    (13, ValueError, 'num_candidates of at most 12, the number.*found 13'),
    (2.0, TypeError, 'num_candidates to be an int, found float'),
  )
  def test_wrong_number_of_candidates(self, value, error, message):
    with self.assertRaisesRegex(error, message):
      row_models.row_model().sub_model(value)


class SubModelWithEmbeddingRowsTest(tf.test.TestCase):
  def test_with_all_classes_equals_the_full_model(self):
    model = row_models.token_model()
    full, sub = model.full_model(), model.sub_model(12)
    candidates = _sample(12, np.unique(row_models.TOKENS))
    labels = np.roll(row_models.TOKENS, -1, axis=1)
    expected = row_models.loss_and_gradients(
      full, full.initial_weights, x=row_models.TOKENS, y=labels
    )
    found = row_models.loss_and_gradients(
      sub,
      row_models.sub_weights(model, candidates),
      x=row_models.TOKENS,
      y=labels,
    )
    self.assertAllClose(found, expected, atol=1e-5)
    # Rows have gradients as embeddings and as classes, biases as classes.
    self.assertEqual(found[1][-1].shape, [12, 5])

  def test_other_tokens_are_embedded_as_zeros(self):
    model = row_models.token_model()
    candidates = models.Candidates(
      tf.constant([-1, 3, 11]), tf.zeros([3]), tf.constant([False, True, True])
    )
    sub = model.sub_model(3)
    output = sub.predict_on_batch(
      row_models.sub_weights(model, candidates), row_models.TOKENS, False
    )
    expected = row_models.token_scores([3, 11])[:, :, [3, 11]]
    self.assertAllClose(output.logits[:, :, 1:], expected, atol=1e-5)


class GradientNoiseTest(tf.test.TestCase):
  @pytest.mark.slow
  def test_decreases_with_the_number_of_candidates(self):
    row_model = row_models.row_model()
    (x, y), *_ = row_models.arrays()
    positives = tf.constant(np.unique(y))
    (kernel, bias), _ = row_models.body().initial_weights

    def gradient(model, rows, constants):
      weights = [tf.constant(kernel), tf.constant(bias), rows]
      with tf.GradientTape() as tape:
        tape.watch(weights)
        output = model.predict_on_batch((tuple(weights), constants), x)
        loss = model.loss(output, y)
      return tape.gradient(loss, weights[0])

    rows = tf.constant(row_models.rows())
    full = gradient(row_model.full_model(), rows, ())
    noise = []
    for k in (4, 6, 9, 12):
      model = row_model.sub_model(k)

      def error(i, k=k, model=model):
        candidates = retrieval.sample_candidates(
          tf.stack([i, k]), positives, row_models.NUM_CLASSES, k
        )
        sampled = gradient(model, tf.gather(rows, candidates.keys), candidates)
        return tf.norm(sampled - full)

      errors = tf.function(
        lambda error=error: tf.map_fn(error, tf.range(200), tf.float32)
      )()
      noise.append(np.mean(errors) / tf.norm(full).numpy())
    self.assertAllGreater(-np.diff(noise), 0.02)
    self.assertAllClose(noise[-1], 0.0, atol=1e-5)


if __name__ == '__main__':
  tf.test.main()
