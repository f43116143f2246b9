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
"""Which rows a client trains: its own, those that an index found, and others.

Xu et al. (2022), "Adaptive Sparse Federated Learning in Large Output Spaces via
Hashing", section 3.1: what was retrieved is cut, or filled up at random, to a
fixed number of rows.
"""

import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.models import candidates as candidates_lib
from tff_methods.retrieval import class_sampling
from tff_methods.retrieval import row_index


def select_candidates(
  key: tf.Tensor,
  held: candidates_lib.Candidates,
  scored: row_index.ScoredRows,
  num_classes: int,
  num_candidates: int,
  *,
  spare: tf.Tensor | None = None,
) -> candidates_lib.Candidates:
  """Adds the best rows of an index to the candidates that a client has.

  As many of the rows with the highest scores as there is room for, but for
  those that the client has, are added; where they are too few, others at
  random. Rows that are neither the client's own nor of the best are a uniform
  sample of all such rows, by which their probability is told.

  Args:
    key: `int32[2]`, of the random choices.
    held: The client's own rows, and others at random or padding, no more than
      `num_candidates`. All but the padding remain.
    scored: What the index found. Of equal scores the first counts as higher.
    num_classes: How many rows there are.
    num_candidates: How many the client trains.
    spare: `int32[?]`, distinct, rows at random that are taken before others.

  Returns:
    `Candidates`.
  """
  is_random = ~held.is_positive & tf.not_equal(
    held.keys, candidates_lib.PADDING
  )
  own = tf.boolean_mask(held.keys, held.is_positive)
  others = tf.boolean_mask(held.keys, is_random)
  order = tf.argsort(-scored.scores, stable=True)
  best = _difference(tf.gather(scored.ids, order), own)
  # A row that is held anyway takes no room.
  takes_room = tf.cast(~_is_in(best, others), tf.int32)
  room = num_candidates - tf.size(own) - tf.size(others)
  best = tf.boolean_mask(best, tf.cumsum(takes_room, exclusive=True) < room)
  certain = tf.concat([own, best], 0)
  random = _difference(others, best)
  if spare is not None:
    random = tf.unique(tf.concat([random, _difference(spare, certain)], 0)).y
  chosen = class_sampling.append_distinct(
    seeds.fold_in(key, 2),
    tf.concat([certain, random], 0),
    num_classes,
    num_candidates,
  )
  return class_sampling.certain_and_random(
    chosen, tf.size(own), tf.size(certain), num_classes, num_candidates
  )


def select_by_activation(
  key: tf.Tensor,
  held: candidates_lib.Candidates,
  retrieved: candidates_lib.Candidates,
  activations: tf.Tensor,
  num_classes: int,
  num_candidates: int,
) -> candidates_lib.Candidates:
  """Keeps some of the candidates whose rows a client retrieved.

  Those that were certain to be retrieved are now chosen by their activations.

  Args:
    key: As in `select_candidates`.
    held: As there.
    retrieved: What it returned, with more candidates.
    activations: `float32[?]`, of each of these.
    num_classes: As there.
    num_candidates: As there, now fewer.

  Returns:
    `Candidates` that are all among those retrieved.
  """
  is_random = retrieved.log_probability < 0
  is_found = ~(is_random | retrieved.is_positive)
  scored = row_index.ScoredRows(
    tf.boolean_mask(retrieved.keys, is_found),
    tf.boolean_mask(activations, is_found),
  )
  spare = tf.boolean_mask(retrieved.keys, is_random)
  # They are in ascending order, which is not random.
  order = class_sampling.first_of_shuffled(
    seeds.fold_in(key, 3), spare, tf.size(spare)
  )
  return select_candidates(
    key, held, scored, num_classes, num_candidates, spare=order
  )


def keys_to_ask_for(
  candidates: candidates_lib.Candidates,
  held: candidates_lib.Candidates,
  num_keys: int,
) -> tf.Tensor:
  """Returns the keys of candidates whose rows a client does not have yet.

  Args:
    candidates: All of them.
    held: Those that it has, all of which are among them.
    num_keys: How many are left.

  Returns:
    `int32[num_keys]`.
  """
  return tf.ensure_shape(_difference(candidates.keys, held.keys), [num_keys])


def _difference(x, y):
  return tf.boolean_mask(x, ~_is_in(x, y))


def _is_in(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
  """Returns which elements of `int32[?]` are among others."""
  # An end that is in neither, since there may be none.
  y = tf.sort(tf.concat([y, [tf.int32.max]], 0))
  return tf.equal(tf.gather(y, tf.searchsorted(y, x)), x)
