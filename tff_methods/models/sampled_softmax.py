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
"""Sampled softmax: a softmax over candidates that estimates that over classes.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", equations 3 to 8.
"""

import tensorflow as tf

from tff_methods.models import candidates as candidates_lib
from tff_methods.models import cross_entropy

# Far below any score, yet finite: minus infinity makes gradients NaN.
_LOWEST = -1e30


def adjust(
  scores: tf.Tensor, candidates: candidates_lib.Candidates
) -> tf.Tensor:
  """Returns logits whose partition sum is unbiased for that of all classes.

  Each class's exponential is divided by the probability that the class is among
  the candidates: `o'_j = o_j - log(pi_j)`. So the sum of `exp(o'_j)` over the
  candidates has the sum of `exp(o_j)` over all classes as its expectation. The
  paper's equation 3 has `m q_j` in the place of `pi_j`. Both are the same where
  `m` negatives are drawn uniformly without replacement from those `n - |P|`
  classes that the client does not hold: `m / (n - |P|)`. Positives are certain,
  so their scores are unchanged. With all classes as candidates this is the
  identity, and the loss is that of the full softmax.

  Args:
    scores: `float32[..., k]`.
    candidates: The `k` candidates. Padding gets a probability of 0.

  Returns:
    `float32[..., k]`.
  """
  return tf.where(
    tf.equal(candidates.keys, candidates_lib.PADDING),
    _LOWEST,
    scores - candidates.log_probability,
  )


def without_other_positives(
  logits: tf.Tensor, candidates: candidates_lib.Candidates, positions: tf.Tensor
) -> tf.Tensor:
  """Masks the client's classes other than the example's own (equation 7).

  Args:
    logits: `float32[..., k]`.
    candidates: The `k` candidates.
    positions: `int32[...]`, position of each example's class among them.

  Returns:
    `float32[..., k]`.
  """
  own = tf.one_hot(
    positions, tf.shape(logits)[-1], on_value=True, off_value=False
  )
  return tf.where(candidates.is_positive & ~own, _LOWEST, logits)


def candidate_cross_entropy(
  logits: tf.Tensor, positions: tf.Tensor, is_candidate: tf.Tensor
) -> tf.Tensor:
  """Returns each example's loss (equations 5 and 6).

  Args:
    logits: `float32[..., k]`.
    positions: `int32[...]`, position of each example's class among the
      candidates.
    is_candidate: `bool[...]`, false where the class is not a candidate.

  Returns:
    `float32[...]`, in nats; 0 where the class is not a candidate.
  """
  loss = cross_entropy.softmax_cross_entropy(positions, logits)
  return tf.where(is_candidate, loss, 0.0)
