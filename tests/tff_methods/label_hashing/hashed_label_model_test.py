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
"""Tests for hashed_label_model."""

import numpy as np
import tensorflow as tf

from tff_methods import label_hashing

_NUM_CLASSES = 9
_LABELS = np.array([[8, 0, -1], [-1, -1, -1], [3, -1, 1]], np.int32)


class HashedLabelModelTest(tf.test.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.network = label_hashing.DenseNetwork(5, (7,))
    cls.label_hash = label_hashing.LabelHash.draw(_NUM_CLASSES, 3, 4, seed=1)
    cls.model = label_hashing.HashedLabelModel(
      cls.network, cls.label_hash, max_labels=3, seed=2
    )
    cls.functional = cls.model.functional_model()
    cls.rng = np.random.default_rng(0)
    cls.x = cls.rng.normal(size=[3, 5]).astype(np.float32)

  def _predictions(self):
    return self.functional.predict_on_batch(
      self.functional.initial_weights, self.x
    )

  def test_predictions_are_the_logits_of_each_table(self):
    weights, _ = self.functional.initial_weights
    predictions = self._predictions()
    self.assertEqual(predictions.shape, [3, 3, 4])
    for r in range(3):
      expected = self.network.logits([w[r] for w in weights], self.x)
      self.assertAllClose(predictions[:, r], expected)

  def test_loss_is_the_sum_of_those_of_keras_over_tables(self):
    predictions = self._predictions()
    buckets = self.label_hash.buckets()
    expected = 0.0
    for r in range(3):
      targets = np.zeros([3, 4], np.float32)
      for i, labels in enumerate(_LABELS):
        targets[i, [buckets[r, c] for c in labels if c >= 0]] = 1
      binary_crossentropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
      expected += 4 * binary_crossentropy(targets, predictions[:, r])
    loss = self.functional.loss(predictions, tf.constant(_LABELS))
    self.assertAllClose(loss, expected)

  def test_gradient_of_a_network_is_that_of_its_own_loss(self):
    weights = [tf.constant(w) for w in self.functional.initial_weights[0]]
    alone = label_hashing.HashedLabelModel(
      self.network,
      label_hashing.LabelHash(
        _NUM_CLASSES, 4, self.label_hash.coefficients[1:2]
      ),
      max_labels=3,
    ).functional_model()

    def gradients(model, weights):
      with tf.GradientTape() as tape:
        tape.watch(weights)
        output = model.predict_on_batch((weights, ()), self.x)
        loss = model.loss(output, tf.constant(_LABELS))
      return tape.gradient(loss, weights)

    expected = gradients(alone, [w[1:2] for w in weights])
    for found, e in zip(
      gradients(self.functional, weights), expected, strict=True
    ):
      self.assertAllClose(found[1:2], e)

  def test_top_k_are_the_means_over_tables(self):
    predictions = self.rng.normal(size=[3, 3, 4]).astype(np.float32)
    scores, classes = self.model.top_k(tf.constant(predictions), 4)
    log_sigmoid = -np.log1p(np.exp(-predictions.astype(np.float64)))
    buckets = self.label_hash.buckets()
    for i in range(3):
      expected = np.mean(
        [log_sigmoid[i, r, buckets[r]] for r in range(3)], axis=0
      )
      order = np.argsort(-expected, kind='stable')[:4]
      self.assertAllClose(scores[i], expected[order])
      self.assertAllEqual(classes[i], order)

  def test_top_k_of_another_decoding(self):
    predictions = self.rng.normal(size=[2, 3, 4]).astype(np.float32)
    scores, _ = self.model.top_k(tf.constant(predictions), 1, decoding='median')
    log_sigmoid = -np.log1p(np.exp(-predictions.astype(np.float64)))
    buckets = self.label_hash.buckets()
    for i in range(2):
      medians = np.median(
        [log_sigmoid[i, r, buckets[r]] for r in range(3)], axis=0
      )
      self.assertAllClose(scores[i, 0], medians.max())

  def test_top_k_of_the_mean_of_logits(self):
    predictions = self.rng.normal(size=[2, 3, 4]).astype(np.float32)
    scores, classes = self.model.top_k(
      tf.constant(predictions), 2, decoding='mean_logits'
    )
    buckets = self.label_hash.buckets()
    for i in range(2):
      means = np.mean([predictions[i, r, buckets[r]] for r in range(3)], axis=0)
      order = np.argsort(-means, kind='stable')[:2]
      self.assertAllClose(scores[i], means[order])
      self.assertAllEqual(classes[i], order)

  def test_top_k_of_the_count_sketch(self):
    predictions = self.rng.normal(size=[2, 3, 4]).astype(np.float32)
    scores, classes = self.model.top_k(
      tf.constant(predictions), 3, decoding='count_sketch'
    )
    probabilities = 1 / (1 + np.exp(-predictions.astype(np.float64)))
    # Algorithm 1: tables of signed values, and the sign of each class.
    sketch = probabilities[:, :, 0::2] - probabilities[:, :, 1::2]
    buckets = self.label_hash.buckets()
    signs, cells = 1 - 2 * (buckets % 2), buckets // 2
    for i in range(2):
      estimates = np.median(
        [signs[r] * sketch[i, r, cells[r]] for r in range(3)], axis=0
      )
      order = np.argsort(-estimates, kind='stable')[:3]
      self.assertAllClose(scores[i], estimates[order])
      self.assertAllEqual(classes[i], order)

  def test_predictions_of_another_model(self):
    for shape in ([2, 3, 5], [2, 12]):
      with self.assertRaisesRegex(
        ValueError, r'predictions of shape \[None, 3, 4\].*found \(2, '
      ):
        self.model.top_k(tf.zeros(shape), 1)

  def test_unknown_decoding(self):
    with self.assertRaisesRegex(ValueError, "'mean_logits'.*found 'max'"):
      self.model.top_k(tf.zeros([2, 3, 4]), 1, decoding='max')

  def test_metrics_are_the_mean_loss_and_the_examples(self):
    state = self.functional.initialize_metrics_state()
    losses = []
    for labels in (_LABELS, _LABELS[:1]):
      x = self.x[: len(labels)]
      output = self.functional.predict_on_batch(
        self.functional.initial_weights, x
      )
      loss = self.functional.loss(output, tf.constant(labels))
      losses.append(loss)
      batch_output = _BatchOutput(loss, output, len(labels))
      state = self.functional.update_metrics_state(state, labels, batch_output)
    metrics = self.functional.finalize_metrics(state)
    self.assertEqual(metrics['num_examples'], 4)
    self.assertAllClose(metrics['loss'], (3 * losses[0] + losses[1]) / 4)

  def test_label_out_of_range(self):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, 'below 9'):
      self.functional.loss(tf.zeros([1, 3, 4]), tf.constant([[9, -1, -1]]))

  def test_wrong_network(self):
    with self.assertRaisesRegex(
      TypeError, 'input_spec, initial_weights and logits, found Sequential: see'
    ):
      label_hashing.HashedLabelModel(tf.keras.Sequential(), self.label_hash, 3)

  def test_wrong_label_hash(self):
    with self.assertRaisesRegex(TypeError, 'LabelHash, found int'):
      label_hashing.HashedLabelModel(self.network, 4, 3)

  def test_wrong_max_labels(self):
    with self.assertRaisesRegex(ValueError, 'max_labels.*found 0'):
      label_hashing.HashedLabelModel(self.network, self.label_hash, 0)


class _BatchOutput:
  """Batch output, as TFF gives it to metrics of functional models."""

  def __init__(self, loss, predictions, num_examples):
    self.loss = loss
    self.predictions = predictions
    self.num_examples = num_examples


if __name__ == '__main__':
  tf.test.main()
