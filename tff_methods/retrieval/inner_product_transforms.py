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
"""Reductions of maximum inner product search to angular search.

Hashes by signs find vectors at small angles. To find large inner products, rows
and queries are transformed first, each in its own way.
"""

import math

import tensorflow as tf

# Number of coordinates and length of the longest row, as recommended by
# Shrivastava and Li (2014).
_NUM_POWERS = 2
_MAX_LENGTH = 0.75


def transform_rows(
  transform: str, rows: tf.Tensor, longest_quantile: float = 1.0
) -> tf.Tensor:
  """Returns the transformed rows.

  *   `'none'`: rows unchanged. The nearest by angle are those of the largest
      inner product if all rows have one length.
  *   `'extra_coordinate'`: rows are scaled to a maximum length of 1, and get
      the coordinate `sqrt(1 - |x|^2)`. All have length 1 then, and the angle
      follows from the inner product (Neyshabur and Srebro, 2015, "On Symmetric
      and Asymmetric LSHs for Inner Product Search", SIMPLE-LSH).
  *   `'sign_alsh'`: rows are scaled to a maximum length of 0.75, and get the
      coordinates `1/2 - |x|^2` and `1/2 - |x|^4`. Their lengths are nearly the
      same then (Shrivastava and Li, 2014, "Improved Asymmetric Locality
      Sensitive Hashing (ALSH) for Maximum Inner Product Search (MIPS)").

  Args:
    transform: One of `options.TRANSFORMS`.
    rows: `float32[n, d]`.
    longest_quantile: Quantile of the rows' lengths, in (0, 1], to which longer
      rows are shortened first. A few rows that are much longer than the others
      would leave these at nearly one angle to any query, and so in the same
      buckets. With 1, the order by angle is that by inner product, exactly so
      with `'extra_coordinate'`; below 1, except for the shortened rows. Unused
      with `'none'`.

  Returns:
    `float32[n, d + num_coordinates(transform)]`.
  """
  if transform == 'none':
    return rows
  lengths = tf.norm(rows, axis=1, keepdims=True)
  longest = _quantile(tf.reshape(lengths, [-1]), longest_quantile)
  target = 1.0 if transform == 'extra_coordinate' else _MAX_LENGTH
  scale = tf.math.divide_no_nan(target, tf.maximum(lengths, longest))
  squares = (lengths * scale) ** 2
  if transform == 'extra_coordinate':
    # Rounding may leave a difference below 0.
    added = [tf.sqrt(tf.maximum(1.0 - squares, 0.0))]
  else:
    added = [0.5 - squares ** (2**i) for i in range(_NUM_POWERS)]
  return tf.concat([rows * scale, *added], axis=1)


def transform_queries(transform: str, queries: tf.Tensor) -> tf.Tensor:
  """Returns the transformed queries.

  Their added coordinates are 0. They are not scaled: signs of projections do
  not depend on length.

  Args:
    transform: One of `options.TRANSFORMS`.
    queries: `float32[m, d]`.

  Returns:
    `float32[m, d + num_coordinates(transform)]`.
  """
  return tf.pad(queries, [[0, 0], [0, num_coordinates(transform)]])


def num_coordinates(transform: str) -> int:
  """Returns the number of coordinates that a transform adds."""
  return {'none': 0, 'extra_coordinate': 1, 'sign_alsh': _NUM_POWERS}[transform]


def _quantile(values: tf.Tensor, fraction: float) -> tf.Tensor:
  """Returns the least of `float32[n]` that at least this fraction is up to."""
  rank = math.ceil(fraction * values.shape[0])
  return tf.sort(values)[rank - 1]
