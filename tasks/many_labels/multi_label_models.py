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
"""Models for multi-label data.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 6.
"""

import collections
from collections.abc import Callable, Mapping
import os

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks.many_labels import multi_label_metrics
from tff_methods import label_hashing


def check_size(num_labels: int, hidden_width: int) -> None:
  """Checks that the rows of labels fit in memory.

  Args:
    num_labels: Number of labels.
    hidden_width: Number of weights of a label.

  Raises:
    ValueError: If their initial values, drawn in double precision, take more
      than the memory of this machine.
  """
  memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  num_bytes = 8 * num_labels * hidden_width
  if num_bytes > memory:
    raise ValueError(
      f'Expected a model that fits in the memory of {memory / 2**30:.1f} GiB, '
      f'found {num_labels} labels with {hidden_width} weights each: lower '
      '`hidden_width`, or take a data set of fewer labels.'
    )


def weight_names(num_weights: int) -> list[str]:
  """Returns the names of kernels and biases, layer by layer.

  Args:
    num_weights: Number of weights of a `label_hashing.DenseNetwork`.
  """
  return [
    f'dense_{i // 2}/{("kernel", "bias")[i % 2]}' for i in range(num_weights)
  ]


def baseline(
  network: label_hashing.Network,
  *,
  seed: int,
  max_labels: int,
  is_frequent: np.ndarray,
) -> tff.learning.models.FunctionalModel:
  """Builds a model with one logit for each label.

  The loss is the binary cross-entropy, summed over labels and averaged over
  examples. For the metrics, see `metrics_fns`.

  Args:
    network: Layers of the model.
    seed: Seed of the initial weights.
    max_labels: Largest number of labels of an example.
    is_frequent: bool `[num_labels]`, mask of the frequent classes.

  Returns:
    A model from inputs of the network to logits `float32[batch, num_labels]`.
    Its labels are `int32[batch, max_labels]`, padded by -1.
  """
  num_labels = len(is_frequent)
  label_hash = label_hashing.LabelHash.identity(num_labels)

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training  # Layers are the same in training and evaluation.
    return network.logits(model_weights[0], x)

  def loss(output, label, sample_weight=None):
    del sample_weight
    (labels,) = tf.unstack(label_hashing.hash_labels(label, label_hash))
    return tf.reduce_mean(
      label_hashing.BernoulliBuckets().cross_entropy(output, labels)
    )

  return tff.learning.models.FunctionalModel(
    initial_weights=(network.initial_weights(seed, num_labels), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=loss,
    metrics_fns=metrics_fns(
      is_frequent, lambda logits, k: tf.math.top_k(logits, k).indices
    ),
    input_spec=(
      network.input_spec,
      tf.TensorSpec([None, max_labels], tf.int32),
    ),
  )


def metrics_fns(
  is_frequent: np.ndarray,
  top_classes_fn: Callable[[tf.Tensor, int], tf.Tensor],
  other_top_classes_fns: Mapping[str, Callable[[tf.Tensor, int], tf.Tensor]]
  | None = None,
) -> tuple[Callable, Callable, Callable]:
  """Returns the `metrics_fns` of a `tff.learning.models.FunctionalModel`.

  The metrics are `loss`, `accuracy`, which is the precision at 1, those of
  `multi_label_metrics.precisions`, those of other rankings of the classes, as
  `NAME_precision_at_5`, and `num_examples`.

  Args:
    is_frequent: bool `[num_labels]`, mask of the frequent classes.
    top_classes_fn: Maps predictions and k to `int32[batch, k]`, labels of the
      highest scores in descending order.
    other_top_classes_fns: The same of other rankings, by their names.

  Returns:
    The functions `initialize`, `update` and `finalize`.
  """
  num_top = min(max(multi_label_metrics.KS), len(is_frequent))
  others = other_top_classes_fns or {}
  rankings = (top_classes_fn, *others.values())

  initialize_loss, update_loss, finalize_loss = label_hashing.loss_metrics_fns()

  @tf.function
  def initialize():
    return collections.OrderedDict(
      loss=initialize_loss(),
      hits=tf.zeros([len(rankings), 2, len(multi_label_metrics.KS)], tf.int64),
    )

  @tf.function
  def update(state, labels, batch_output, sample_weight=None):
    del sample_weight
    hits = [
      multi_label_metrics.count_hits(
        top_fn(batch_output.predictions, num_top),
        labels,
        tf.constant(is_frequent),
      )
      for top_fn in rankings
    ]
    return collections.OrderedDict(
      loss=update_loss(state['loss'], labels, batch_output),
      hits=state['hits'] + tf.stack(hits),
    )

  @tf.function
  def finalize(state):
    loss_metrics = finalize_loss(state['loss'])
    num_examples = loss_metrics['num_examples']
    values, *others_values = (
      multi_label_metrics.precisions(hits, num_examples)
      for hits in tf.unstack(state['hits'])
    )
    for name, other_values in zip(others, others_values, strict=True):
      for k in multi_label_metrics.KS:
        metric = f'precision_at_{k}'
        values[f'{name}_{metric}'] = other_values[metric]
    return collections.OrderedDict(
      loss=loss_metrics['loss'],
      accuracy=values['precision_at_1'],
      **values,
      num_examples=num_examples,
    )

  return initialize, update, finalize
