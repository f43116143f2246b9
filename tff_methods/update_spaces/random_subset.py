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
"""Random subsets of a range, of an exact size, without a sort."""

import math

import tensorflow as tf

from tff_methods.common import seeds

_ROUNDS = 2


def draw(key: tf.Tensor, length: int, size: int) -> tf.Tensor:
  """Draws distinct numbers below `length`; all are equally likely.

  It shuffles a grid with a cell for each number as a Feistel network does: it
  rotates each row by a random number of cells of its own, then each column, and
  again. Whatever was first is then drawn. This needs random numbers for rows
  and columns only, and moves only what is drawn.

  Args:
    key: `int32[2]`.
    length: At least 1.
    size: How many to draw, from 1 to `length`.

  Returns:
    `int32[size]`, ascending.
  """
  num_columns = math.isqrt(length - 1) + 1
  num_rows = math.ceil(length / num_columns)
  num_unused = num_rows * num_columns - length
  words = seeds.random_words(key, _ROUNDS * (num_rows + num_columns))
  words = tf.split(words, [num_rows, num_columns] * _ROUNDS)
  # Even if all cells that stand for no number are among the first.
  num_cells = size + num_unused
  cells = [math.ceil(num_cells / num_columns), num_columns]
  row, column = (
    tf.reshape(tf.broadcast_to(index, cells), [-1])[:num_cells]
    for index in (tf.range(cells[0])[:, tf.newaxis], tf.range(num_columns))
  )
  for of_rows, of_columns in zip(words[::2], words[1::2], strict=True):
    column = _rotate(column, num_columns, of_rows, row)
    row = _rotate(row, num_rows, of_columns, column)
  numbers = row * num_columns + column
  numbers = tf.boolean_mask(numbers, numbers < length)[:size]
  # In order, for the sake of those who read memory by it.
  is_drawn = tf.raw_ops.SparseToDense(
    sparse_indices=numbers,
    output_shape=[length],
    sparse_values=True,
    default_value=False,
    validate_indices=False,
  )
  return tf.ensure_shape(tf.cast(tf.where(is_drawn)[:, 0], tf.int32), [size])


def _rotate(position, num_positions, words, line):
  """Returns positions rotated within lines, by the random word of each line."""
  position += tf.gather(words % num_positions, line)
  # Much faster than a remainder.
  return position - num_positions * tf.cast(position >= num_positions, tf.int32)
