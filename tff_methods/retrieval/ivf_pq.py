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
"""IVF-PQ: lists of quantized rows around coarse centroids.

Jégou, Douze and Schmid (2011), "Product Quantization for Nearest Neighbor
Search", section IV. Each row is in the list of the nearest of a few coarse
centroids, and its difference to that centroid is quantized by parts. Clients
receive the coarse centroids, and choose lists by them.
"""

import dataclasses
import math
from typing import NamedTuple

import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.retrieval import buckets
from tff_methods.retrieval import codebooks
from tff_methods.retrieval import inner_products
from tff_methods.retrieval import row_index

# Lists that each vector asks for.
_LISTS_PER_VECTOR = 4
_CAPACITY_OF_MEAN = 2
_BYTES_PER_WORD = 4


class Lists(NamedTuple):
  """Rows by list, which the server keeps.

  Attributes:
    buckets: The rows of each list; one table.
    words: `int32[n, ceil(parts / 4)]`, the code of each row.
  """

  buckets: buckets.Buckets
  words: tf.Tensor


class Centroids(NamedTuple):
  """Centroids, which clients receive.

  Attributes:
    coarse: `float32[1, num_lists, d]`.
    fine: `float32[parts, 256, ceil(d / parts)]`, of differences to the coarse.
  """

  coarse: tf.Tensor
  fine: tf.Tensor


