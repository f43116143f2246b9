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
"""Product quantization: rows as a few bytes each, which clients search.

Jegou, Douze and Schmid (2011), "Product Quantization for Nearest Neighbor
Search". A row's coordinates are cut into parts; of each part the nearest of 256
centroids stands for it, which the server finds by k-means. The clients get the
centroids and a byte for each part of each row, and compute inner products with
what these stand for.
"""

import dataclasses
import math
from typing import NamedTuple

import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.retrieval import inner_products
from tff_methods.retrieval import row_index

_NUM_CENTROIDS = 256
# Enough to find centroids by, of tables with many more rows.
_MAX_FITTED_ROWS = 8192


class Codebook(NamedTuple):
  """Rows in short.

  Attributes:
    centroids: `float32[parts, 256, d / parts]`.
    codes: `uint8[n, parts]`.
  """

  centroids: tf.Tensor
  codes: tf.Tensor


@dataclasses.dataclass(frozen=True)
class ProductQuantization(row_index.WithoutQueries):
  """A `RowIndex` that clients search by themselves: they look nothing up.

  A row's score is its largest approximate inner product with any of the
  client's vectors.

  Attributes:
    num_parts: Bytes for each row.
    num_iterations: Of k-means, each time that the index is built.
  """

  num_parts: int = 8
  num_iterations: int = 4

  def __post_init__(self):
    argument_checks.check_int('num_parts', self.num_parts, minimum=1)
    argument_checks.check_int('num_iterations', self.num_iterations, minimum=1)

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> row_index.BuiltIndex:
    """Finds centroids, by rows that the key draws where there are many."""
    parts = self._parts(rows)
    num_rows = parts.shape[1]
    words = seeds.random_words(key, num_rows)
    fitted = tf.argsort(words, stable=True)[:_MAX_FITTED_ROWS]
    # Of fewer rows than centroids some begin in one place.
    first = tf.gather(
      fitted, tf.range(_NUM_CENTROIDS) % min(num_rows, _MAX_FITTED_ROWS)
    )
    centroids = tf.gather(parts, first, axis=1)
    some = tf.gather(parts, fitted, axis=1)
    for _ in range(self.num_iterations):
      centroids = _move_to_means(some, centroids, _nearest(some, centroids))
    codes = tf.transpose(_nearest(parts, centroids))
    guide = Codebook(centroids, tf.cast(codes, tf.uint8))
    return row_index.BuiltIndex((), guide, tf.constant(0))

  def score(
    self,
    guide: Codebook,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    found: tf.Tensor,
  ) -> row_index.ScoredRows:
    """Computes approximate inner products of all rows."""
    del hits, found
    centroids, codes = guide
    num_rows = codes.shape[0]
    part_size = centroids.shape[2]

    def decode(ids):
      chosen = tf.cast(tf.transpose(tf.gather(codes, ids)), tf.int32)
      parts = tf.gather(centroids, chosen, axis=1, batch_dims=1)
      return tf.reshape(
        tf.transpose(parts, [1, 0, 2]), [-1, self.num_parts * part_size]
      )

    padding = self.num_parts * part_size - vectors.shape[1]
    vectors = tf.pad(vectors, [[0, 0], [0, padding]])
    scores = inner_products.largest_inner_products(vectors, decode, num_rows)
    return row_index.ScoredRows(tf.range(num_rows), scores)

  def _parts(self, rows):
    """Cuts `float32[n, d]` to `[parts, n, ceil(d / parts)]`, zeros added."""
    num_rows, dimension = rows.shape
    part_size = math.ceil(dimension / self.num_parts)
    rows = tf.pad(rows, [[0, 0], [0, self.num_parts * part_size - dimension]])
    return tf.transpose(
      tf.reshape(rows, [num_rows, self.num_parts, part_size]), [1, 0, 2]
    )


def _nearest(parts: tf.Tensor, centroids: tf.Tensor) -> tf.Tensor:
  """Returns the nearest centroid of each part, `int32[parts, n]`."""

  def of_part(part_and_centroids):
    part, centroids = part_and_centroids
    # Squared distances, but for the part's own length.
    distances = tf.reduce_sum(centroids**2, axis=1) - 2.0 * tf.matmul(
      part, centroids, transpose_b=True
    )
    return tf.argmin(distances, axis=1, output_type=tf.int32)

  return tf.map_fn(
    of_part,
    (parts, centroids),
    parallel_iterations=1,
    fn_output_signature=tf.TensorSpec([parts.shape[1]], tf.int32),
  )


def _move_to_means(parts, centroids, nearest):
  """Returns the means of what is nearest to each, `[parts, 256, part_size]`."""
  num_parts, num_rows, part_size = parts.shape
  segments = nearest + _NUM_CENTROIDS * tf.range(num_parts)[:, tf.newaxis]
  segments = tf.reshape(segments, [-1])
  num_segments = num_parts * _NUM_CENTROIDS
  sums = tf.math.unsorted_segment_sum(
    tf.reshape(parts, [-1, part_size]), segments, num_segments
  )
  counts = tf.math.unsorted_segment_sum(
    tf.ones([num_parts * num_rows]), segments, num_segments
  )[:, tf.newaxis]
  # A centroid that nothing is nearest to stays where it is.
  means = tf.where(
    counts > 0,
    sums / tf.maximum(counts, 1.0),
    tf.reshape(centroids, sums.shape),
  )
  return tf.reshape(means, centroids.shape)
