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
"""Tests for example_losses."""

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods.models import example_losses


class FullExampleLossesTest(tf.test.TestCase):
  def test_loss_and_accuracy_of_each_example(self):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=[2, 3, 5]).astype(np.float32)
    labels = np.array([[0, 4, 2], [3, 3, 1]], np.int64)
    losses = example_losses.full_example_losses(logits, labels)
    for i, t in np.ndindex(2, 3):
      probabilities = np.exp(logits[i, t]) / np.exp(logits[i, t]).sum()
      own = probabilities[labels[i, t]]
      self.assertAllClose(losses.loss[i, t], -np.log(own), rtol=1e-5)
      self.assertEqual(losses.is_correct[i, t], own == probabilities.max())
    self.assertAllEqual(losses.is_included, np.ones([2, 3], bool))


class LossAndMetricsFnsTest(tf.test.TestCase):
  """Tests with one loss and one accuracy for each example, given as output."""

  def _losses(self, output, labels):
    loss, is_correct, is_included = tf.unstack(output)
    del labels
    return example_losses.ExampleLosses(loss, is_correct > 0, is_included > 0)

  def _metrics(self, roles, *batches):
    initialize, update, finalize = example_losses.build_metrics_fns(
      self._losses, roles
    )
    state = initialize()
    for output, labels in batches:
      state = update(
        state, labels, tff.learning.models.BatchOutput(0.0, output, 0)
      )
    return finalize(state)

  def test_weights_of_examples_are_refused(self):
    roles = models.LabelRoles()
    loss_fn = example_losses.build_loss_fn(self._losses, roles)
    _, update, _ = example_losses.build_metrics_fns(self._losses, roles)
    output = tf.zeros([3, 4])
    with self.assertRaisesRegex(ValueError, 'no sample_weight'):
      loss_fn(output, tf.zeros([4], tf.int32), sample_weight=1.0)
    with self.assertRaisesRegex(ValueError, 'no sample_weight'):
      update.python_function({}, tf.zeros([4], tf.int32), output, 1.0)

  def test_loss_is_the_mean_over_examples(self):
    output = tf.constant([[1.0, 2.0, 6.0, 100.0]] * 3)
    labels = tf.constant([4, 4, 5, 0])
    for padding, expected in ((None, 109 / 4), (0, 9 / 3)):
      loss_fn = example_losses.build_loss_fn(
        self._losses, models.LabelRoles(padding=padding)
      )
      self.assertAllClose(loss_fn(output, labels), expected)

  def test_loss_of_padding_alone_is_zero(self):
    loss_fn = example_losses.build_loss_fn(
      self._losses, models.LabelRoles(padding=0)
    )
    self.assertEqual(loss_fn(tf.ones([3, 2]), tf.constant([0, 0])), 0.0)

  def test_metrics_of_two_batches(self):
    metrics = self._metrics(
      models.LabelRoles(),
      (tf.constant([[1.0, 2.0], [1, 0], [1, 1]]), tf.constant([3, 4])),
      (tf.constant([[6.0, 0.0], [1, 0], [1, 0]]), tf.constant([3, 4])),
    )
    # The last example is excluded.
    self.assertAllClose(metrics['loss'], 9 / 3)
    self.assertAllClose(metrics['accuracy'], 2 / 3)
    self.assertEqual(metrics['num_examples'], 4)
    self.assertEqual(metrics['num_excluded_examples'], 1)

  def test_metrics_of_no_examples_are_zero(self):
    metrics = self._metrics(models.LabelRoles())
    self.assertEqual([float(x) for x in metrics.values()], [0, 0, 0, 0])


class LabelRolesTest(tf.test.TestCase):
  _LABELS = np.int32([[7, 2, 0], [5, 0, 0]])

  def _model(self):
    return row_models.token_model(
      models.LabelRoles(padding=0, unscored=(2,), never_correct=(5,))
    )

  def test_padding_does_not_enter_the_loss(self):
    full = self._model().full_model()
    loss, gradients = row_models.loss_and_gradients(
      full, full.initial_weights, x=row_models.TOKENS, y=self._LABELS
    )
    scores = tf.constant(row_models.token_scores(), tf.float32)
    expected = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
      [7, 2, 5], tf.stack([scores[0, 0], scores[0, 1], scores[1, 0]])
    )
    self.assertAllClose(loss, expected, rtol=1e-5)
    # Padding comes last, and the model looks back: truncation has no effect.
    truncated = row_models.loss_and_gradients(
      full,
      full.initial_weights,
      x=row_models.TOKENS[:, :2],
      y=self._LABELS[:, :2],
    )
    self.assertAllClose(gradients, truncated[1], atol=1e-6)

  def test_metrics_by_role(self):
    model = self._model().full_model()
    weights = model.initial_weights
    best = row_models.token_scores().argmax(axis=-1)
    other = np.where(best == 8, 9, 8)
    self.assertNoCommonElements(set(best.flat), {0, 2, 5})
    labels = best.copy()
    labels[0, 0], labels[1, 1], labels[1, 2] = other[0, 0], 2, 0
    metrics = row_models.metrics(model, weights, [(row_models.TOKENS, labels)])
    # 6 labels: 1 is padding, 1 unscored, 1 of the 4 others wrong.
    self.assertEqual(metrics['num_examples'], 5)
    self.assertEqual(metrics['num_excluded_examples'], 0)
    self.assertAllClose(metrics['accuracy'], 3 / 4)

  def test_never_correct_label_is_predicted(self):
    best = row_models.token_scores().argmax(axis=-1)
    wrong = int(best[0, 0])
    model = row_models.token_model(
      models.LabelRoles(never_correct=(wrong,))
    ).full_model()
    metrics = row_models.metrics(
      model, model.initial_weights, [(row_models.TOKENS, best)]
    )
    self.assertAllClose(metrics['accuracy'], np.mean(best != wrong))

  def test_padding_needs_no_rows(self):
    model = self._model()
    classes = model.classes_in((row_models.TOKENS, self._LABELS))
    self.assertCountEqual(classes.numpy(), [3, 7, 7, 7, 11, 7, 2, 5])


if __name__ == '__main__':
  tf.test.main()
