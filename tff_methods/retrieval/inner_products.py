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
"""The largest inner product of each of many rows with a client's vectors."""

from collections.abc import Callable
import functools

import tensorflow as tf

_ROWS_AT_ONCE = 2048
_VECTORS_AT_ONCE = 1024


def largest_inner_products(
  vectors: tf.Tensor,
  rows: tf.Tensor | Callable[[tf.Tensor], tf.Tensor],
  num_rows: int | None = None,
) -> tf.Tensor:
  """Returns each row's largest inner product with any of the vectors.

  Memory does not grow with the product of both numbers.

  Args:
    vectors: `float32[m, d]`.
    rows: `float32[n, d]`, or what makes some of them at a time: from `int32[k]`
      ids to `float32[k, d]`.
    num_rows: `n`, to be given with such a function.

  Returns:
    `float32[n]`; the lowest number there is, where there are no vectors.
  """
  if num_rows is None:
    return largest_inner_products(
      vectors, functools.partial(tf.gather, rows), rows.shape[0]
    )
  starts_of_vectors = tf.range(0, tf.shape(vectors)[0], _VECTORS_AT_ONCE)
  at_once = min(_ROWS_AT_ONCE, num_rows)

  def of_rows(start):
    # The last ones may be the last row again: all parts have one shape.
    ids = tf.minimum(start + tf.range(at_once), num_rows - 1)
    some_rows = rows(ids)

    def with_vectors(best, start):
      some = vectors[start : start + _VECTORS_AT_ONCE]
      products = tf.matmul(some_rows, some, transpose_b=True)
      return tf.maximum(best, tf.reduce_max(products, axis=1))

    lowest = tf.fill([at_once], vectors.dtype.min)
    return tf.foldl(with_vectors, starts_of_vectors, initializer=lowest)

  parts = tf.map_fn(
    of_rows,
    tf.range(0, num_rows, at_once),
    parallel_iterations=1,
    fn_output_signature=tf.TensorSpec([at_once], vectors.dtype),
  )
  return tf.reshape(parts, [-1])[:num_rows]
