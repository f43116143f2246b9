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
"""Model from a bag of ids to an item, with tables on both sides.

The ids are embedded by the rows of an input table, and the items are scored by
the rows of the output, so that a client needs few rows of each. Initial weights
follow from a seed alone.
"""

import collections
from collections.abc import Callable
import math

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks.text import text_bodies
from tff_methods import models

WEIGHT_NAMES = ('bias', 'kernel', 'output_bias', 'input_rows', 'rows')
# Name of the input table.
INPUT_TABLE = 'ids'
PADDING = -1

_RECALL_AT = (5, 10, 50)
_NDCG_AT = 50
# Below any score, and finite.
_LOWEST = -1e30


def input_spec() -> tuple[dict[str, tf.TensorSpec], tf.TensorSpec]:
  """Returns the specs of a batch: bags with weights of their ids, and items."""
  x = {
    'ids': tf.TensorSpec([None, None], tf.int32),
    'weights': tf.TensorSpec([None, None], tf.float32),
  }
  return x, tf.TensorSpec([None], tf.int32)


def bag_inputs(ids: tf.Tensor) -> dict[str, tf.Tensor]:
  """Returns the input of the model.

  Args:
    ids: int64 `[batch, width]`, padded by `PADDING`.

  Returns:
    A batch of the `input_spec`: the weights of a bag have a norm of 1.
  """
  is_id = tf.cast(ids >= 0, tf.float32)
  count = tf.reduce_sum(is_id, axis=1, keepdims=True)
  weights = is_id * tf.math.rsqrt(tf.maximum(count, 1.0))
  return {'ids': tf.cast(ids, tf.int32), 'weights': weights}


def row_model(
  seed: int, num_ids: int, num_items: int, dimension: int
) -> models.RowModel:
  """Builds the model: a bag's weighted sum of rows, ReLU, and a dense layer.

  Args:
    seed: Seed of the initial weights.
    num_ids: Number of ids, the rows of the input table.
    num_items: Number of items, the rows of the output.
    dimension: Size of the rows, without the bias of those of the output.

  Returns:
    A `RowModel`.
  """
  rng = np.random.default_rng(seed)
  limit = math.sqrt(3 / dimension)
  body = (
    np.zeros(dimension, np.float32),
    rng.uniform(-limit, limit, 2 * [dimension]).astype(np.float32),
    np.zeros(dimension, np.float32),
  )

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training  # Layers are the same in training and evaluation.
    bias, kernel, output_bias = model_weights[0]
    bag = tf.einsum('bid,bi->bd', x['ids'], x['weights'])
    return tf.nn.relu(bag + bias) @ kernel + output_bias

  def loss(output, label, sample_weight=None):
    raise NotImplementedError(
      'Expected a body inside of a row model, found one to train by itself: '
      'use `models.RowModel`.'
    )

  x, y = input_spec()
  rows_spec = tf.TensorSpec([None, None, dimension], tf.float32)
  return models.RowModel(
    tff.learning.models.FunctionalModel(
      initial_weights=(body, ()),
      predict_on_batch_fn=predict_on_batch,
      loss_fn=loss,
      input_spec=({**x, 'ids': rows_spec}, y),
    ),
    text_bodies.normal_rows(rng, [num_items, dimension]),
    biases=np.zeros(num_items, np.float32),
    input_tables={
      INPUT_TABLE: models.InputTable(
        text_bodies.normal_rows(rng, [num_ids, dimension]), 'ids'
      )
    },
    input_spec=(x, y),
  )


def ranking_model(
  model: models.RowModel, *, is_item: bool
) -> tff.learning.models.FunctionalModel:
  """Returns the model with all rows, and metrics of a ranking.

  The metrics are `loss`; `accuracy`; `recall_at_k`, the fraction of examples
  whose item is among the k highest scores; `ndcg_at_50`, the mean of 1 /
  log2(1 + rank), 0 beyond rank 50; and `num_examples`. An item's rank is one
  plus the number of other items whose score is not below its own: items of
  equal scores come before it, and an item with a score of NaN is the last.

  Args:
    model: Model of bags.
    is_item: If true, ids are items, and those of a bag are not predicted in
      evaluation: their scores are lower than all others.
  """
  full = model.full_model()

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    logits = full.predict_on_batch(model_weights, x, training)
    if training or not is_item:
      return logits
    return exclude_bags(logits, x['ids'])

  return tff.learning.models.FunctionalModel(
    initial_weights=full.initial_weights,
    predict_on_batch_fn=predict_on_batch,
    loss_fn=full.loss,
    metrics_fns=ranking_metrics_fns(),
    input_spec=full.input_spec,
  )


def exclude_bags(scores: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
  """Returns scores in which the items of a bag are lower than all others.

  Args:
    scores: `float32[batch, num_items]`.
    ids: Items of the bags, `int32[batch, width]`, padded by `PADDING`.
  """
  places = tf.where(ids >= 0)
  items = tf.cast(tf.gather_nd(ids, places), tf.int64)
  return tf.tensor_scatter_nd_update(
    scores,
    tf.stack([places[:, 0], items], axis=1),
    tf.fill(tf.shape(items), _LOWEST),
  )


def ranking_metrics_fns() -> tuple[Callable, Callable, Callable]:
  """Returns the functions `initialize`, `update` and `finalize` of metrics.

  Their metrics are those of `ranking_model`.
  """
  recalls = [f'recall_at_{k}' for k in _RECALL_AT]
  names = ['loss', 'accuracy', *recalls, f'ndcg_at_{_NDCG_AT}']

  @tf.function
  def initialize():
    return collections.OrderedDict(
      sums=tf.zeros([len(names)], tf.float64),
      num_examples=tf.constant(0, tf.int64),
    )

  @tf.function
  def update(state, labels, batch_output, sample_weight=None):
    if sample_weight is not None:
      raise ValueError(
        'Expected no sample_weight with bags, found one: leave it out, since '
        'all examples weigh the same.'
      )
    logits = batch_output.predictions
    own = tf.gather(logits, labels, axis=1, batch_dims=1)
    # No item is below NaN. (TensorFlow's graphs take `~(x < y)` for `x >= y`,
    # which is false for NaN.)
    num_below = tf.reduce_sum(
      tf.cast(logits < own[:, tf.newaxis], tf.int32), axis=1
    )
    rank = tf.shape(logits)[1] - num_below
    gain = math.log(2) / tf.math.log(1.0 + tf.cast(rank, tf.float32))
    values = [
      models.softmax_cross_entropy(labels, logits),
      *(tf.cast(rank <= k, tf.float32) for k in (1, *_RECALL_AT)),
      tf.where(rank <= _NDCG_AT, gain, 0.0),
    ]
    added = tf.reduce_sum(tf.cast(tf.stack(values), tf.float64), axis=1)
    return collections.OrderedDict(
      sums=state['sums'] + added,
      num_examples=state['num_examples'] + tf.size(labels, tf.int64),
    )

  @tf.function
  def finalize(state):
    means = tf.math.divide_no_nan(
      state['sums'], tf.cast(state['num_examples'], tf.float64)
    )
    means = tf.unstack(tf.cast(means, tf.float32), len(names))
    return collections.OrderedDict(
      **dict(zip(names, means, strict=True)),
      num_examples=state['num_examples'],
    )

  return initialize, update, finalize
