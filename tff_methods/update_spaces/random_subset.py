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
"""Random subsets of a range, of an exact size, drawn without sorting."""

import math

import tensorflow as tf

from tff_methods.common import lookup
from tff_methods.common import seeds


def draw(key: tf.Tensor, length: int, size: int) -> tf.Tensor:
  """Draws distinct numbers below `length`, each as likely as the others.

  A grid with a cell for each number is shuffled like a Feistel network: each
  row is rotated by its own random number of cells, then each column, then rows
  and columns once more. The numbers of the first cells are the subset. This
  takes random numbers for rows and columns only, and moves drawn cells only.
  Subsets are not all equally likely: numbers that were in one row are drawn
  together slightly more often, and of a few numbers in all, some more often
  than others.

  Args:
    key: `int32[2]`.
    length: Number of numbers to draw from, at least 1.
    size: Number of numbers to draw, from 1 to `length`.

  Returns:
    `int32[size]`, ascending.
  """
  num_columns = math.isqrt(length - 1) + 1
  num_rows = math.ceil(length / num_columns)
  num_unused = num_rows * num_columns - length
  words = seeds.random_words(key, 2 * (num_rows + num_columns))
  first_row_words, first_column_words, row_words, column_words = tf.split(
    words, [num_rows, num_columns] * 2
  )
  # Enough cells even if all cells without a number are among the first.
  num_cells = size + num_unused
  cells = [math.ceil(num_cells / num_columns), num_columns]
  # Cells are still in order, row by row: the first rotation needs no lookup.
  shifts = (first_row_words % num_columns)[: cells[0], tf.newaxis]
  row = tf.broadcast_to(tf.range(cells[0])[:, tf.newaxis], cells)
  column = _wrap(tf.range(num_columns) + shifts, num_columns)
  row, column = (tf.reshape(x, [-1])[:num_cells] for x in (row, column))
  row = _rotate(row, num_rows, first_column_words, column)
  column = _rotate(column, num_columns, row_words, row)
  row = _rotate(row, num_rows, column_words, column)
  numbers = row * num_columns + column
  numbers = numbers[: _num_cells_with(size, numbers >= length)]
  # In ascending order, so that memory is read in order.
  is_drawn = tf.raw_ops.SparseToDense(
    sparse_indices=numbers,
    output_shape=[num_rows * num_columns],
    sparse_values=True,
    default_value=False,
    validate_indices=False,
  )[:length]
  return tf.ensure_shape(tf.cast(tf.where(is_drawn)[:, 0], tf.int32), [size])


def _num_cells_with(size: int, is_unused: tf.Tensor) -> tf.Tensor:
  """Returns how many of the first cells have `size` numbers together.

  Few cells are unused, so they are counted, not the others.

  Args:
    size: Number of numbers, at most that of all cells.
    is_unused: `bool[n]`, true for cells without a number.
  """
  unused = tf.cast(tf.where(is_unused)[:, 0], tf.int32)
  num_numbers_before = unused - tf.range(tf.size(unused))
  return size + tf.math.count_nonzero(num_numbers_before < size, dtype=tf.int32)


def _rotate(
  position: tf.Tensor, num_positions: int, words: tf.Tensor, line: tf.Tensor
) -> tf.Tensor:
  """Returns positions rotated within lines, by the random word of each line."""
  shifts = lookup.take(words % num_positions, line)
  return _wrap(position + shifts, num_positions)


def _wrap(position: tf.Tensor, num_positions: int) -> tf.Tensor:
  """Returns the remainder of positions below `2 * num_positions`."""
  # Much faster than the remainder op.
  return position - num_positions * tf.cast(position >= num_positions, tf.int32)
