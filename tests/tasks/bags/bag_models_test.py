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
"""Tests for bag_models."""

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks.bags import bag_models

_IDS = np.int64([[3, 0, -1], [5, -1, -1], [-1, -1, -1]])


class BagModelsTest(tf.test.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.model = bag_models.row_model(0, 6, 6, 4)
    cls.x = bag_models.bag_inputs(tf.constant(_IDS))

  def _logits(self, is_item, training):
    model = bag_models.ranking_model(self.model, is_item=is_item)
    return model.predict_on_batch(model.initial_weights, self.x, training)

  def test_equals_numpy(self):
    (bias, kernel, output_bias, table, rows), _ = (
      self.model.full_model().initial_weights
    )
    for ids, found in zip(
      ([3, 0], [5], []), self._logits(False, False), strict=True
    ):
      bag = sum(table[i] for i in ids) / max(len(ids), 1) ** 0.5 + bias
      hidden = np.maximum(bag, 0) @ kernel + output_bias
      self.assertAllClose(found, rows[:, :4] @ hidden + rows[:, 4], atol=1e-6)

  def test_items_of_the_bag_are_not_predicted_in_evaluation(self):
    expected = np.array(self._logits(False, False))
    self.assertAllEqual(self._logits(True, True), expected)
    found = self._logits(True, False)
    for row, column in ((0, 3), (0, 0), (1, 5)):
      self.assertLess(found[row, column], -1e29)
      expected[row, column] = found[row, column]
    self.assertAllEqual(found, expected)

  def test_metrics_are_those_of_ranks(self):
    model = bag_models.ranking_model(self.model, is_item=False)
    logits = np.zeros([4, 80], np.float32)
    logits[:, :70] = np.arange(70, 0, -1)
    labels = np.int32([0, 4, 30, 69])  # Ranks 1, 5, 31 and 70.
    state = model.initialize_metrics_state()
    for part in (slice(0, 3), slice(3, 4)):
      output = tff.learning.models.BatchOutput(0.0, logits[part], 4)
      state = model.update_metrics_state(state, labels[part], output)
    metrics = model.finalize_metrics(state)
    for name, expected in {
      'accuracy': 1 / 4,
      'recall_at_5': 2 / 4,
      'recall_at_10': 2 / 4,
      'recall_at_50': 3 / 4,
      'ndcg_at_50': (1 + 1 / np.log2(6) + 1 / np.log2(32)) / 4,
      'num_examples': 4,
    }.items():
      self.assertAllClose(metrics[name], expected)

  def test_ties_and_nan_rank_last(self):
    model = bag_models.ranking_model(self.model, is_item=False)
    logits = np.tile(np.float32([3, 2, 2, 2, 1, 0, -1, -2]), [4, 10])
    logits[2] = np.nan  # A diverged model.
    logits[3, 5] = np.nan  # Another item's score.
    # Ten scores of 3 and thirty of 2; all 80; ten scores of 3 and a NaN.
    labels, ranks = np.int32([1, 2, 0, 0]), np.array([40, 40, 80, 11])
    output = tff.learning.models.BatchOutput(0.0, logits, 4)
    metrics = model.finalize_metrics(
      model.update_metrics_state(
        model.initialize_metrics_state(), labels, output
      )
    )
    for name, k in (
      ('accuracy', 1),
      ('recall_at_10', 10),
      ('recall_at_50', 50),
    ):
      self.assertAllClose(metrics[name], np.mean(ranks <= k))
    gains = np.where(ranks <= 50, 1 / np.log2(1 + ranks), 0)
    self.assertAllClose(metrics['ndcg_at_50'], np.mean(gains))

  def test_weights_of_examples_are_refused(self):
    model = bag_models.ranking_model(self.model, is_item=False)
    output = tff.learning.models.BatchOutput(0.0, np.zeros([1, 6]), 1)
    with self.assertRaisesRegex(ValueError, 'no sample_weight with bags'):
      model.update_metrics_state(
        model.initialize_metrics_state(), np.int32([0]), output, np.ones(1)
      )

  def test_input_without_ids(self):
    # The bag is zero, and the ReLU and biases as well.
    self.assertAllEqual(self.x['weights'][2], np.zeros(3))
    self.assertAllClose(np.linalg.norm(self.x['weights'][0]), 1)


if __name__ == '__main__':
  tf.test.main()
