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
"""Indexes: they find rows with large inner products with a client's vectors."""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import tensorflow as tf

from tff_methods.retrieval import inner_products


class BuiltIndex(NamedTuple):
  """Index of the rows of one round.

  Attributes:
    tables: Parameters that stay on the server, which looks queries up in them.
    client_params: Parameters that each client receives, to make its queries and
      to score rows.
    num_dropped: `int32[]`, number of entries that did not fit into the tables.
  """

  tables: Any
  client_params: Any
  num_dropped: tf.Tensor


class Queries(NamedTuple):
  """Keys that a client looks up.

  Attributes:
    keys: `int32[num_queries]`; -1 is padding.
    hits: `float32[num_queries]`, number of the client's vectors with the key.
  """

  keys: tf.Tensor
  hits: tf.Tensor


class ScoredRows(NamedTuple):
  """Rows that a client found, with their scores.

  Attributes:
    ids: `int32[?]`, distinct.
    scores: `float32[?]`; the larger, the likelier is a large inner product.
  """

  ids: tf.Tensor
  scores: tf.Tensor


@runtime_checkable
class RowIndex(Protocol):
  """Index of rows that a server builds and its clients search.

  All methods are called inside TensorFlow computations. Shapes are static,
  except for the number of a client's vectors. In a round:

  1.  The server calls `build`, and sends `client_params` to the clients.
  2.  Each client calls `query` with the vectors of its examples.
  3.  The server calls `look_up` with the client's keys.
  4.  The client calls `score` with the entries that it received.
  """

  @property
  def num_queries(self) -> int:
    """Number of keys that a client looks up; 0 if it needs no entries."""
    ...

  @property
  def num_keys(self) -> int:
    """Number of keys, which are from 0 to `num_keys - 1`."""
    ...

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> BuiltIndex:
    """Builds the index, on the server.

    Args:
      key: `int32[2]`, key of random choices.
      rows: `float32[n, d]`.
    """
    ...

  def query(self, client_params: Any, vectors: tf.Tensor) -> Queries:
    """Returns the keys that a client looks up.

    Args:
      client_params: Parameters of the `BuiltIndex` for clients.
      vectors: `float32[m, d]`.
    """
    ...

  def look_up(self, tables: Any, keys: tf.Tensor) -> tf.Tensor:
    """Returns the rows of keys, on the server.

    Args:
      tables: Parameters of the `BuiltIndex` for the server.
      keys: `int32[k]`.

    Returns:
      Entries, `int32[k, capacity]`: ids of rows; -1 is padding. (Or whatever
      `score` takes of as many columns.)
    """

  def score(
    self,
    client_params: Any,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    entries: tf.Tensor,
  ) -> ScoredRows:
    """Scores rows, on the client.

    Args:
      client_params: Parameters of the `BuiltIndex` for clients.
      vectors: `float32[m, d]`.
      hits: `float32[num_queries]`, of the client's `Queries`.
      entries: `int32[num_queries, capacity]`, the rows of their keys.
    """
    ...


class IndexWithoutQueries:
  """Base class of indexes without client queries."""

  num_queries = 0
  num_keys = 0

  def query(self, client_params: Any, vectors: tf.Tensor) -> Queries:
    """See `RowIndex`: no keys."""
    del client_params, vectors
    return Queries(tf.zeros([0], tf.int32), tf.zeros([0]))

  def look_up(self, tables: Any, keys: tf.Tensor) -> tf.Tensor:
    """See `RowIndex`: no entries."""
    del tables
    return tf.zeros([keys.shape[0], 1], tf.int32)


@dataclasses.dataclass(frozen=True)
class RandomRows(IndexWithoutQueries):
  """Index that finds no rows: all but a client's own rows are random."""

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> BuiltIndex:
    """See `RowIndex`."""
    del key, rows
    return BuiltIndex((), (), tf.constant(0))

  def score(
    self,
    client_params: Any,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    entries: tf.Tensor,
  ) -> ScoredRows:
    """See `RowIndex`: no rows."""
    del client_params, vectors, hits, entries
    return ScoredRows(tf.zeros([0], tf.int32), tf.zeros([0]))


@dataclasses.dataclass(frozen=True)
class ExactRows(IndexWithoutQueries):
  """Exact inner products: clients receive all rows, to choose among them.

  An upper bound of the quality of other indexes. It saves no bytes.
  """

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> BuiltIndex:
    """See `RowIndex`."""
    del key
    return BuiltIndex((), rows, tf.constant(0))

  def score(
    self,
    client_params: Any,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    entries: tf.Tensor,
  ) -> ScoredRows:
    """See `RowIndex`: the largest inner product with any of the vectors."""
    del hits, entries
    rows = client_params
    scores = inner_products.largest_inner_products(vectors, rows)
    return ScoredRows(tf.range(rows.shape[0]), scores)
