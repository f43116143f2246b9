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
"""Cross-entropy of a softmax over many classes, fast on CPUs."""

import tensorflow as tf


def softmax_cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
  """Returns the cross-entropy of labels under a softmax of logits.

  The result is that of `tf.nn.sparse_softmax_cross_entropy_with_logits`.
  TensorFlow computes the loss and its gradient in one op, whose exponentials
  take most of the time of training a large output layer. Here the vectorized
  exponentials of `tf.nn.softmax` are computed once for both: see
  `programs.bench --part=cross_entropy`.

  The largest probability is `p = 1 / sum_j exp(o_j - max(o))`, so `log sum_j
  exp(o_j) = max(o) - log(p)`; `p` is at least `1 / k` for any logits.

  Args:
    labels: `int32[...]` or `int64[...]`, in `[0, k)`.
    logits: `float32[..., k]`.

  Returns:
    `float32[...]`, in nats.
  """
  return _softmax_cross_entropy(logits, labels)


@tf.custom_gradient
def _softmax_cross_entropy(logits, labels):
  probabilities = tf.nn.softmax(logits)
  largest = tf.reduce_max(probabilities, axis=-1)
  own = tf.gather(logits, labels, axis=-1, batch_dims=len(labels.shape))
  loss = tf.reduce_max(logits, axis=-1) - tf.math.log(largest) - own

  def gradient(upstream):
    is_own = tf.one_hot(labels, tf.shape(logits)[-1], dtype=logits.dtype)
    return (probabilities - is_own) * upstream[..., tf.newaxis], None

  return loss, gradient
