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
"""Precision at 1, 3 and 5, overall and by class frequency.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 6,
"Performance metrics".
"""

import collections

import tensorflow as tf

KS = (1, 3, 5)
_PREFIXES = ('frequent_', 'infrequent_')


def count_hits(
  top_classes: tf.Tensor, labels: tf.Tensor, is_frequent: tf.Tensor
) -> tf.Tensor:
  """Counts the labels among the top 1, 3 and 5 classes of examples.

  The counts of batches add up to those of all examples.

  Args:
    top_classes: `int32[batch, 5]`, classes of the highest scores in descending
      order; fewer than 5 if there are fewer classes.
    labels: `int32[batch, L]`, labels in any order, padded by -1.
    is_frequent: `bool[num_classes]`, mask of the frequent classes.

  Returns:
    `int64[2, 3]`, counts of frequent and infrequent classes at 1, 3 and 5.
  """
  is_hit = tf.reduce_any(
    tf.equal(top_classes[:, :, tf.newaxis], labels[:, tf.newaxis, :]), axis=2
  )
  of_frequent = tf.gather(is_frequent, top_classes)
  split = tf.stack([is_hit & of_frequent, is_hit & ~of_frequent])
  by_rank = tf.reduce_sum(tf.cast(split, tf.int64), axis=1)
  return tf.stack([tf.reduce_sum(by_rank[:, :k], axis=1) for k in KS], axis=1)


def precisions(
  hits: tf.Tensor, num_examples: tf.Tensor
) -> collections.OrderedDict[str, tf.Tensor]:
  """Returns the precisions at k, which the paper calls top-k accuracies.

  `sum_i |P_k(x_i) & S(x_i)| / (N k)`, where `P_k(x_i)` are the k classes of the
  highest scores of example i and `S(x_i)` its labels; and the same restricted
  to the frequent, and to the infrequent, classes of `S(x_i)`. The latter two
  add up to the first, and an example of fewer than k labels does not reach 1.
  (This is the formula of the paper. The code of its authors divides by the
  number of labels if that is less than k.)

  Args:
    hits: `int64[2, 3]`, sum of the results of `count_hits`.
    num_examples: `int64[]`, N, including examples without labels.

  Returns:
    `precision_at_1`, `frequent_precision_at_1`, `infrequent_precision_at_1`,
    then the same at 3 and at 5, and `mean_precision`, the mean of the three
    overall precisions, by which the paper selects the best round. All are
    `float32[]`, and 0 without examples.
  """
  values = collections.OrderedDict()
  for i, k in enumerate(KS):
    total = tf.cast(k * num_examples, tf.float32)
    parts = [tf.cast(hits[j, i], tf.float32) for j in range(len(_PREFIXES))]
    named = zip(('', *_PREFIXES), (sum(parts), *parts), strict=True)
    for prefix, part in named:
      values[f'{prefix}precision_at_{k}'] = tf.math.divide_no_nan(part, total)
  values['mean_precision'] = tf.add_n(
    [values[f'precision_at_{k}'] for k in KS]
  ) / len(KS)
  return values