@dataclasses.dataclass(frozen=True)
class IvfPq:
  """`RowIndex` of lists of quantized rows.

  A client looks up the lists that most of its vectors ask for, each vector
  those of the 4 coarse centroids of largest inner product. Ties, and lists
  without hits, are ordered by the largest inner product with any vector. It
  receives the id and the code of each row in these lists. The score of a row is
  its largest approximate inner product with any of the client's vectors.

  Attributes:
    num_lists: Number of coarse centroids, at most 256.
    num_queries: Number of lists that a client looks up; by default a quarter
      of them.
    num_parts: Number of parts, and bytes, of the code of a row; sent in whole
      numbers of 4 bytes.
    list_capacity: Maximum number of rows that a client receives of a list; by
      default twice the mean size. `BuiltIndex.num_dropped` counts the rows that
      exceed it.
    num_iterations: Number of iterations of k-means in each build.

  Raises:
    TypeError: If a number is not an int.
    ValueError: If a value is out of range.
  """

  num_lists: int = 256
  num_queries: int = None  # pyright: ignore[reportAssignmentType]
  num_parts: int = 8
  list_capacity: int | None = None
  num_iterations: int = 4

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_int('num_lists', self.num_lists, minimum=1)
    if self.num_lists > codebooks.MAX_CENTROIDS:
      raise ValueError(
        f'Expected num_lists of at most {codebooks.MAX_CENTROIDS}, found '
        f'{self.num_lists}: lower it.'
      )
    if self.num_queries is None:
      object.__setattr__(self, 'num_queries', math.ceil(self.num_lists / 4))
    argument_checks.check_int('num_queries', self.num_queries, minimum=1)
    if self.num_queries > self.num_lists:
      raise ValueError(
        f'Expected num_queries of at most {self.num_lists}, the number of '
        f'lists, found {self.num_queries}: lower it.'
      )
    argument_checks.check_int('num_parts', self.num_parts, minimum=1)
    if self.list_capacity is not None:
      argument_checks.check_int('list_capacity', self.list_capacity, minimum=1)
    argument_checks.check_int('num_iterations', self.num_iterations, minimum=1)

  @property
  def num_keys(self) -> int:
    """The number of lists."""
    return self.num_lists

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> row_index.BuiltIndex:
    """See `RowIndex`: fits centroids, and sorts rows into lists."""
    num_rows = rows.shape[0]
    coarse = codebooks.build(
      seeds.fold_in(key, 0), rows, 1, self.num_iterations, self.num_lists
    )
    differences = rows - codebooks.decode(*coarse)
    fine = codebooks.build(
      seeds.fold_in(key, 1), differences, self.num_parts, self.num_iterations
    )
    words = seeds.random_words(seeds.fold_in(key, 2), num_rows)
    shuffled = tf.argsort(words, stable=True)
    lists = tf.cast(tf.gather(coarse.codes[:, 0], shuffled), tf.int32)
    tables, num_dropped = buckets.build(
      lists[tf.newaxis], shuffled, self.num_lists, self._capacity(num_rows)
    )
    return row_index.BuiltIndex(
      Lists(tables, self._pack(fine.codes)),
      Centroids(coarse.centroids, fine.centroids),
      num_dropped,
    )

  def query(
    self, client_params: Centroids, vectors: tf.Tensor
  ) -> row_index.Queries:
    """See `RowIndex`: the lists that most vectors ask for, and others."""
    coarse, _ = client_params
    products = tf.matmul(vectors, coarse[0], transpose_b=True)
    nearest = tf.math.top_k(products, min(_LISTS_PER_VECTOR, self.num_lists))
    hits = tf.math.bincount(
      tf.reshape(nearest.indices, [-1]),
      minlength=self.num_lists,
      maxlength=self.num_lists,
      dtype=tf.float32,
    )
    # Centroids of large norm attract most vectors: with their lists alone, most
    # queries would be unused.
    order = tf.argsort(-tf.reduce_max(products, axis=0), stable=True)
    hits = tf.gather(hits, order)
    by_hits = tf.argsort(-hits, stable=True)[: self.num_queries]
    keys = tf.gather(order, by_hits)
    has_vectors = tf.shape(vectors)[0] > 0
    return row_index.Queries(
      tf.where(has_vectors, keys, -1), tf.gather(hits, by_hits)
    )

  def look_up(self, tables: Lists, keys: tf.Tensor) -> tf.Tensor:
    """See `RowIndex`: of each row its id, followed by its code."""
    of_lists, words = tables
    of_lists = buckets.Buckets(*of_lists)
    capacity = self._capacity(of_lists.ids.shape[1])
    ids = buckets.look_up(of_lists, keys, capacity)
    codes = tf.gather(words, tf.maximum(ids, 0))
    entries = tf.concat([ids[..., tf.newaxis], codes], axis=2)
    return tf.reshape(entries, [keys.shape[0], capacity * entries.shape[2]])

  def score(
    self,
    client_params: Centroids,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    entries: tf.Tensor,
  ) -> row_index.ScoredRows:
    """See `RowIndex`: approximate inner products of the rows in the lists."""
    del hits
    coarse, fine = client_params
    # The entries are in the order of the queries.
    lists = tf.maximum(self.query(client_params, vectors).keys, 0)
    size = 1 + self._num_words
    capacity = entries.shape[1] // size
    lists = tf.repeat(tf.cast(lists, tf.uint8), capacity)[:, tf.newaxis]
    entries = tf.reshape(entries, [-1, size])
    ids, codes = entries[:, 0], self._unpack(entries[:, 1:])

    def decode(places):
      of_list = codebooks.decode(coarse, tf.gather(lists, places))
      difference = codebooks.decode(fine, tf.gather(codes, places))
      return of_list + difference[:, : of_list.shape[1]]

    scores = inner_products.largest_inner_products(
      vectors, decode, entries.shape[0]
    )
    is_row = ids >= 0
    return row_index.ScoredRows(
      tf.boolean_mask(ids, is_row), tf.boolean_mask(scores, is_row)
    )

  @property
  def _num_words(self) -> int:
    return math.ceil(self.num_parts / _BYTES_PER_WORD)

  def _pack(self, codes: tf.Tensor) -> tf.Tensor:
    """Returns `uint8[n, parts]` as `int32[n, num_words]`."""
    padding = self._num_words * _BYTES_PER_WORD - self.num_parts
    codes = tf.pad(codes, [[0, 0], [0, padding]])
    return tf.bitcast(
      tf.reshape(codes, [-1, self._num_words, _BYTES_PER_WORD]), tf.int32
    )

  def _unpack(self, words: tf.Tensor) -> tf.Tensor:
    """Inverts `_pack`."""
    codes = tf.reshape(
      tf.bitcast(words, tf.uint8), [-1, self._num_words * _BYTES_PER_WORD]
    )
    return codes[:, : self.num_parts]

  def _capacity(self, num_rows: int) -> int:
    default = math.ceil(_CAPACITY_OF_MEAN * num_rows / self.num_lists)
    return min(self.list_capacity or default, num_rows)
