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
"""Client steps of the search for rows in the server's index."""

import dataclasses
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models
from tff_methods import retrieval
from tff_methods.common import argument_checks
from tff_methods.templates import row_distributor


@dataclasses.dataclass(frozen=True)
class RowBudget:
  """Numbers of rows that a client receives and trains.

  Attributes:
    trained: Number of rows that the client trains.
    own: Number of these that it receives before it searches the index, where
      rows embed the input: the rows of its data, filled up with random ones. It
      embeds its data with them. `None` where embedding needs no rows.
    retrieved: Number of rows that it receives in total; by default `trained`.
      If larger, those of the largest activations are trained.

  Raises:
    TypeError: If a number is not an int.
    ValueError: If a number is below 1, `own` above `trained`, or `retrieved`
      below it.
  """

  trained: int
  own: int | None = None
  retrieved: int | None = None

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
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
  def num_retrieved(self) -> int:
    """The number of rows that a client receives in total."""
    return self.retrieved or self.trained

  @property
  def num_requested(self) -> int:
    """The number of rows that a client requests after its search."""
    return self.num_retrieved - (self.own or 0)


class OwnClasses(NamedTuple):
  """Classes of a client's data, as many as it trains.

  Attributes:
    candidates: Classes whose rows the client receives before it searches, and
      random ones or padding.
    deferred: `int32[trained - candidates]`, classes whose rows it requests
      after its search, before any other; padding if they are fewer.
    num_missing: `int64[]`, number of its classes beyond those, without a row.
  """

  candidates: models.Candidates
  deferred: tf.Tensor
  num_missing: tf.Tensor


@dataclasses.dataclass(frozen=True)
class IndexClient:
  """Steps of a client, to be called inside TensorFlow computations.

  1.  `own_classes`: the classes of its data. Where rows embed the input, it
      then receives the rows of their candidates, the `own_rows`.
  2.  `search`: embeds its data, and makes the queries of the index. It then
      receives the entries of its queries.
  3.  `choose`: scores rows, and selects its candidates. It then receives the
      rows of the `requested_keys`.
  4.  `trained_rows`: of all rows that it received, those that it trains.

  Attributes:
    row_model: Model of the server.
    index: Index of the server's rows.
    budget: Numbers of rows.
    corrects_loss: If true, random rows are weighted to represent all rows that
      the client does not have, in its loss.
    seed_source: Source of the client's random choices, one of
      `options.SEED_SOURCES`.

  Raises:
    TypeError: If `index` is not a `retrieval.RowIndex`, or the similarity of
      the model has no vectors.
    ValueError: If the budget does not fit the model.
  """

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
  def num_own_candidates(self) -> int:
    """The number of candidates among the `own_classes`."""
    return self.budget.own or self.budget.trained

  @property
  def _num_deferred(self) -> int:
    return self.budget.trained - self.num_own_candidates

  @property
  def own_type(self) -> tff.Type:
    """The type of the `own_classes`."""
    return tff.types.tensorflow_to_type(
      OwnClasses(
        models.Candidates.spec(self.num_own_candidates),
        tf.TensorSpec([self._num_deferred], tf.int32),
        tf.TensorSpec([], tf.int64),
      )
    )

  def own_classes(
    self, round_key: tf.Tensor, dataset: tf.data.Dataset
  ) -> tuple[tf.Tensor, OwnClasses]:
    """Returns the client's key, and its own classes.

    Random classes fill up if their rows are received; otherwise padding does.

    Args:
      round_key: `int32[2]`, of the round and, where there are ids, of the
        client.
      dataset: The client's batches.
    """
    key, (classes,) = row_distributor.key_and_own_rows(
      self.row_model, round_key, dataset, self.seed_source
    )
    candidates = retrieval.sample_candidates(
      key,
      classes,
      self.row_model.num_classes,
      self.num_own_candidates,
      with_negatives=self.budget.own is not None,
    )
    num_missing = tf.maximum(tf.size(classes) - self.budget.trained, 0)
    return key, OwnClasses(
      candidates,
      retrieval.defer_classes(key, classes, candidates, self._num_deferred),
      tf.cast(num_missing, tf.int64),
    )

  def search(
    self,
    body: Any,
    own_rows: tf.Tensor,
    own: OwnClasses,
    dataset: tf.data.Dataset,
    client_params: Any,
  ) -> tuple[tf.Tensor, retrieval.Queries]:
    """Returns the vectors of the client's examples, and its queries.

    Args:
      body: Pair of trainable and non-trainable weights of the body.
      own_rows: `float32[num_own_candidates, row_size]`.
      own: The client's own classes, with the candidates of the `own_rows`.
      dataset: The client's batches.
      client_params: Parameters of the `retrieval.BuiltIndex` for clients.
    """
    sub_weights = self.row_model.sub_weights(body, [own_rows], [own.candidates])
    size = self.row_model.row_size

    @tf.function
    def embed():
      vectors = tf.zeros([0, size])
      # `for batch in dataset` would loop in an op of its own, ten times slower.
      for batch in iter(dataset):
        tf.autograph.experimental.set_loop_options(
          shape_invariants=[(vectors, tf.TensorShape([None, size]))]
        )
        vectors = tf.concat(
          [vectors, self.row_model.example_vectors(sub_weights, batch)], 0
        )
      return vectors

    vectors = embed()
    return vectors, self.index.query(client_params, vectors)

  def choose(
    self,
    key: tf.Tensor,
    own: OwnClasses,
    client_params: Any,
    vectors: tf.Tensor,
    queries: retrieval.Queries,
    entries: tf.Tensor,
  ) -> tuple[models.Candidates, tf.Tensor]:
    """Returns the candidates, and the keys of the rows to request.

    Args:
      key: The client's key.
      own: The client's own classes; all of them remain.
      client_params: Parameters of the `retrieval.BuiltIndex` for clients.
      vectors: Vectors of the client's examples.
      queries: The client's queries.
      entries: `int32[num_queries, capacity]`, the rows of their keys.
    """
    # Padding in queries got the entry of key 0.
    entries = tf.where(queries.keys[:, tf.newaxis] >= 0, entries, -1)
    scored = self.index.score(client_params, vectors, queries.hits, entries)
    candidates = retrieval.select_candidates(
      key,
      own.candidates,
      scored,
      self.row_model.num_classes,
      self.budget.num_retrieved,
      deferred_classes=own.deferred,
    )
    requested_keys = candidates.keys
    if self.budget.own is not None:
      requested_keys = retrieval.requested_keys(
        candidates, own.candidates, self.budget.num_requested
      )
    return candidates, requested_keys

  def trained_rows(
    self,
    key: tf.Tensor,
    own: OwnClasses,
    own_rows: tf.Tensor,
    vectors: tf.Tensor,
    candidates: models.Candidates,
    requested_keys: tf.Tensor,
    requested_rows: tf.Tensor,
  ) -> tuple[models.Candidates, tf.Tensor]:
    """Returns the candidates that the client trains, and their rows.

    Args:
      key: The client's key.
      own: The client's own classes, with the candidates of the `own_rows`.
      own_rows: `float32[num_own_candidates, row_size]`.
      vectors: Vectors of the client's examples.
      candidates: All candidates, from `choose`.
      requested_keys: Keys of the `requested_rows`, from `choose`.
      requested_rows: `float32[num_requested, row_size]`.
    """
    rows = requested_rows
    if self.budget.own is not None:
      order = tf.argsort(tf.concat([own.candidates.keys, requested_keys], 0))
      rows = tf.gather(tf.concat([own_rows, requested_rows], 0), order)
    if self.budget.num_retrieved == self.budget.trained:
      return candidates, rows
    activations = retrieval.largest_inner_products(
      vectors, self.row_model.row_vectors(rows)
    )
    trained = retrieval.select_by_activation(
      key,
      own.candidates,
      candidates,
      activations,
      self.row_model.num_classes,
      self.budget.trained,
      deferred_classes=own.deferred,
    )
    positions, _ = candidates.positions(trained.keys)
    return trained, tf.gather(rows, positions)


