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
"""Which classes a client asks for: its own, and random others.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", section 3.3. What a client computes here grows with
the number of candidates, not with that of classes.
"""

import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.models import candidates as candidates_lib


def sample_candidates(
  key: tf.Tensor,
  positives: tf.Tensor,
  num_classes: int,
  num_candidates: int,
  *,
  with_negatives: bool = True,
) -> candidates_lib.Candidates:
  """Draws the candidates of a client: its classes P, and negatives N.

  The negatives are uniform, without replacement, among the classes that are not
  positive. They fill up to `num_candidates`. Where there are more positives
  than that, as many of them are drawn uniformly, without replacement, and there
  are no negatives.

  Args:
    key: `int32[2]`, of the random choices.
    positives: `int[?]`, distinct, at least 0 and below `num_classes`.
    num_classes: The paper's `n`.
    num_candidates: The paper's `|S|`, at most `num_classes`.
    with_negatives: Whether there are any; else padding fills up.

  Returns:
    `Candidates`, of positives with a logarithm of probability of 0 (even where
    not all of them fit: the others have no part in this client's training) and
    of negatives with `log(|N| / (n - |P|))`.
  """
  order_key, negatives_key = seeds.fold_in(key, 0), seeds.fold_in(key, 1)
  positives = tf.cast(positives, tf.int32)
  positives = first_of_shuffled(order_key, positives, num_candidates)
  num_positives = tf.size(positives)
  if with_negatives:
    chosen = append_distinct(
      negatives_key, positives, num_classes, num_candidates
    )
  else:
    chosen = tf.pad(
      positives,
      [[0, num_candidates - num_positives]],
      constant_values=candidates_lib.PADDING,
    )
  return certain_and_random(
    chosen, num_positives, num_positives, num_classes, num_candidates
  )


def certain_and_random(
  chosen: tf.Tensor,
  num_positives: tf.Tensor,
  num_certain: tf.Tensor,
  num_classes: int,
  num_candidates: int,
) -> candidates_lib.Candidates:
  """Makes candidates of classes of which the first are not random.

  Args:
    chosen: `int32[num_candidates]`, distinct: the client's own classes, others
      that are certain, and others at random, or padding.
    num_positives: How many are the client's own.
    num_certain: How many are certain, with these.
    num_classes: Of the model.
    num_candidates: As many as `chosen` has.

  Returns:
    `Candidates`.
  """
  chosen = tf.ensure_shape(chosen, [num_candidates])
  place = tf.range(num_candidates)
  probability = tf.cast(num_candidates - num_certain, tf.float32) / tf.cast(
    tf.maximum(num_classes - num_certain, 1), tf.float32
  )
  order = tf.argsort(chosen)
  return candidates_lib.Candidates(
    keys=tf.gather(chosen, order),
    log_probability=tf.gather(
      tf.where(place < num_certain, 0.0, tf.math.log(probability)), order
    ),
    is_positive=tf.gather(place < num_positives, order),
  )


def distinct_classes(classes: tf.Tensor, num_classes: int) -> tf.Tensor:
  """Returns the distinct elements of `int[?]`, in their order.

  An element that is no class is an `InvalidArgumentError` when run.
  """
  is_class = (classes >= 0) & (classes < num_classes)
  check = tf.debugging.Assert(
    tf.reduce_all(is_class),
    [
      f'Expected labels of at least 0 and below {num_classes}, the number of '
      'classes of the model, found',
      tf.boolean_mask(classes, ~is_class),
      ': leave such examples out, or make the model with more classes.',
    ],
  )
  with tf.control_dependencies([check]):
    return tf.unique(classes).y


def first_of_shuffled(key, values, size):
  """Returns `size` of the values at random, all of them if there are fewer."""
  order = tf.argsort(seeds.random_words(key, tf.size(values)), stable=True)
  return tf.gather(values, order[:size])


def append_distinct(key, first, num_classes, size):
  """Returns `first`, then distinct other classes at random, `size` in all."""
  if 2 * size >= num_classes:
    # Of all classes in random order, for there are few that are not taken.
    words = seeds.random_words(key, num_classes)
    return tf.unique(tf.concat([first, tf.argsort(words, stable=True)], 0)).y[
      :size
    ]

  # Drawing again what was drawn before, and keeping only the first of each, is
  # drawing without replacement. One pass is nearly always enough.
  def draw(chosen, i):
    words = seeds.random_words(seeds.fold_in(key, i), 2 * size)
    words = tf.cast(tf.bitcast(words, tf.uint32), tf.uint64)
    # The high half of the product: below the number of classes.
    drawn = tf.cast(
      tf.bitwise.right_shift(words * num_classes, tf.constant(32, tf.uint64)),
      tf.int32,
    )
    return tf.unique(tf.concat([chosen, drawn], 0)).y, i + 1

  chosen, _ = tf.while_loop(
    lambda chosen, _: tf.size(chosen) < size,
    draw,
    (first, 0),
    shape_invariants=(tf.TensorShape([None]), tf.TensorShape([])),
  )
  return chosen[:size]
