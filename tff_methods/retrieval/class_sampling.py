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
"""Sampling of the classes that a client requests: its own, and random others.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", section 3.3. The client's computation grows with the
number of candidates, not with that of classes.
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
  """Samples a client's candidates: its positive classes P, and negatives N.

  The negatives are uniform, without replacement, among the classes that are not
  positive, and fill up to `num_candidates`. If there are more positives than
  candidates, the candidates are a uniform sample of them, without replacement,
  and there are no negatives.

  Args:
    key: `int32[2]`, key of random choices.
    positives: `int[?]`, distinct, at least 0 and below `num_classes`.
    num_classes: Number of classes, the paper's `n`.
    num_candidates: Number of candidates, the paper's `|S|`; at most
      `num_classes`.
    with_negatives: If true, negatives fill up; otherwise padding does.

  Returns:
    `Candidates`. The logarithm of the probability of positives is 0 (even if
    they are a sample: the others have no part in this client's training), that
    of negatives is `log(|N| / (n - |P|))`.
  """
  order_key, negatives_key = seeds.fold_in(key, 0), seeds.fold_in(key, 1)
  positives = tf.cast(positives, tf.int32)
  positives = random_subset(order_key, positives, num_candidates)
  num_positives = tf.size(positives)
  if with_negatives:
    classes = append_random_classes(
      negatives_key, positives, num_classes, num_candidates
    )
  else:
    classes = tf.pad(
      positives,
      [[0, num_candidates - num_positives]],
      constant_values=candidates_lib.PADDING,
    )
  return build_candidates(
    classes, num_positives, num_positives, num_classes, num_candidates
  )


def build_candidates(
  classes: tf.Tensor,
  num_positives: tf.Tensor,
  num_certain: tf.Tensor,
  num_classes: int,
  num_candidates: int,
) -> candidates_lib.Candidates:
  """Returns candidates, with the probabilities of those sampled at random.

  Args:
    classes: `int32[num_candidates]`, distinct: the client's own classes, others
      that are certain to be candidates, and random ones or padding.
    num_positives: `int32[]`, number of the client's own classes.
    num_certain: `int32[]`, number of the classes that are not random, the
      client's own included.
    num_classes: Number of classes of the model.
    num_candidates: Number of elements of `classes`.

  Returns:
    `Candidates`.
  """
  classes = tf.ensure_shape(classes, [num_candidates])
  place = tf.range(num_candidates)
  probability = tf.cast(num_candidates - num_certain, tf.float32) / tf.cast(
    tf.maximum(num_classes - num_certain, 1), tf.float32
  )
  order = tf.argsort(classes)
  return candidates_lib.Candidates(
    keys=tf.gather(classes, order),
    log_probability=tf.gather(
      tf.where(place < num_certain, 0.0, tf.math.log(probability)), order
    ),
    is_positive=tf.gather(place < num_positives, order),
  )


def distinct_classes(
  classes: tf.Tensor,
  num_classes: int,
  *,
  noun: str = 'labels',
  noun_of_rows: str = 'classes',
) -> tf.Tensor:
  """Returns the distinct elements of `classes`, in order of appearance.

  Args:
    classes: `int[?]`. An element that is not a class raises an
      `InvalidArgumentError` at run time.
    num_classes: Number of classes of the model, or of rows of another table.
    noun: Noun of the elements in messages.
    noun_of_rows: Noun of what `num_classes` counts in messages.

  Returns:
    `int[?]`.
  """
  is_class = (classes >= 0) & (classes < num_classes)
  check = tf.debugging.Assert(
    tf.reduce_all(is_class),
    [
      f'Expected {noun} of at least 0 and below {num_classes}, the number of '
      f'{noun_of_rows} of the model, found',
      tf.boolean_mask(classes, ~is_class),
      f': leave such examples out, or make the model with more {noun_of_rows}.',
    ],
  )
  with tf.control_dependencies([check]):
    return tf.unique(classes).y


def random_subset(
  key: tf.Tensor, values: tf.Tensor, size: int | tf.Tensor
) -> tf.Tensor:
  """Returns `size` of the values in random order, or all if they are fewer.

  Args:
    key: `int32[2]`, key of random choices.
    values: `[?]`.
    size: Number of values to return.
  """
  order = tf.argsort(seeds.random_words(key, tf.size(values)), stable=True)
  return tf.gather(values, order[:size])


def append_random_classes(
  key: tf.Tensor, classes: tf.Tensor, num_classes: int, size: int
) -> tf.Tensor:
  """Appends distinct random classes until there are `size` in total.

  Args:
    key: `int32[2]`, key of random choices.
    classes: `int32[?]`, distinct.
    num_classes: Number of classes of the model.
    size: Number of classes to return, at most `num_classes`.

  Returns:
    `int32[size]`.
  """
  if 2 * size >= num_classes:
    # Many classes are taken: append all classes, in random order.
    words = seeds.random_words(key, num_classes)
    order = tf.argsort(words, stable=True)
    return tf.unique(tf.concat([classes, order], 0)).y[:size]

  # Sampling with replacement, of which only the first occurrence of each class
  # is kept, is sampling without replacement. One pass is nearly always enough.
  def draw(chosen, i):
    words = seeds.random_words(seeds.fold_in(key, i), 2 * size)
    words = tf.cast(tf.bitcast(words, tf.uint32), tf.uint64)
    # The high half of the product is uniform below the number of classes.
    drawn = tf.cast(
      tf.bitwise.right_shift(words * num_classes, tf.constant(32, tf.uint64)),
      tf.int32,
    )
    return tf.unique(tf.concat([chosen, drawn], 0)).y, i + 1

  chosen, _ = tf.while_loop(
    lambda chosen, _: tf.size(chosen) < size,
    draw,
    (classes, 0),
    shape_invariants=(tf.TensorShape([None]), tf.TensorShape([])),
  )
  return chosen[:size]