def _check_index(index: object) -> None:
  """Raises `TypeError` unless `index` is a `retrieval.RowIndex`."""
  is_class = isinstance(index, type)
  if is_class or not isinstance(index, retrieval.RowIndex):
    found = index.__name__ if is_class else repr(index)
    raise TypeError(
      f'Expected a RowIndex, found {found}: make one with retrieval.SimHash().'
    )


def _check_similarity(row_model: models.RowModel) -> None:
  """Raises `TypeError` unless an index can search by the similarity."""
  names = ('embedding_vectors', 'row_vectors')
  if not all(hasattr(row_model.similarity, name) for name in names):
    raise TypeError(
      f'Expected a similarity with {" and ".join(names)}, by which an index '
      f'is searched, found {row_model.similarity}: see models.Similarity.'
    )


def _check_budget(row_model: models.RowModel, budget: RowBudget) -> None:
  """Raises `ValueError` unless the budget fits the model."""
  if row_model.input_tables:
    raise ValueError(
      'Expected a model with no input tables, found '
      f'{sorted(row_model.input_tables)}: use build_fed_ss, which selects '
      'their rows, or embed the input by the rows of the output.'
    )
  row_model.check_num_rows('trained rows', budget.trained)
  row_model.check_num_rows('retrieved rows', budget.num_retrieved)
  if row_model.rows_embed_input and budget.own is None:
    raise ValueError(
      'Expected own rows in the budget where rows embed the input, found none: '
      'give them, since a client needs them to search.'
    )
  if budget.own is not None and not row_model.rows_embed_input:
    raise ValueError(
      'Expected no own rows in the budget where rows do not embed the input, '
      f'found {budget.own}: leave them out.'
    )
