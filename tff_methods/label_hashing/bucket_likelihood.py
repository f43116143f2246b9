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
      bucket_labels: `int32[..., L]`, distinct buckets and `PADDING`, from
        `hash_labels`.

    Returns:
      `float32[...]`, in nats.
    """


@dataclasses.dataclass(frozen=True)
class BernoulliBuckets:
  """Independent Bernoulli label of each bucket.

  For examples with any number of labels, as in extreme classification. The
  paper only states that bucket labels are the targets of its loss. The authors'
  code takes this loss, as a mean over buckets. Here it is the sum over buckets,
  the negative log-likelihood of the example: B times as large, so that rates of
  SGD need not grow with the number of buckets; Adam's steps are nearly the
  same. A loss of almost 0 may be slightly negative, by rounding.
  """

  def log_probabilities(self, logits: tf.Tensor) -> tf.Tensor:
    """See `BucketLikelihood`."""
    return tf.math.log_sigmoid(logits)

  def cross_entropy(
    self, logits: tf.Tensor, bucket_labels: tf.Tensor
  ) -> tf.Tensor:
    """See `BucketLikelihood`."""
    # Negative buckets have softplus(x), positive ones softplus(x) - x. The
    # latter are few: gathering them takes less time than masking all.
    return tf.reduce_sum(tf.math.softplus(logits), axis=-1) - tf.reduce_sum(
      _gather(logits, bucket_labels), axis=-1
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
    losses = -_gather(self.log_probabilities(logits), bucket_labels)
    is_label = tf.not_equal(bucket_labels, bucket_labels_lib.PADDING)
    return tf.math.divide_no_nan(
      tf.reduce_sum(losses, axis=-1),
      tf.reduce_sum(tf.cast(is_label, losses.dtype), axis=-1),
    )


def _gather(values: tf.Tensor, bucket_labels: tf.Tensor) -> tf.Tensor:
  """Gathers `values[..., B]` at `bucket_labels[..., L]`; padding yields 0."""
  gathered = tf.gather(
    values,
    tf.maximum(bucket_labels, 0),
    batch_dims=bucket_labels.shape.rank - 1,
  )
  is_label = tf.not_equal(bucket_labels, bucket_labels_lib.PADDING)
  return tf.where(is_label, gathered, tf.zeros_like(gathered))
