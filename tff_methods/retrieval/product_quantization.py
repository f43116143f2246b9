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
"""Product quantization: rows of a few bytes each, which clients search.

Jégou, Douze and Schmid (2011), "Product Quantization for Nearest Neighbor
Search". The coordinates of a row are cut into parts, and each part is replaced
by the nearest of 256 centroids, which the server finds by k-means. Clients
receive the centroids and one byte for each part of each row, and compute inner
products with the quantized rows.
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
# Enough to fit centroids of tables with many more rows.
_MAX_FITTED_ROWS = 8192


class Codebook(NamedTuple):
  """Quantized rows.

  Attributes:
    centroids: `float32[parts, 256, d / parts]`.
    codes: `uint8[n, parts]`, centroid of each part of each row.
  """

  centroids: tf.Tensor
  codes: tf.Tensor


@dataclasses.dataclass(frozen=True)
class ProductQuantization(row_index.IndexWithoutQueries):
  """`RowIndex` of quantized rows, without client queries.

  The score of a row is its largest approximate inner product with any of the
  client's vectors.

  Attributes:
    num_parts: Number of parts, and bytes, of each row.
    num_iterations: Number of iterations of k-means in each build.

  Raises:
    TypeError: If a number is not an int.
    ValueError: If a number is below 1.
  """

  num_parts: int = 8
  num_iterations: int = 4

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_int('num_parts', self.num_parts, minimum=1)
    argument_checks.check_int('num_iterations', self.num_iterations, minimum=1)

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> row_index.BuiltIndex:
    """See `RowIndex`: fits centroids, to a random sample of many rows."""
    parts = self._to_parts(rows)
    num_rows = parts.shape[1]
    words = seeds.random_words(key, num_rows)
    fitted = tf.argsort(words, stable=True)[:_MAX_FITTED_ROWS]
    # With fewer rows than centroids, some centroids begin at the same row.
    first = tf.gather(
      fitted, tf.range(_NUM_CENTROIDS) % min(num_rows, _MAX_FITTED_ROWS)
    )
    centroids = tf.gather(parts, first, axis=1)
    fitted_parts = tf.gather(parts, fitted, axis=1)
    for _ in range(self.num_iterations):
      centroids = _move_to_means(
        fitted_parts, centroids, _nearest(fitted_parts, centroids)
      )
    codes = tf.transpose(_nearest(parts, centroids))
    codebook = Codebook(centroids, tf.cast(codes, tf.uint8))
    return row_index.BuiltIndex((), codebook, tf.constant(0))

  def score(
    self,
    client_params: Codebook,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    entries: tf.Tensor,
  ) -> row_index.ScoredRows:
    """See `RowIndex`: approximate inner products of all rows."""
    del hits, entries
    centroids, codes = client_params
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

  def _to_parts(self, rows: tf.Tensor) -> tf.Tensor:
    """Cuts `float32[n, d]` into `[parts, n, ceil(d / parts)]`, zero-padded."""
    num_rows, dimension = rows.shape
    part_size = math.ceil(dimension / self.num_parts)
    rows = tf.pad(rows, [[0, 0], [0, self.num_parts * part_size - dimension]])
    return tf.transpose(
      tf.reshape(rows, [num_rows, self.num_parts, part_size]), [1, 0, 2]
    )


def _nearest(parts: tf.Tensor, centroids: tf.Tensor) -> tf.Tensor:
  """Returns the nearest centroid of each part, `int32[parts, n]`."""

  def nearest_of_part(part_and_centroids):
    part, centroids = part_and_centroids
    # Squared distances, less the part's own squared length.
    distances = tf.reduce_sum(centroids**2, axis=1) - 2.0 * tf.matmul(
      part, centroids, transpose_b=True
    )
    return tf.argmin(distances, axis=1, output_type=tf.int32)

  return tf.map_fn(
    nearest_of_part,
    (parts, centroids),
    parallel_iterations=1,
    fn_output_signature=tf.TensorSpec([parts.shape[1]], tf.int32),
  )


def _move_to_means(
  parts: tf.Tensor, centroids: tf.Tensor, nearest: tf.Tensor
) -> tf.Tensor:
  """Returns the means of the parts nearest to each centroid.

  Args:
    parts: `float32[parts, n, part_size]`.
    centroids: `float32[parts, 256, part_size]`.
    nearest: `int32[parts, n]`, nearest centroid of each part.

  Returns:
    `float32[parts, 256, part_size]`.
  """
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
  # A centroid that is nearest to no part stays in place.
  means = tf.where(
    counts > 0,
    sums / tf.maximum(counts, 1.0),
    tf.reshape(centroids, sums.shape),
  )
  return tf.reshape(means, centroids.shape)
