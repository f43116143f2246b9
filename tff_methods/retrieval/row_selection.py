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
"""Selection of the rows that a client trains: its own, found, and random ones.

Xu et al. (2022), "Adaptive Sparse Federated Learning in Large Output Spaces via
Hashing", section 3.1: the retrieved rows are cut, or filled up at random, to a
fixed number of rows.
"""

import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.models import candidates as candidates_lib
from tff_methods.retrieval import class_sampling
from tff_methods.retrieval import row_index


def select_candidates(
  key: tf.Tensor,
  own_candidates: candidates_lib.Candidates,
  scored: row_index.ScoredRows,
  num_classes: int,
  num_candidates: int,
  *,
  deferred_classes: tf.Tensor | None = None,
  random_rows: tf.Tensor | None = None,
) -> candidates_lib.Candidates:
  """Adds the rows of highest score to the candidates that a client has.

  The client's deferred classes take the first free places, and the found rows
  the next ones, in the order of their scores, without those that the client has
  already. Random rows take the places that are left.
  All rows that are neither the client's own nor among the best are then a
  uniform sample of such rows, which determines their probability.

  Args:
    key: `int32[2]`, key of random choices.
    own_candidates: The client's own rows, and random ones or padding; at most
      `num_candidates`. All but the padding remain.
    scored: Rows that the index found. Of equal scores, the first counts as
      higher.
    num_classes: Number of rows of the model.
    num_candidates: Number of rows to select.
    deferred_classes: `int32[?]`, result of `defer_classes`; by default none.
    random_rows: `int32[?]`, distinct random rows that are taken before others
      are drawn; by default none.

  Returns:
    `Candidates`.
  """
  is_random = ~own_candidates.is_positive & tf.not_equal(
    own_candidates.keys, candidates_lib.PADDING
  )
  own = tf.boolean_mask(own_candidates.keys, own_candidates.is_positive)
  if deferred_classes is not None:
    is_class = tf.not_equal(deferred_classes, candidates_lib.PADDING)
    own = tf.concat([own, tf.boolean_mask(deferred_classes, is_class)], 0)
  others = tf.boolean_mask(own_candidates.keys, is_random)
  order = tf.argsort(-scored.scores, stable=True)
  best = _difference(tf.gather(scored.ids, order), own)
  # A random row that is also found takes no further place.
  takes_place = tf.cast(~_is_in(best, others), tf.int32)
  num_free = num_candidates - tf.size(own) - tf.size(others)
  best = tf.boolean_mask(
    best, tf.cumsum(takes_place, exclusive=True) < num_free
  )
  certain = tf.concat([own, best], 0)
  random = _difference(others, best)
  if random_rows is not None:
    random = tf.unique(
      tf.concat([random, _difference(random_rows, certain)], 0)
    ).y
  classes = class_sampling.append_random_classes(
    seeds.fold_in(key, 2),
    tf.concat([certain, random], 0),
    num_classes,
    num_candidates,
  )
  return class_sampling.build_candidates(
    classes, tf.size(own), tf.size(certain), num_classes, num_candidates
  )


def defer_classes(
  key: tf.Tensor,
  classes: tf.Tensor,
  own_candidates: candidates_lib.Candidates,
  num_deferred: int,
) -> tf.Tensor:
  """Returns the own classes of a client that are not candidates yet.

  Args:
    key: `int32[2]`, key of random choices.
    classes: `int[?]`, distinct, all classes of the client.
    own_candidates: Candidates whose rows the client receives first. If classes
      are left, all of them are own classes.
    num_deferred: Number of classes to return.

  Returns:
    `int32[num_deferred]`: a uniform sample of the other classes if they are
    more, and otherwise all of them and padding.
  """
  others = class_sampling.random_subset(
    seeds.fold_in(key, 4),
    _difference(tf.cast(classes, tf.int32), own_candidates.keys),
    num_deferred,
  )
  padded = tf.pad(
    others,
    [[0, num_deferred - tf.size(others)]],
    constant_values=candidates_lib.PADDING,
  )
  return tf.ensure_shape(padded, [num_deferred])


def select_by_activation(
  key: tf.Tensor,
  own_candidates: candidates_lib.Candidates,
  retrieved: candidates_lib.Candidates,
  activations: tf.Tensor,
  num_classes: int,
  num_candidates: int,
  *,
  deferred_classes: tf.Tensor | None = None,
) -> candidates_lib.Candidates:
  """Selects the candidates to train from those whose rows a client retrieved.

  Rows that were found by the index compete by their activations.

  Args:
    key: `int32[2]`, key of random choices.
    own_candidates: The client's own rows, and random ones or padding, as given
      to `select_candidates`.
    retrieved: Result of `select_candidates`, with more candidates.
    activations: `float32[?]`, of each of `retrieved`.
    num_classes: Number of rows of the model.
    num_candidates: Number of rows to select, fewer than `retrieved`.
    deferred_classes: As given to `select_candidates`.

  Returns:
    `Candidates`, a subset of `retrieved`.
  """
  is_random = retrieved.log_probability < 0
  is_found = ~(is_random | retrieved.is_positive)
  scored = row_index.ScoredRows(
    tf.boolean_mask(retrieved.keys, is_found),
    tf.boolean_mask(activations, is_found),
  )
  random_rows = tf.boolean_mask(retrieved.keys, is_random)
  # Shuffled, since keys are in ascending order.
  random_rows = class_sampling.random_subset(
    seeds.fold_in(key, 3), random_rows, tf.size(random_rows)
  )
  return select_candidates(
    key,
    own_candidates,
    scored,
    num_classes,
    num_candidates,
    deferred_classes=deferred_classes,
    random_rows=random_rows,
  )


def requested_keys(
  candidates: candidates_lib.Candidates,
  own_candidates: candidates_lib.Candidates,
  num_keys: int,
) -> tf.Tensor:
  """Returns the keys of candidates whose rows a client does not have yet.

  Args:
    candidates: All candidates.
    own_candidates: Those whose rows the client has, a subset of `candidates`.
    num_keys: Number of the others.

  Returns:
    `int32[num_keys]`.
  """
  keys = _difference(candidates.keys, own_candidates.keys)
  return tf.ensure_shape(keys, [num_keys])


def _difference(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
  """Returns the elements of `int32[?]` that are not among others."""
  return tf.boolean_mask(x, ~_is_in(x, y))


def _is_in(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
  """Returns the mask of elements of `int32[?]` that are among others."""
  # The sentinel, which is no key, keeps an empty `y` searchable.
  y = tf.sort(tf.concat([y, [tf.int32.max]], 0))
  return tf.equal(tf.gather(y, tf.searchsorted(y, x)), x)
