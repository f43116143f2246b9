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
"""Accuracy on frequent and on infrequent classes, by decile."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

NUM_DECILES = 10
# Of the first decile, that of the most frequent classes, to the last; and of
# all but the first together, each of which has few examples.
METRIC_NAMES = (
  *(f'accuracy_decile_{i + 1}' for i in range(NUM_DECILES)),
  f'accuracy_deciles_2_to_{NUM_DECILES}',
)


class DecileAccuracy:
  """Accuracy on the examples of each tenth of the classes.

  Of m classes, the one that has r more frequent ones before it is in decile 1 +
  floor(10 r / m). Decile 1 has the most frequent classes. All deciles have as
  many classes, up to one, but not as many examples.
  """

  def __init__(self, classes_by_frequency: Sequence[int], num_classes: int):
    """Initializes the metric.

    Args:
      classes_by_frequency: Distinct classes, the most frequent first. Examples
        of other classes are in no decile.
      num_classes: Number of classes that the model scores.
    """
    deciles = np.full(num_classes, NUM_DECILES, np.int32)  # In none.
    order = np.asarray(classes_by_frequency)
    deciles[order] = np.arange(len(order)) * NUM_DECILES // len(order)
    self._deciles = deciles

  def count(self, scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Counts the correct examples, and all examples, of each decile.

    Args:
      scores: `float32[..., n]`, of each class.
      labels: Classes, integers `[...]`.

    Returns:
      `int32[2, 10]`.
    """
    found = tf.argmax(scores, axis=-1, output_type=tf.int32)
    is_correct = tf.equal(found, tf.cast(labels, tf.int32))
    deciles = tf.gather(self._deciles, labels)
    counts = [
      tf.math.bincount(
        tf.boolean_mask(deciles, mask), minlength=NUM_DECILES + 1
      )[:NUM_DECILES]
      for mask in (is_correct, tf.ones_like(is_correct))
    ]
    return tf.stack(counts)


def accuracies(counts: np.ndarray) -> dict[str, np.float32]:
  """Returns the accuracies, by `METRIC_NAMES`; 0 without examples.

  Args:
    counts: Sum of the counts of all batches, `int[2, 10]`.
  """
  rarer = counts[:, 1:].sum(axis=1, keepdims=True)
  correct, all_examples = np.concatenate([counts, rarer], axis=1)
  values = correct / np.maximum(all_examples, 1)
  return dict(zip(METRIC_NAMES, values.astype(np.float32), strict=True))
