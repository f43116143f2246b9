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
"""Confusion of a client's classes by trained models.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", figure 7.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import runner
from programs.training import evaluation
import tasks


def build_confusion_fn(
  task: tasks.RowTask, classes: np.ndarray
) -> Callable[[tff.learning.models.ModelWeights], np.ndarray]:
  """Builds a function from model weights to a confusion matrix.

  Args:
    task: The task that has the model and the test images.
    classes: `int[k]`, the classes to tell apart, ascending.

  Returns:
    A function from model weights to `float64[k, k]`. Element `[i, j]` is the
    fraction of the test images of class `i` that score highest, among these `k`
    classes, for class `j`. Rows of classes without test images are NaN.

  Raises:
    UsageError: If none of the classes has test images.
  """
  model = task.model_fn()
  batches = []
  for x, y in task.datasets.get_centralized_test_data():
    chosen = np.isin(y, classes)
    if chosen.any():  # Some layers reject an empty batch.
      batches.append((x[chosen], np.searchsorted(classes, y[chosen])))
  if not batches:
    raise runner.UsageError(
      'Expected test images of the classes of --client, found none; choose '
      'another client.'
    )

  @tf.function(reduce_retracing=True)
  def predict(x):
    scores = model.predict_on_batch(x, training=False)
    return tf.argmax(tf.gather(scores, classes, axis=-1), axis=-1)

  def confusion(weights):
    evaluation.assign_weights(weights, model)
    counts = np.zeros([classes.size, classes.size])
    for x, positions in batches:
      np.add.at(counts, (positions, predict(x)), 1)
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(
      counts, totals, out=np.full_like(counts, np.nan), where=totals > 0
    )

  return confusion


def mean_cosine(rows: np.ndarray) -> float:
  """Returns the mean cosine similarity over all pairs of rows.

  Args:
    rows: `float[n, d]`, at least two rows, none of them zero.
  """
  unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
  return float(np.mean((unit @ unit.T)[np.triu_indices(len(unit), k=1)]))
