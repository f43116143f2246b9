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
"""Decoding: scores of classes from log-probabilities of buckets.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 4: the
log-probability of a class is the mean of those of its R buckets.
"""

from collections.abc import Sequence
import functools

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import sorting
from tff_methods.label_hashing import hash_functions

_BLOCK_SIZE = 64


def class_scores(
  log_probabilities: tf.Tensor,
  label_hash: hash_functions.LabelHash,
  *,
  reduction: str = 'mean',
) -> tf.Tensor:
  """Returns the score of every class; `top_k` needs less memory.

  Args:
    log_probabilities: `float32[R, batch, B]`.
    label_hash: Hash functions from p classes to buckets.
    reduction: `'mean'` over the R tables, or `'median'`, as in the count
      sketch: the middle value, or the mean of the middle two.

  Returns:
    `float32[batch, p]`.

  Raises:
    ValueError: If `log_probabilities` do not have the tables and buckets of
      `label_hash`, or `reduction` is not in `options.REDUCTIONS`.
  """
  log_probabilities = tf.convert_to_tensor(log_probabilities)
  _check_arguments(log_probabilities, label_hash, reduction)
  buckets = label_hash(tf.range(label_hash.num_classes))
  totals = _totals_by_class(_cost_rows(log_probabilities), buckets, reduction)
  return _mean(tf.transpose(totals), label_hash.num_tables, reduction)


def top_k(
  log_probabilities: tf.Tensor,
  label_hash: hash_functions.LabelHash,
  k: int,
  *,
  reduction: str = 'mean',
  chunk_size: int = 512,
) -> tuple[tf.Tensor, tf.Tensor]:
  """Returns each example's classes with the highest scores, exactly.

  There are two passes:

  1.  All classes are scored, chunk by chunk, for the highest score of each
      block of 64. The k best classes are within the k blocks with the highest
      of these.
  2.  The classes of these blocks are scored again.

  Apart from copies of its argument, this holds a few `[chunk_size, batch]`, the
  bucket of each class in each table, and p / 64 scores for each example.

  Args:
    log_probabilities: `float32[R, batch, B]`.
    label_hash: Hash functions from p classes to buckets.
    k: Number of classes to return, at most p.
    reduction: `'mean'` or `'median'` over the tables: see `class_scores`.
    chunk_size: Number of classes that are scored at once, a multiple of 64.

  Returns:
    Scores, `float32[batch, k]`, descending, and their classes, `int32[batch,
    k]`. Of classes with the same score, the smaller comes first.

  Raises:
    TypeError: If `k` or `chunk_size` is not an int.
    ValueError: If `k` or `chunk_size` is out of range, `log_probabilities` do
      not have the tables and buckets of `label_hash`, or `reduction` is not in
      `options.REDUCTIONS`.
  """
  log_probabilities = tf.convert_to_tensor(log_probabilities)
  _check_arguments(log_probabilities, label_hash, reduction)
  k = argument_checks.check_int('k', k, minimum=1)
  chunk_size = argument_checks.check_int('chunk_size', chunk_size, minimum=1)
  if k > label_hash.num_classes:
    raise ValueError(
      f'Expected k of at most {label_hash.num_classes}, the number of classes, '
      f'found {k}: ask for fewer.'
    )
  if chunk_size % _BLOCK_SIZE:
    raise ValueError(
      f'Expected chunk_size to be a multiple of {_BLOCK_SIZE}, found '
      f'{chunk_size}: round it up.'
    )
  return _top_k(log_probabilities, label_hash, k, reduction, chunk_size)


