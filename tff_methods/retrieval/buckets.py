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
"""Tables of rows in buckets, of which a server returns some."""

from typing import NamedTuple

import tensorflow as tf

_PADDING = -1


class Buckets(NamedTuple):
  """Rows in the order of their buckets, one table after the other.

  Attributes:
    ids: `int32[L, n]`, all rows in the order of their buckets. The order within
      a bucket is random, so that no row always exceeds the capacity.
    offsets: `int32[L, B + 1]`, first position in `ids` of each bucket.
  """

  ids: tf.Tensor
  offsets: tf.Tensor


def build(
  codes: tf.Tensor, shuffled: tf.Tensor, num_buckets: int, capacity: int
) -> tuple[Buckets, tf.Tensor]:
  """Sorts rows into the buckets of each table.

  Args:
    codes: `int32[L, n]`, bucket of each of the `shuffled` rows in each table.
    shuffled: `int32[n]`, all rows in a random order.
    num_buckets: Number of buckets of a table, `B`.
    capacity: Rows of a bucket that are returned, at most.

  Returns:
    The `Buckets`, and the number of rows that exceed the capacity, `int32[]`.
  """
  # A stable sort keeps the random order within a bucket.
  order = tf.argsort(codes, axis=1, stable=True)
  sizes = tf.math.bincount(
    codes, minlength=num_buckets, axis=-1, dtype=tf.int32
  )
  sizes = tf.ensure_shape(sizes, [codes.shape[0], num_buckets])
  offsets = tf.pad(tf.cumsum(sizes, axis=1), [[0, 0], [1, 0]])
  num_dropped = tf.reduce_sum(tf.maximum(sizes - capacity, 0))
  return Buckets(tf.gather(shuffled, order), offsets), num_dropped


def look_up(buckets: Buckets, keys: tf.Tensor, capacity: int) -> tf.Tensor:
  """Returns the rows of buckets, up to the capacity.

  Args:
    buckets: The tables.
    keys: `int32[k]`: table times `B` plus bucket; -1 is padding.
    capacity: Rows of a bucket that are returned, at most.

  Returns:
    `int32[k, capacity]`: ids of rows; -1 is padding.
  """
  ids, offsets = buckets
  num_rows, num_buckets = ids.shape[1], offsets.shape[1] - 1
  is_key = keys >= 0
  keys = tf.maximum(keys, 0)
  table, code = keys // num_buckets, keys % num_buckets
  begin = tf.gather_nd(offsets, tf.stack([table, code], 1))
  end = tf.gather_nd(offsets, tf.stack([table, code + 1], 1))
  place = begin[:, tf.newaxis] + tf.range(capacity)
  is_row = is_key[:, tf.newaxis] & (place < end[:, tf.newaxis])
  place = tf.minimum(place, num_rows - 1) + table[:, tf.newaxis] * num_rows
  found = tf.gather(tf.reshape(ids, [-1]), place)
  return tf.where(is_row, found, _PADDING)


def most_hit(codes: tf.Tensor, num_keys: int) -> tuple[tf.Tensor, tf.Tensor]:
  """Returns the keys that most vectors have.

  Args:
    codes: `int32[?]`, keys of all vectors, with repetitions.
    num_keys: Number of keys to return.

  Returns:
    The keys, `int32[num_keys]`, in descending order of hits, of equal ones the
    smaller key first, padded by -1; and their numbers of hits, `float32`.
  """
  keys, _, hits = tf.unique_with_counts(codes)
  order = tf.argsort(keys)
  keys, hits = tf.gather(keys, order), tf.gather(hits, order)
  order = tf.argsort(-hits, stable=True)[:num_keys]
  padding = [[0, num_keys - tf.size(order)]]
  keys = tf.pad(tf.gather(keys, order), padding, constant_values=_PADDING)
  hits = tf.pad(tf.gather(hits, order), padding)
  return (
    tf.ensure_shape(keys, [num_keys]),
    tf.ensure_shape(tf.cast(hits, tf.float32), [num_keys]),
  )
