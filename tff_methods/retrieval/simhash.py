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
"""Locality-sensitive hash tables of rows, by the signs of random projections.

Xu et al. (2022), "Adaptive Sparse Federated Learning in Large Output Spaces via
Hashing", section 3: the server keeps the rows in hash tables, clients hash
their embeddings, and rows in the same buckets are likely to have large inner
products with them.
"""

import dataclasses
import math

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.retrieval import buckets
from tff_methods.retrieval import inner_product_transforms as transforms
from tff_methods.retrieval import row_index

_MAX_BITS = 16
_MAX_DEFAULT_QUERIES = 1024
# With as many queries, entries of 1 MB; they would grow with the rows.
_MAX_DEFAULT_CAPACITY = 256


@dataclasses.dataclass(frozen=True)
class SimHash:
  """`RowIndex` of L hash tables with 2^K buckets each.

  A client looks up the buckets with the most of its vectors. The score of a row
  found there is the number of collisions: of pairs of a vector and a table in
  which both have the same code. Two vectors at an angle of theta collide in a
  table with probability `(1 - theta / pi)^K` (definition 1).

  Attributes:
    num_bits: Bits of a code, the paper's `K`; at most 16.
    num_tables: Number of tables, the paper's `L`.
    transform: Reduction of maximum inner product search to angular search, one
      of `options.TRANSFORMS`.
    num_queries: Number of buckets that a client looks up; by default all, `L *
      2^K`, but at most 1024.
    bucket_capacity: Maximum number of rows that a client receives of a bucket;
      by default the mean size of a bucket, since for the same bytes more
      buckets find more than larger ones, but at most 256.
      `BuiltIndex.num_dropped` counts the rows that exceed it.
    longest_quantile: Quantile of the rows' lengths to which longer rows are
      shortened: see `inner_product_transforms.transform_rows`.

  Raises:
    TypeError: If a number is not an int.
    ValueError: If a value is out of range.
  """

  num_bits: int = 8
  num_tables: int = 8
  transform: str = 'extra_coordinate'
  num_queries: int = None  # pyright: ignore[reportAssignmentType]
  bucket_capacity: int | None = None
  longest_quantile: float = 0.99

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_int('num_bits', self.num_bits, minimum=1)
    argument_checks.check_int('num_tables', self.num_tables, minimum=1)
    if self.num_bits > _MAX_BITS:
      raise ValueError(
        f'Expected num_bits of at most {_MAX_BITS}, found {self.num_bits}: '
        'lower it, since a table has 2^num_bits buckets.'
      )
    argument_checks.check_choice(
      'transform', self.transform, options_lib.TRANSFORMS
    )
    argument_checks.check_fraction(self.longest_quantile, 'longest_quantile')
    if self.num_queries is None:
      num_queries = min(self.num_keys, _MAX_DEFAULT_QUERIES)
      object.__setattr__(self, 'num_queries', num_queries)
    argument_checks.check_int('num_queries', self.num_queries, minimum=1)
    if self.num_queries > self.num_keys:
      raise ValueError(
        f'Expected num_queries of at most {self.num_keys}, the number of '
        f'buckets, found {self.num_queries}.'
      )
    if self.bucket_capacity is not None:
      argument_checks.check_int(
        'bucket_capacity', self.bucket_capacity, minimum=1
      )

  @property
  def num_keys(self) -> int:
    """The number of buckets of all tables."""
    return self.num_tables * 2**self.num_bits

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> row_index.BuiltIndex:
    """Hashes all rows; clients receive the key of the projections."""
    num_rows = rows.shape[0]
    rows = transforms.transform_rows(
      self.transform, rows, self.longest_quantile
    )
    projection_key = seeds.fold_in(key, 0)
    words = seeds.random_words(seeds.fold_in(key, 1), num_rows)
    shuffled = tf.argsort(words, stable=True)
    codes = tf.transpose(self._codes(projection_key, tf.gather(rows, shuffled)))
    tables, num_dropped = buckets.build(
      codes, shuffled, 2**self.num_bits, self._capacity(num_rows)
    )
    return row_index.BuiltIndex(tables, projection_key, num_dropped)

  def query(
    self, client_params: tf.Tensor, vectors: tf.Tensor
  ) -> row_index.Queries:
    """See `RowIndex`: the buckets with the most vectors."""
    vectors = transforms.transform_queries(self.transform, vectors)
    tables = tf.range(self.num_tables) * 2**self.num_bits
    codes = tf.reshape(self._codes(client_params, vectors) + tables, [-1])
    return row_index.Queries(*buckets.most_hit(codes, self.num_queries))

  def look_up(self, tables: buckets.Buckets, keys: tf.Tensor) -> tf.Tensor:
    """See `RowIndex`: the rows of buckets, up to the capacity."""
    tables = buckets.Buckets(*tables)
    return buckets.look_up(tables, keys, self._capacity(tables.ids.shape[1]))

  def score(
    self,
    client_params: tf.Tensor,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    entries: tf.Tensor,
  ) -> row_index.ScoredRows:
    """See `RowIndex`: the number of collisions of each row that was found."""
    del client_params, vectors
    is_row = entries >= 0
    hits = tf.broadcast_to(hits[:, tf.newaxis], tf.shape(entries))
    ids, positions = tf.unique(tf.boolean_mask(entries, is_row))
    scores = tf.math.unsorted_segment_sum(
      tf.boolean_mask(hits, is_row), positions, tf.size(ids)
    )
    return row_index.ScoredRows(ids, scores)

  def projections(self, client_params: tf.Tensor, dimension: int) -> tf.Tensor:
    """Returns the projections of a built index.

    Args:
      client_params: The key of the projections, `BuiltIndex.client_params`.
      dimension: Dimension of the transformed rows, `d`.

    Returns:
      `float32[d, L * K]`.
    """
    num_codes = self.num_tables * self.num_bits
    return tf.reshape(
      seeds.random_normals(client_params, dimension * num_codes),
      [dimension, num_codes],
    )

  def _codes(self, client_params: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
    """Returns the codes of `float32[m, d]`, `int32[m, L]`."""
    projections = self.projections(client_params, vectors.shape[1])
    bits = tf.cast(tf.matmul(vectors, projections) > 0, tf.int32)
    bits = tf.reshape(bits, [-1, self.num_tables, self.num_bits])
    return tf.reduce_sum(bits * 2 ** tf.range(self.num_bits), axis=-1)

  def _capacity(self, num_rows: int) -> int:
    mean_size = math.ceil(num_rows / 2**self.num_bits)
    default = min(mean_size, _MAX_DEFAULT_CAPACITY)
    return min(self.bucket_capacity or default, num_rows)