def signed_probabilities(log_probabilities: tf.Tensor) -> tf.Tensor:
  """Returns probabilities of buckets, each minus that of its partner.

  Buckets 2m and 2m + 1 are partners: the two signs of bucket m of a count
  sketch with B / 2 buckets. A class j has the sign `s(j) = 1` if its bucket is
  even, and -1 if it is odd. The probability that bucket m has a label of sign 1
  minus that of sign -1, times s(j), is the value of class j: its bucket's
  probability minus the partner's. Another class is as likely to share the
  bucket as to be in the partner, so that it cancels in expectation over the
  hash functions, but for examples that have both classes. With the median over
  tables this is the estimate of the count sketch, algorithm 1 of the paper.

  Args:
    log_probabilities: `float32[..., B]`, with an even number of buckets.

  Returns:
    `float32[..., B]`.

  Raises:
    ValueError: If the number of buckets is odd.
  """
  num_buckets = log_probabilities.shape[-1]
  if num_buckets is None or num_buckets % 2:
    raise ValueError(
      'Expected an even number of buckets, two for each bucket of a count '
      f'sketch, found {num_buckets}: add or leave out one.'
    )
  pairs = tf.reshape(
    tf.exp(log_probabilities),
    tf.concat([tf.shape(log_probabilities)[:-1], [num_buckets // 2, 2]], 0),
  )
  signed = pairs - tf.reverse(pairs, [-1])
  return tf.ensure_shape(
    tf.reshape(signed, tf.shape(log_probabilities)), log_probabilities.shape
  )


# Traced even if the caller is eager: a loop of small ops is slow there.
@functools.partial(tf.function, autograph=False)
def _top_k(log_probabilities, label_hash, k, reduction, chunk_size):
  """See `top_k`."""
  num_classes, num_tables = label_hash.num_classes, label_hash.num_tables
  num_blocks = -(-num_classes // _BLOCK_SIZE)
  # The last class fills up the last block, whose maximum stays the same.
  padded = tf.minimum(tf.range(num_blocks * _BLOCK_SIZE), num_classes - 1)
  table = tf.reshape(label_hash(padded), [num_tables, num_blocks, _BLOCK_SIZE])
  rows = _cost_rows(log_probabilities)
  maxima = _block_maxima(rows, table, reduction, chunk_size // _BLOCK_SIZE)
  blocks = tf.math.top_k(maxima, min(k, num_blocks)).indices
  # Ascending, since of equal scores `tf.math.top_k` takes the first.
  blocks = tf.sort(blocks, axis=1)
  classes = blocks[:, :, tf.newaxis] * _BLOCK_SIZE + tf.range(_BLOCK_SIZE)
  classes = tf.reshape(classes, [-1, blocks.shape[1] * _BLOCK_SIZE])
  totals = _totals_by_example(rows, table, blocks, reduction)
  totals = tf.where(classes < num_classes, totals, float('-inf'))
  totals, positions = tf.math.top_k(totals, k)
  scores = _mean(totals, num_tables, reduction)
  return scores, tf.gather(classes, positions, batch_dims=1)


def _cost_rows(log_probabilities: tf.Tensor) -> list[tf.Tensor]:
  """Returns the negative log-probabilities of each table, `float32[B, batch]`.

  The costs of a bucket are a row, contiguous in memory.
  """
  return tf.unstack(-tf.transpose(log_probabilities, [0, 2, 1]))


def _block_maxima(rows, table, reduction, chunk_blocks):
  """Returns the highest total of each block, `float32[batch, blocks]`."""
  num_blocks = table.shape[1]
  chunk_blocks = min(chunk_blocks, num_blocks)

  def chunk_maxima(start):
    # The last block fills up the last chunk: chunks have one shape.
    chunk = tf.minimum(start + tf.range(chunk_blocks), num_blocks - 1)
    buckets = tf.gather(table, chunk, axis=1)
    buckets = tf.reshape(buckets, [len(rows), chunk_blocks * _BLOCK_SIZE])
    totals = _totals_by_class(rows, buckets, reduction)
    shape = [chunk_blocks, _BLOCK_SIZE, tf.shape(totals)[1]]
    return tf.reduce_max(tf.reshape(totals, shape), axis=1)

  maxima = tf.map_fn(
    chunk_maxima,
    tf.range(0, num_blocks, chunk_blocks),
    fn_output_signature=rows[0].dtype,
    parallel_iterations=2,
  )
  maxima = tf.reshape(maxima, [-1, tf.shape(rows[0])[1]])
  return tf.transpose(maxima[:num_blocks])


def _totals_by_class(rows, buckets, reduction):
  """Returns the totals of classes, `float32[m, batch]`.

  Args:
    rows: R tables, `float32[B, batch]`.
    buckets: `int32[R, m]`, the bucket of each class.
    reduction: One of `options.REDUCTIONS`.
  """
  return _total(
    [tf.gather(x, buckets[r]) for r, x in enumerate(rows)], reduction
  )


def _totals_by_example(rows, table, blocks, reduction):
  """Returns the totals of the classes of each example's own blocks.

  Args:
    rows: R tables, `float32[B, batch]`.
    table: `int32[R, blocks, 64]`, the bucket of each class.
    blocks: `int32[batch, m]`.
    reduction: One of `options.REDUCTIONS`.

  Returns:
    `float32[batch, 64 m]`.
  """
  batch = tf.shape(blocks)[0]
  shape = [batch, blocks.shape[1] * _BLOCK_SIZE]
  costs = []
  for r, x in enumerate(rows):
    buckets = tf.reshape(tf.gather(table[r], blocks), shape)
    positions = buckets * batch + tf.range(batch)[:, tf.newaxis]
    costs.append(tf.gather(tf.reshape(x, [-1]), positions))
  return _total(costs, reduction)


def _total(costs: Sequence[tf.Tensor], reduction: str) -> tf.Tensor:
  """Returns the negative sum of costs, element by element.

  With the median, only the middle one or two of the R costs are summed. The
  score is their mean, which is taken once the highest totals are known. Both
  passes must agree in the last bit. Sums may not: graph optimization turns `a +
  b + c` into one op, whose order depends on which buffer it may overwrite. The
  order of `-a - b - c` is kept.
  """
  if reduction == 'median':
    surplus = len(costs) - _num_counted(len(costs), reduction)
    costs = sorting.sort(costs)[surplus // 2 : len(costs) - surplus // 2]
  return functools.reduce(tf.subtract, costs[1:], -costs[0])


def _mean(totals: tf.Tensor, num_tables: int, reduction: str) -> tf.Tensor:
  return totals * (1 / _num_counted(num_tables, reduction))


def _num_counted(num_tables: int, reduction: str) -> int:
  """Returns the number of tables in the mean that is the score."""
  if reduction == 'mean':
    return num_tables
  return 1 if num_tables % 2 else 2


def _check_arguments(
  log_probabilities: tf.Tensor,
  label_hash: hash_functions.LabelHash,
  reduction: str,
) -> None:
  argument_checks.check_choice('reduction', reduction, options_lib.REDUCTIONS)
  expected = [label_hash.num_tables, None, label_hash.num_buckets]
  if not log_probabilities.shape.is_compatible_with(expected):
    raise ValueError(
      f'Expected log_probabilities of shape {expected}, of tables, examples '
      f'and buckets, found {log_probabilities.shape}: stack those of the '
      'tables on the first axis, or give the LabelHash of the model.'
    )
