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
"""Count sketch: a linear map from a vector to a small table.

Charikar et al. (2002), "Finding Frequent Items in Data Streams".
"""

import tensorflow as tf

from tff_methods.common import lookup
from tff_methods.common import seeds
from tff_methods.common import sorting


class CountSketch:
  """Tables of sums of signed values, from which large values can be estimated.

  In each row, a hash function gives each coordinate a bucket and a sign; a
  bucket holds the sum of its coordinates' values, each with its sign. A bucket
  with the sign of a coordinate estimates its value without bias. The median of
  the rows' estimates is near a value that is large beside the norm of the
  vector. The sketch of a sum is the sum of the sketches.

  Hash functions are uniformly random tables, drawn from a key.

  Attributes:
    shape: Number of rows and of buckets of a row.
  """

  def __init__(self, length: int, num_rows: int, num_buckets: int):
    """Initializes the sketch.

    Args:
      length: Number of elements of a vector.
      num_rows: Number of rows.
      num_buckets: Number of buckets in a row.
    """
    self._length = length
    self.shape = (num_rows, num_buckets)

  def encode(self, x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Returns the table of a vector.

    Args:
      x: `float32[length]`.
      key: `int32[2]`.

    Returns:
      `float32[num_rows, num_buckets]`.
    """
    buckets, signs = self._hash(key)
    return tf.reshape(
      tf.math.unsorted_segment_sum(x * signs, buckets, self._num_buckets()),
      self.shape,
    )

  def estimate(self, table: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Returns estimates of all values of a vector from its table.

    Args:
      table: `float32[num_rows, num_buckets]`.
      key: `int32[2]`, that of the table.

    Returns:
      `float32[length]`. With an even number of rows, the mean of the two middle
      estimates.
    """
    buckets, signs = self._hash(key)
    rows = tf.unstack(signs * lookup.take(tf.reshape(table, [-1]), buckets))
    return _median(rows)

  def is_hit(self, positions: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Returns the mask of the buckets that hold one of the positions.

    Args:
      positions: `int32[k]`.
      key: `int32[2]`.

    Returns:
      `bool[num_rows, num_buckets]`.
    """
    buckets, _ = self._hash(key)
    hits = tf.reshape(tf.gather(buckets, positions, axis=1), [-1])
    counts = tf.math.unsorted_segment_sum(
      tf.ones_like(hits), hits, self._num_buckets()
    )
    return tf.reshape(counts > 0, self.shape)

  def _num_buckets(self) -> int:
    num_rows, num_buckets = self.shape
    return num_rows * num_buckets

  def _hash(self, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `int32` buckets, numbered over all rows, and `float32` signs.

    Both are `[num_rows, length]`. A random word gives its lowest bit as sign,
    and the 31 others as bucket, by a multiplication: no bucket is more probable
    than another by over 2**-31.
    """
    num_rows, num_buckets = self.shape
    words = tf.reshape(
      seeds.random_words(key, num_rows * self._length),
      [num_rows, self._length],
    )
    signs = 1 - 2 * tf.bitwise.bitwise_and(words, 1)
    high = tf.bitwise.bitwise_and(tf.bitwise.right_shift(words, 1), 0x7FFFFFFF)
    buckets = tf.bitwise.right_shift(
      tf.cast(high, tf.int64) * num_buckets, tf.constant(31, tf.int64)
    )
    first = num_buckets * tf.range(num_rows)[:, tf.newaxis]
    return tf.cast(buckets, tf.int32) + first, tf.cast(signs, tf.float32)


def _median(rows: list[tf.Tensor]) -> tf.Tensor:
  """Returns the elementwise median."""
  rows = sorting.sort(rows)
  middle = len(rows) // 2
  if len(rows) % 2:
    return rows[middle]
  return (rows[middle - 1] + rows[middle]) / 2
