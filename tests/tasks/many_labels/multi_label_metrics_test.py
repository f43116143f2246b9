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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tasks.many_labels import multi_label_metrics


def _by_loop(top_classes, labels, frequent, k):
  """Computes precisions at k in plain Python, example by example."""
  all_, of_frequent = 0, 0
  for top, row in zip(top_classes, labels, strict=True):
    truth = {label for label in row if label != -1}
    found = set(top[:k]) & truth
    all_ += len(found)
    of_frequent += len(found & frequent)
  n = len(labels) * k
  return all_ / n, of_frequent / n, (all_ - of_frequent) / n


class PrecisionTest(tf.test.TestCase, parameterized.TestCase):
  def _random(self, num_classes, num_examples=200, max_labels=7):
    rng = np.random.default_rng(num_classes)
    width = min(5, num_classes)
    top = [rng.permutation(num_classes)[:width] for _ in range(num_examples)]
    labels = np.full((num_examples, max_labels), -1)
    for row in labels:
      number = rng.integers(min(max_labels, num_classes) + 1)
      places = rng.permutation(max_labels)[:number]
      row[places] = rng.permutation(num_classes)[:number]
    return np.array(top, np.int32), labels.astype(np.int32)

  def _precisions(self, top, labels, is_frequent):
    hits = multi_label_metrics.count_hits(
      tf.constant(top), tf.constant(labels), tf.constant(is_frequent)
    )
    self.assertEqual((hits.dtype, hits.shape), (tf.int64, (2, 3)))
    return multi_label_metrics.precisions(hits, tf.constant(len(labels)))

  @parameterized.parameters(2, 4, 5, 12, 60)
  def test_equals_a_loop_over_examples(self, num_classes):
    top, labels = self._random(num_classes)
    frequent = set(range(0, num_classes, 3))
    is_frequent = [c in frequent for c in range(num_classes)]
    values = self._precisions(top, labels, is_frequent)
    self.assertGreater(values['precision_at_1'], 0)
    for k in (1, 3, 5):
      expected = _by_loop(top.tolist(), labels.tolist(), frequent, k)
      names = ('', 'frequent_', 'infrequent_')
      for name, value in zip(names, expected, strict=True):
        self.assertAllClose(values[f'{name}precision_at_{k}'], value)
    self.assertLen(values, 10)

  def test_two_examples_computed_by_hand(self):
    top = np.array([[4, 0, 2, 1, 3], [1, 2, 0, 3, 4]], np.int32)
    labels = np.array([[2, 4, -1], [-1, -1, -1]], np.int32)
    values = self._precisions(top, labels, [False, False, True, False, False])
    self.assertAllClose(
      list(values.values()),
      [1 / 2, 0, 1 / 2, 2 / 6, 1 / 6, 1 / 6, 2 / 10, 1 / 10, 1 / 10, 31 / 90],
    )

  def test_counts_of_batches_add_up(self):
    top, labels = self._random(30)
    is_frequent = np.arange(30) < 5

    def count(s):
      return multi_label_metrics.count_hits(
        tf.constant(top[s]), tf.constant(labels[s]), tf.constant(is_frequent)
      )

    self.assertAllEqual(
      count(slice(20)) + count(slice(20, None)), count(slice(None))
    )

  def test_is_zero_without_examples(self):
    values = multi_label_metrics.precisions(
      tf.zeros([2, 3], tf.int64), tf.constant(0, tf.int64)
    )
    self.assertAllEqual(list(values.values()), np.zeros(10))


if __name__ == '__main__':
  tf.test.main()
