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
"""Codebooks: parts of rows, each replaced by the nearest of few centroids.

Jégou, Douze and Schmid (2011), "Product Quantization for Nearest Neighbor
Search", section II.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from tff_methods.common import seeds

MAX_CENTROIDS = 256
# Enough to fit centroids of tables with many more rows.
_MAX_FITTED_ROWS = 8192


class Codebook(NamedTuple):
  """Quantized rows.

  Attributes:
    centroids: `float32[parts, num_centroids, ceil(d / parts)]`.
    codes: `uint8[n, parts]`, centroid of each part of each row.
  """

  centroids: tf.Tensor
  codes: tf.Tensor


def build(
  key: tf.Tensor,
  rows: tf.Tensor,
  num_parts: int,
  num_iterations: int,
  num_centroids: int = MAX_CENTROIDS,
) -> Codebook:
  """Fits centroids, to a random sample of many rows, and quantizes all rows.

  Args:
    key: `int32[2]`, key of random choices.
    rows: `float32[n, d]`.
    num_parts: Number of parts of a row, and bytes of its code. With one part,
      the centroids are those of whole rows.
    num_iterations: Number of iterations of k-means.
    num_centroids: Number of centroids of a part, at most `MAX_CENTROIDS`.
  """
  parts = _to_parts(rows, num_parts)
  num_rows = parts.shape[1]
  words = seeds.random_words(key, num_rows)
  fitted = tf.argsort(words, stable=True)[:_MAX_FITTED_ROWS]
  # With fewer rows than centroids, some centroids begin at the same row.
  first = tf.gather(
    fitted, tf.range(num_centroids) % min(num_rows, _MAX_FITTED_ROWS)
  )
  centroids = tf.gather(parts, first, axis=1)
  fitted_parts = tf.gather(parts, fitted, axis=1)
  for _ in range(num_iterations):
    centroids = _move_to_means(
      fitted_parts, centroids, _nearest(fitted_parts, centroids)
    )
  codes = tf.transpose(_nearest(parts, centroids))
  return Codebook(centroids, tf.cast(codes, tf.uint8))


def decode(centroids: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
  """Returns rows of codes.

  Args:
    centroids: `float32[parts, num_centroids, part_size]`.
    codes: `uint8[k, parts]`.

  Returns:
    `float32[k, parts * part_size]`: zeros behind the `d` columns of the rows.
  """
  num_parts, _, part_size = centroids.shape
  chosen = tf.cast(tf.transpose(codes), tf.int32)
  parts = tf.gather(centroids, chosen, axis=1, batch_dims=1)
  return tf.reshape(tf.transpose(parts, [1, 0, 2]), [-1, num_parts * part_size])


def _to_parts(rows: tf.Tensor, num_parts: int) -> tf.Tensor:
  """Cuts `float32[n, d]` into `[parts, n, ceil(d / parts)]`, zero-padded."""
  num_rows, dimension = rows.shape
  part_size = math.ceil(dimension / num_parts)
  rows = tf.pad(rows, [[0, 0], [0, num_parts * part_size - dimension]])
  return tf.transpose(
    tf.reshape(rows, [num_rows, num_parts, part_size]), [1, 0, 2]
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
    centroids: `float32[parts, num_centroids, part_size]`.
    nearest: `int32[parts, n]`, nearest centroid of each part.

  Returns:
    `float32[parts, num_centroids, part_size]`.
  """
  num_parts, num_rows, part_size = parts.shape
  num_centroids = centroids.shape[1]
  segments = nearest + num_centroids * tf.range(num_parts)[:, tf.newaxis]
  segments = tf.reshape(segments, [-1])
  num_segments = num_parts * num_centroids
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
