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
"""Largest inner product of each of many rows with a client's vectors."""

from collections.abc import Callable
import functools

import tensorflow as tf

_ROWS_PER_CHUNK = 2048
_VECTORS_PER_CHUNK = 1024


def largest_inner_products(
  vectors: tf.Tensor,
  rows: tf.Tensor | Callable[[tf.Tensor], tf.Tensor],
  num_rows: int | None = None,
) -> tf.Tensor:
  """Returns each row's largest inner product with any of the vectors.

  Computed in chunks: memory does not grow with the product of both numbers.

  Args:
    vectors: `float32[m, d]`.
    rows: `float32[n, d]`, or a function that computes a chunk of them: from
      `int32[k]` ids to `float32[k, d]`.
    num_rows: Number of rows `n`; required if `rows` is a function.

  Returns:
    `float32[n]`; the lowest finite number if there are no vectors.
  """
  if not callable(rows):
    return largest_inner_products(
      vectors, functools.partial(tf.gather, rows), rows.shape[0]
    )
  assert num_rows is not None
  vector_starts = tf.range(0, tf.shape(vectors)[0], _VECTORS_PER_CHUNK)
  chunk_size = min(_ROWS_PER_CHUNK, num_rows)

  def chunk_maxima(start):
    # The last chunk is filled up with the last row: chunks have one shape.
    ids = tf.minimum(start + tf.range(chunk_size), num_rows - 1)
    chunk = rows(ids)

    def update_maxima(maxima, start):
      some = vectors[start : start + _VECTORS_PER_CHUNK]
      products = tf.matmul(chunk, some, transpose_b=True)
      return tf.maximum(maxima, tf.reduce_max(products, axis=1))

    lowest = tf.fill([chunk_size], vectors.dtype.min)
    return tf.foldl(update_maxima, vector_starts, initializer=lowest)

  maxima = tf.map_fn(
    chunk_maxima,
    tf.range(0, num_rows, chunk_size),
    parallel_iterations=1,
    fn_output_signature=tf.TensorSpec([chunk_size], vectors.dtype),
  )
  return tf.reshape(maxima, [-1])[:num_rows]
