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
"""What a client does that searches the server's index for rows."""

import dataclasses

import tensorflow as tf

from tff_methods import models
from tff_methods import retrieval
from tff_methods.common import argument_checks
from tff_methods.templates import row_distributor


@dataclasses.dataclass(frozen=True)
class RowBudget:
  """How many rows a client gets, and when.

  Attributes:
    trained: That it trains.
    own: Of these, those that it gets before it searches the index, where rows
      embed the input: of its data, filled up at random. It embeds its data with
      them. `None` where no rows are needed for that.
    retrieved: That it gets in all. Where these are more than `trained`, those
      of the largest activations are kept.
  """

  trained: int
  own: int | None = None
  retrieved: int | None = None

  def __post_init__(self) -> None:
    argument_checks.check_int('trained rows', self.trained, minimum=1)
    if self.own is not None:
      argument_checks.check_int('own rows', self.own, minimum=1)
      if self.own > self.trained:
        raise ValueError(
          f'Expected own rows of at most {self.trained}, those trained, found '
          f'{self.own}.'
        )
    if self.retrieved is not None:
      argument_checks.check_int('retrieved rows', self.retrieved)
      if self.retrieved < self.trained:
        raise ValueError(
          f'Expected retrieved rows of at least {self.trained}, those trained, '
          f'found {self.retrieved}.'
        )

  @property
  def num_requested(self) -> int:
    """The rows that it asks for after it searched the index."""
    return (self.retrieved or self.trained) - (self.own or 0)

  @property
  def num_retrieved(self) -> int:
    """The rows that it gets in all."""
    return self.retrieved or self.trained


@dataclasses.dataclass(frozen=True)
class IndexClient:
  """What a client does: functions to be called in TensorFlow computations."""

  row_model: models.RowModel
  index: retrieval.RowIndex
  budget: RowBudget
  corrects_loss: bool
  seed_source: str

  def __post_init__(self) -> None:
    _check_index(self.index)
    _check_similarity(self.row_model)
    _check_budget(self.row_model, self.budget)

  @property
  def num_held(self) -> int:
    """The candidates of `hold`."""
    return self.budget.own or self.budget.trained

  def hold(self, round_key, dataset):
    """Returns the client's key, and its own classes as candidates."""
    key, classes = row_distributor.key_and_classes(
      self.row_model, round_key, dataset, self.seed_source
    )
    return key, retrieval.sample_candidates(
      key,
      classes,
      self.row_model.num_classes,
      self.num_held,
      with_negatives=self.budget.own is not None,
    )

  def search(self, body, held_rows, held, dataset, guide):
    """Returns the vectors of its examples, and what it looks up."""
    trainable, non_trainable = body
    weights = (*trainable, held_rows), (*non_trainable, *held)
    size = self.row_model.row_size

    @tf.function
    def embed():
      vectors = tf.zeros([0, size])
      # A loop over the data set itself would run inside it, ten times as long.
      for batch in iter(dataset):
        tf.autograph.experimental.set_loop_options(
          shape_invariants=[(vectors, tf.TensorShape([None, size]))]
        )
        vectors = tf.concat(
          [vectors, self.row_model.example_vectors(weights, batch)], 0
        )
      return vectors

    vectors = embed()
    return vectors, self.index.query(guide, vectors)

  def choose(self, key, held, guide, vectors, queries, found):
    """Returns the candidates it wants, and the keys of those it lacks."""
    # What pads queries got the entry of another key.
    found = tf.where(queries.keys[:, tf.newaxis] >= 0, found, -1)
    scored = self.index.score(guide, vectors, queries.hits, found)
    wanted = retrieval.select_candidates(
      key,
      held,
      scored,
      self.row_model.num_classes,
      self.budget.num_retrieved,
    )
    lacking = wanted.keys
    if self.budget.own is not None:
      lacking = retrieval.keys_to_ask_for(
        wanted, held, self.budget.num_requested
      )
    return wanted, lacking

  def keep(self, key, held, held_rows, vectors, wanted, lacking, rows):
    """Returns the candidates that it trains, and their rows."""
    if self.budget.own is not None:
      order = tf.argsort(tf.concat([held.keys, lacking], 0))
      rows = tf.gather(tf.concat([held_rows, rows], 0), order)
    if self.budget.num_retrieved == self.budget.trained:
      return wanted, rows
    kept = retrieval.select_by_activation(
      key,
      held,
      wanted,
      retrieval.largest_inner_products(
        vectors, self.row_model.row_vectors(rows)
      ),
      self.row_model.num_classes,
      self.budget.trained,
    )
    positions, _ = wanted.positions(kept.keys)
    return kept, tf.gather(rows, positions)


def _check_index(index) -> None:
  """Raises `TypeError` unless `index` is a `retrieval.RowIndex`."""
  is_class = isinstance(index, type)
  if is_class or not isinstance(index, retrieval.RowIndex):
    found = index.__name__ if is_class else repr(index)
    raise TypeError(
      f'Expected a RowIndex, found {found}: make one with retrieval.SimHash().'
    )


def _check_similarity(row_model) -> None:
  """Raises `TypeError` unless an index can search by the similarity."""
  names = ('embedding_vectors', 'row_vectors')
  if not all(hasattr(row_model.similarity, name) for name in names):
    raise TypeError(
      f'Expected a similarity with {" and ".join(names)}, by which an index '
      f'is searched, found {row_model.similarity}: see models.Similarity.'
    )


def _check_budget(row_model, budget: RowBudget) -> None:
  """Raises `ValueError` unless the budget fits the model."""
  row_model.check_num_rows('trained rows', budget.trained)
  row_model.check_num_rows('retrieved rows', budget.num_retrieved)
  if row_model.rows_embed_input and budget.own is None:
    raise ValueError(
      'Expected own rows in the budget where rows embed the input, found none: '
      'a client needs them before it can search.'
    )
  if budget.own is not None and not row_model.rows_embed_input:
    raise ValueError(
      'Expected no own rows in the budget where rows do not embed the input, '
      f'found {budget.own}: leave them out.'
    )
