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
"""Tests for decile_accuracy."""

import math

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tasks import decile_accuracy


def _by_hand(order, scores, labels):
  """Accuracy of each tenth of a list of classes, in plain Python."""
  accuracies = {}
  for i in range(10):
    # The r-th class is in tenth i where i <= 10 r / m < i + 1.
    tenth = [
      c
      for r, c in enumerate(order)
      if i * len(order) <= 10 * r < (i + 1) * len(order)
    ]
    hits = [
      int(np.argmax(s)) == y
      for s, y in zip(scores, labels, strict=True)
      if y in tenth
    ]
    accuracies[f'accuracy_decile_{i + 1}'] = np.mean(hits) if hits else 0.0
  rarer = order[math.ceil(len(order) / 10) :]
  hits = [
    int(np.argmax(s)) == y
    for s, y in zip(scores, labels, strict=True)
    if y in rarer
  ]
  accuracies['accuracy_deciles_2_to_10'] = np.mean(hits) if hits else 0.0
  return accuracies


class DecileAccuracyTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.parameters(1, 7, 10, 23, 40)
  def test_equals_the_definition(self, num_classes):
    rng = np.random.default_rng(num_classes)
    order = rng.permutation(42)[:num_classes]
    metric = decile_accuracy.DecileAccuracy(order, 42)
    labels = rng.integers(42, size=[2, 3, 50])
    scores = rng.normal(size=[2, 3, 50, 42]).astype(np.float32)
    scores += 3 * np.eye(42, dtype=np.float32)[labels]
    counts = sum(
      metric.count(tf.constant(s), tf.constant(y, tf.int32)).numpy()
      for s, y in zip(scores, labels, strict=True)
    )
    self.assertEqual(counts[1].sum(), np.isin(labels, order).sum())
    expected = _by_hand(order, scores.reshape([-1, 42]), labels.ravel())
    found = decile_accuracy.accuracies(counts)
    self.assertEqual(list(found), list(decile_accuracy.METRIC_NAMES))
    self.assertAllClose(found, expected)

  def test_most_frequent_classes_are_the_first_decile(self):
    metric = decile_accuracy.DecileAccuracy(range(1, 21), 24)
    labels = tf.constant([0, 1, 2, 3, 20, 21])
    scores = tf.one_hot([0, 1, 2, 4, 19, 21], 24)
    self.assertAllEqual(
      metric.count(scores, labels),
      [[2, 0, 0, 0, 0, 0, 0, 0, 0, 0], [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]],
    )


if __name__ == '__main__':
  absltest.main()
