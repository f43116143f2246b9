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
"""A client's classes: what its requests tell of them, how models confuse them.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", section 3.3 and figure 7.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import runner
from programs.training import evaluation
import tasks
from tff_methods import retrieval


def build_classes_fn(task: tasks.RowTask) -> Callable[[str], np.ndarray]:
  """Builds a function from a client's id to its classes, ascending."""
  row_model = task.row_model
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)

  @tf.function
  def collect(client_id):
    classes = tf.zeros([0], tf.int64)
    for batch in data.serializable_dataset_fn(client_id):
      tf.autograph.experimental.set_loop_options(
        shape_invariants=[(classes, tf.TensorShape([None]))]
      )
      in_batch = tf.cast(row_model.classes_in(batch), tf.int64)
      classes = tf.concat([classes, in_batch], 0)
    return classes

  # As a tensor: a string would be traced anew for each client.
  return lambda client_id: np.unique(collect(tf.constant(client_id)))


def posterior(
  num_positives: int, num_classes: int, num_candidates: int, num_requests: int
) -> float:
  """Returns how likely a class that was asked for each time is a positive.

  A positive is among the candidates of each request, another class with a
  probability of `m / (n - |P|)`, anew each time: by Bayes' rule, from the prior
  `|P| / n`, `|P| / (|P| + (n - |P|) (m / (n - |P|))^t)`.

  Args:
    num_positives: `|P|`.
    num_classes: `n`, above `|P|`.
    num_candidates: `|S| = |P| + m`.
    num_requests: `t`, of the same client; 0 for the prior.
  """
  num_others = num_classes - num_positives
  chance = (num_candidates - num_positives) / num_others
  return num_positives / (num_positives + num_others * chance**num_requests)


def measure_posterior(
  num_positives: int,
  num_classes: int,
  num_candidates: int,
  num_requests: int,
  *,
  num_clients: int,
  seed: int,
) -> np.ndarray:
  """Measures `posterior` on what clients draw.

  Args:
    num_positives: As there.
    num_classes: As there.
    num_candidates: As there.
    num_requests: As there, the largest.
    num_clients: How many clients draw, each with random positives.
    seed: Of all draws.

  Returns:
    `float64[num_requests]`: among the classes that clients asked for in each of
    their first 1, 2, ... requests, the fraction that are positives.
  """

  @tf.function
  def draw(keys, positives):
    return tf.map_fn(
      lambda key: (
        retrieval.sample_candidates(
          key, positives, num_classes, num_candidates
        ).keys
      ),
      keys,
    )

  rng = np.random.default_rng([seed, num_candidates])
  num_positive, num_asked = np.zeros([2, num_requests], np.int64)
  for _ in range(num_clients):
    positives = rng.permutation(num_classes)[:num_positives]
    keys = rng.integers(-(2**31), 2**31, size=[num_requests, 2])
    drawn = draw(tf.constant(keys, tf.int32), tf.constant(positives, tf.int32))
    asked = np.zeros([num_requests, num_classes], bool)
    np.put_along_axis(asked, drawn.numpy(), True, axis=1)
    each_time = np.logical_and.accumulate(asked)
    num_positive += each_time[:, positives].sum(axis=1)
    num_asked += each_time.sum(axis=1)
  return num_positive / num_asked


def build_confusion_fn(
  task: tasks.RowTask, classes: np.ndarray
) -> Callable[[tff.learning.models.ModelWeights], np.ndarray]:
  """Builds a function from weights to the confusion among some classes.

  Args:
    task: The model, and the test images.
    classes: `int[k]`, ascending.

  Returns:
    A function to `float64[k, k]`: of the test images of each class, the
    fraction for which each class has the highest score of these `k`. NaN in the
    rows of classes without test images.

  Raises:
    UsageError: If there are no test images of the classes.
  """
  model = task.model_fn()
  batches = []
  for x, y in task.datasets.get_centralized_test_data():
    chosen = np.isin(y, classes)
    if chosen.any():  # Not all layers take a batch of nothing.
      batches.append((x[chosen], np.searchsorted(classes, y[chosen])))
  if not batches:
    raise runner.UsageError(
      'Expected test images of the classes of --client, found none; choose '
      'another.'
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
  """Returns the mean cosine of the angles between each two of the rows."""
  unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
  return float(np.mean((unit @ unit.T)[np.triu_indices(len(unit), k=1)]))
