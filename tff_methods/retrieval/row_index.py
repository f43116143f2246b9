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
"""What finds the rows that have large inner products with a client's data."""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import tensorflow as tf

from tff_methods.retrieval import inner_products


class BuiltIndex(NamedTuple):
  """An index of the rows of one round.

  Attributes:
    tables: Stays on the server, which looks queries up in it.
    guide: What each client gets: enough to make its queries.
    num_dropped: `int32[]`, entries for which the tables have no room.
  """

  tables: Any
  guide: Any
  num_dropped: tf.Tensor


class Queries(NamedTuple):
  """What a client looks up.

  Attributes:
    keys: `int32[num_queries]`; -1 is padding.
    hits: `float32[num_queries]`, how many of the client's vectors have the key.
  """

  keys: tf.Tensor
  hits: tf.Tensor


class ScoredRows(NamedTuple):
  """Rows that a client found.

  Attributes:
    ids: `int32[?]`, distinct.
    scores: `float32[?]`, the larger the likelier is a large inner product.
  """

  ids: tf.Tensor
  scores: tf.Tensor


@runtime_checkable
class RowIndex(Protocol):
  """A structure to search rows in, between a server and its clients.

  All functions are called inside TensorFlow computations; shapes are static but
  for the number of a client's vectors.

  Attributes:
    num_queries: How many keys a client looks up; 0 if the guide is enough.
    num_keys: Keys are below.
  """

  num_queries: int
  num_keys: int

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> BuiltIndex:
    """Builds the index on the server, of `float32[n, d]`, by an `int32[2]`."""

  def query(self, guide: Any, vectors: tf.Tensor) -> Queries:
    """Returns what a client with `float32[m, d]` looks up."""

  def look_up(self, tables: Any, keys: tf.Tensor) -> tf.Tensor:
    """Returns the rows of `int32[k]` keys: `int32[k, capacity]`, -1 is none."""

  def score(
    self, guide: Any, vectors: tf.Tensor, hits: tf.Tensor, found: tf.Tensor
  ) -> ScoredRows:
    """Scores rows on the client, with what it looked up by its queries."""


class WithoutQueries:
  """What an index is that clients do not look anything up in."""

  num_queries = 0
  num_keys = 0

  def query(self, guide: Any, vectors: tf.Tensor) -> Queries:
    """See `RowIndex`."""
    del guide, vectors
    return Queries(tf.zeros([0], tf.int32), tf.zeros([0]))

  def look_up(self, tables: Any, keys: tf.Tensor) -> tf.Tensor:
    """See `RowIndex`."""
    del tables
    return tf.zeros([keys.shape[0], 1], tf.int32)


@dataclasses.dataclass(frozen=True)
class RandomRows(WithoutQueries):
  """Finds nothing, so that all but a client's own rows are random."""

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> BuiltIndex:
    """See `RowIndex`."""
    del key, rows
    return BuiltIndex((), (), tf.constant(0))

  def score(
    self, guide: Any, vectors: tf.Tensor, hits: tf.Tensor, found: tf.Tensor
  ) -> ScoredRows:
    """See `RowIndex`."""
    del guide, vectors, hits, found
    return ScoredRows(tf.zeros([0], tf.int32), tf.zeros([0]))


@dataclasses.dataclass(frozen=True)
class ExactRows(WithoutQueries):
  """Exact inner products: the clients get all rows, to choose among.

  It is what other indexes can at best find, and saves no bytes.
  """

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> BuiltIndex:
    """See `RowIndex`."""
    del key
    return BuiltIndex((), rows, tf.constant(0))

  def score(
    self, guide: Any, vectors: tf.Tensor, hits: tf.Tensor, found: tf.Tensor
  ) -> ScoredRows:
    """See `RowIndex`: the largest inner product with any of the vectors."""
    del hits, found
    scores = inner_products.largest_inner_products(vectors, guide)
    return ScoredRows(tf.range(guide.shape[0]), scores)
