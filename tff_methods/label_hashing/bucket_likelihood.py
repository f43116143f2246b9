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
"""Likelihoods of bucket labels, given the logits of buckets.

Each table has its own model, so the loss of an example is the sum over tables.
Here tables are one of the leading axes.
"""

import dataclasses
from typing import Protocol

import tensorflow as tf

from tff_methods.label_hashing import bucket_labels as bucket_labels_lib


class BucketLikelihood(Protocol):
  """Distribution of bucket labels: log-probabilities, and the loss."""

  def log_probabilities(self, logits: tf.Tensor) -> tf.Tensor:
    """Maps logits `float32[..., B]` to log-probabilities `float32[..., B]`."""

  def cross_entropy(
    self, logits: tf.Tensor, bucket_labels: tf.Tensor
  ) -> tf.Tensor:
    """Returns the loss of each example and table.

    Args:
      logits: `float32[..., B]`.
      bucket_labels: `int32[..., L]`, from `hash_labels`.

    Returns:
      `float32[...]`, in nats.
    """


@dataclasses.dataclass(frozen=True)
class BernoulliBuckets:
  """Independent Bernoulli label of each bucket.

  For examples with any number of labels, as in extreme classification. The
  paper only states that bucket labels are the targets of its loss. The authors'
  code takes this loss, as a mean over buckets. Here it is the sum over buckets,
  the negative log-likelihood of the example: its gradient does not fade as the
  number of buckets grows.
  """

  def log_probabilities(self, logits: tf.Tensor) -> tf.Tensor:
    """See `BucketLikelihood`."""
    return tf.math.log_sigmoid(logits)

  def cross_entropy(
    self, logits: tf.Tensor, bucket_labels: tf.Tensor
  ) -> tf.Tensor:
    """See `BucketLikelihood`."""
    is_positive = _multi_hot(bucket_labels, tf.shape(logits))
    # -log(sigmoid(x)) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x):
    # neither is a difference of large numbers.
    return tf.reduce_sum(
      tf.math.softplus(tf.where(is_positive, -logits, logits)), axis=-1
    )


@dataclasses.dataclass(frozen=True)
class CategoricalBuckets:
  """Mutually exclusive buckets: a softmax.

  For examples with one label each, as Theorem 2 of the paper assumes. With more
  labels, each positive bucket gets an equal share of the target; without any,
  the loss is 0.
  """

  def log_probabilities(self, logits: tf.Tensor) -> tf.Tensor:
    """See `BucketLikelihood`."""
    return tf.nn.log_softmax(logits)

  def cross_entropy(
    self, logits: tf.Tensor, bucket_labels: tf.Tensor
  ) -> tf.Tensor:
    """See `BucketLikelihood`."""
    is_label = tf.not_equal(bucket_labels, bucket_labels_lib.PADDING)
    losses = -tf.gather(
      self.log_probabilities(logits),
      tf.maximum(bucket_labels, 0),
      batch_dims=bucket_labels.shape.rank - 1,
    )
    return tf.math.divide_no_nan(
      tf.reduce_sum(tf.where(is_label, losses, 0.0), axis=-1),
      tf.reduce_sum(tf.cast(is_label, losses.dtype), axis=-1),
    )


def _multi_hot(bucket_labels: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
  """Returns the mask `[..., B]` of the buckets in `[..., L]`."""
  labels = tf.reshape(bucket_labels, [-1, tf.shape(bucket_labels)[-1]])
  positions = tf.where(tf.not_equal(labels, bucket_labels_lib.PADDING))
  rows = tf.cast(positions[:, 0], tf.int32)
  flat = rows * shape[-1] + tf.gather_nd(labels, positions)
  is_positive = tf.tensor_scatter_nd_update(
    tf.zeros([tf.reduce_prod(shape)], tf.bool),
    flat[:, tf.newaxis],
    tf.ones_like(flat, tf.bool),
  )
  return tf.reshape(is_positive, shape)
