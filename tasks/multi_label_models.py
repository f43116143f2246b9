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
"""The network of the FedAvg baseline for data with many labels.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 5: "MLP
network (with two hidden layers)".
"""

import collections
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import multi_label_metrics
from tff_methods import label_hashing


def initial_weights(seed: int, sizes: Sequence[int]) -> tuple[np.ndarray, ...]:
  """Draws the weights of dense layers, each after the other.

  Args:
    seed: Same seed, same weights.
    sizes: Of the input, of the hidden layers, and of the output.

  Returns:
    Kernel `[n, m]` and bias `[m]` of each layer, float32. Kernels are normal
    with variance `2 / n`, after He et al. (2015), "Delving Deep into
    Rectifiers", and biases are 0.
  """
  rng = np.random.default_rng(seed)
  weights = []
  for n, m in zip(sizes[:-1], sizes[1:], strict=True):
    kernel = rng.normal(scale=(2 / n) ** 0.5, size=[n, m])
    weights += [kernel.astype(np.float32), np.zeros(m, np.float32)]
  return tuple(weights)


def logits(weights: Sequence[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
  """Maps `float32[batch, n]` to logits, with ReLU after each hidden layer.

  Args:
    weights: As `initial_weights` returns them.
    x: The input.

  Returns:
    `float32[batch, m]`.
  """
  *hidden, kernel, bias = weights
  for i in range(0, len(hidden), 2):
    x = tf.nn.relu(tf.matmul(x, hidden[i]) + hidden[i + 1])
  return tf.matmul(x, kernel) + bias


def baseline(
  *,
  seed: int,
  feature_width: int,
  hidden_width: int,
  max_labels: int,
  is_frequent: np.ndarray,
) -> tff.learning.models.FunctionalModel:
  """A logit for each label, of two hidden layers.

  Its loss is the binary cross-entropy of the labels, summed over labels, as a
  mean over examples. Its metrics are `loss`, `accuracy`, which is the precision
  at 1, those of `multi_label_metrics.precisions`, and `num_examples`.

  Args:
    seed: Of the initial weights.
    feature_width: Numbers of an example.
    hidden_width: Units of each hidden layer.
    max_labels: The most labels of an example.
    is_frequent: bool `[num_labels]`.

  Returns:
    A model from `float32[batch, feature_width]` and
    `int32[batch, max_labels]`, labels padded by -1, to logits
    `float32[batch, num_labels]`.
  """
  num_labels = len(is_frequent)
  label_hash = label_hashing.LabelHash.identity(num_labels)

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training  # No layer differs.
    return logits(model_weights[0], x)

  def loss(output, label, sample_weight=None):
    del sample_weight
    (labels,) = tf.unstack(label_hashing.hash_labels(label, label_hash))
    return tf.reduce_mean(
      label_hashing.BernoulliBuckets().cross_entropy(output, labels)
    )

  sizes = (feature_width, hidden_width, hidden_width, num_labels)
  return tff.learning.models.FunctionalModel(
    initial_weights=(initial_weights(seed, sizes), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=loss,
    metrics_fns=_build_metrics_fns(is_frequent),
    input_spec=(
      tf.TensorSpec([None, feature_width], tf.float32),
      tf.TensorSpec([None, max_labels], tf.int32),
    ),
  )


def _build_metrics_fns(is_frequent: np.ndarray):
  """Initialize, update and finalize, of sums over examples."""
  num_top = min(max(multi_label_metrics.KS), len(is_frequent))

  @tf.function
  def initialize():
    return collections.OrderedDict(
      loss=tf.constant(0.0),
      hits=tf.zeros([2, len(multi_label_metrics.KS)], tf.int64),
      num_examples=tf.constant(0, tf.int64),
    )

  @tf.function
  def update(state, labels, batch_output, sample_weight=None):
    del sample_weight
    top_classes = tf.math.top_k(batch_output.predictions, num_top).indices
    num_examples = tf.shape(labels)[0]
    added = collections.OrderedDict(
      loss=batch_output.loss * tf.cast(num_examples, tf.float32),
      hits=multi_label_metrics.count_hits(
        top_classes, labels, tf.constant(is_frequent)
      ),
      num_examples=tf.cast(num_examples, tf.int64),
    )
    return tf.nest.map_structure(tf.add, state, added)

  @tf.function
  def finalize(state):
    num_examples = state['num_examples']
    values = multi_label_metrics.precisions(state['hits'], num_examples)
    return collections.OrderedDict(
      loss=tf.math.divide_no_nan(
        state['loss'], tf.cast(num_examples, tf.float32)
      ),
      accuracy=values['precision_at_1'],
      **values,
      num_examples=num_examples,
    )

  return initialize, update, finalize
