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
"""Top-k sparsification (DHQC, section 3.1): send the largest values only."""

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.encoders import elias_fano
from tff_methods.encoders import subsampling
from tff_methods.encoders import tensor_encoding

# A sample of this many tells the threshold of a longer vector to a few percent.
_SAMPLE_SIZE = 2**15


class TopKStage(tensor_encoding.Stage):
  """Keeps exactly `max(1, round(fraction * n))` values of largest magnitude.

  Which are kept is exact; of values of equal magnitude at the threshold, those
  at the lowest positions (the mask of DHQC's equation 4, `|W[i]| >= thr`, keeps
  all of them, so that the size of its payload depends on the data). The other
  values are decoded as zeros, which is biased: keep what is not sent on the
  client, and add it to the next update, or it is lost.

  Encoded tensors: `values`, `float32[k]`, by ascending position, for other
  stages to encode further, and `positions`, `uint8[elias_fano.packed_size(k,
  n)]`: at most 0.6 bits a value more than the entropy of the choice. Takes
  finite values only, which it does not check.
  """

  name = 'top_k'
  compressible_tensors_keys = ['values']
  decode_needs_input_shape = True

  def __init__(self, fraction: float):
    """Initializes the stage.

    Args:
      fraction: The part of the values that is sent, in (0, 1].

    Raises:
      ValueError: If `fraction` is out of range.
    """
    argument_checks.check_fraction(fraction)
    self._fraction = fraction

  def encode(self, x, encode_params):
    del encode_params  # Unused.
    x = tf.reshape(x, [-1])
    length = x.shape[0]
    positions = largest(x, subsampling.num_kept(length, self._fraction))
    return {
      'values': tf.gather(x, positions),
      'positions': elias_fano.encode(positions, length),
    }, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    del decode_params, num_summands  # Unused.
    values = encoded_tensors['values']
    length = int(np.prod(shape, dtype=np.int64))
    positions = elias_fano.decode(
      encoded_tensors['positions'], values.shape[0], length
    )
    return tf.reshape(scatter(values, positions, length), shape)


def largest(x: tf.Tensor, k: int) -> tf.Tensor:
  """Returns the positions of the `k` values of largest magnitude, ascending.

  Of values of equal magnitude at the threshold, those at the lowest positions
  are taken. Denormal values count as what they are, and not as zeros.

  Nothing is sorted. A sample tells a threshold that slightly more than `k`
  values exceed, and among these alone the `k`-th largest is selected. If the
  sample misleads, all values are gone through: the result is the same.

  Args:
    x: `float32[n]`, finite, of a static `n`.
    k: How many to take, at most `n`.

  Returns:
    `int32[k]`.
  """
  length = x.shape[0]
  if k in (0, length):
    return tf.range(k)
  # The bits of a float without its sign are ordered like the magnitudes, also
  # where TensorFlow takes denormal floats for zeros.
  magnitudes = tf.bitwise.bitwise_and(tf.bitcast(x, tf.int32), 0x7FFFFFFF)
  if length < 8 * _SAMPLE_SIZE or 2 * k > length:
    return _reaching(magnitudes, _nth_largest(magnitudes, k), k)
  estimate = _threshold_of_sample(magnitudes, k)
  candidates = _where(magnitudes > estimate)

  def among_candidates():
    values = tf.gather(magnitudes, candidates)
    chosen = _reaching(values, _nth_largest(values, k), k)
    return tf.gather(candidates, chosen)

  def among_all():
    # Of values that are mostly alike (zeros), the estimate is what they are,
    # and the threshold itself.
    threshold = tf.cond(
      tf.math.count_nonzero(magnitudes >= estimate) >= k,
      lambda: estimate,
      lambda: _nth_largest(magnitudes, k),
    )
    return _reaching(magnitudes, threshold, k)

  return tf.cond(tf.size(candidates) >= k, among_candidates, among_all)


def scatter(values: tf.Tensor, positions: tf.Tensor, length: int) -> tf.Tensor:
  """Puts values at their positions.

  Args:
    values: `float32[k]`.
    positions: `int32[k]`, distinct.
    length: The number of positions.

  Returns:
    `float32[length]`, zero elsewhere. Positions out of range are an
    `InvalidArgumentError` when run.
  """
  # Twice as fast as `tf.scatter_nd`, which adds where positions repeat.
  dense = tf.raw_ops.SparseToDense(
    sparse_indices=positions,
    output_shape=[length],
    sparse_values=values,
    default_value=tf.zeros([], values.dtype),
    validate_indices=False,
  )
  return tf.ensure_shape(dense, [length])


def _threshold_of_sample(magnitudes: tf.Tensor, k: int) -> tf.Tensor:
  """Returns what at least `k` magnitudes reach, and few more, probably."""
  length = magnitudes.shape[0]
  # Odd, or it could keep step with the rows of a matrix.
  sample = magnitudes[:: length // _SAMPLE_SIZE | 1]
  expected = sample.shape[0] * k / length
  # Four standard deviations to the safe side.
  rank = int(expected + 4.0 * expected**0.5 + 8.0)
  return _nth_largest(sample, min(rank, sample.shape[0]))


def _reaching(magnitudes: tf.Tensor, threshold: tf.Tensor, k: int) -> tf.Tensor:
  """Returns where the `k` largest are, the `k`-th of which is the threshold.

  Returns:
    `int32[k]`, ascending.
  """
  num_above = tf.math.count_nonzero(magnitudes > threshold, dtype=tf.int32)
  ties = tf.where(tf.equal(magnitudes, threshold))
  # Ties are taken up to here, and none of those beyond.
  end = tf.cast(ties[k - 1 - num_above, 0], tf.int32) + 1
  until = _where(magnitudes[:end] >= threshold)
  beyond = _where(magnitudes[end:] > threshold) + end
  return tf.ensure_shape(tf.concat([until, beyond], axis=0), [k])


def _nth_largest(x: tf.Tensor, n: int) -> tf.Tensor:
  # The only selection in linear time; `tf.math.top_k` takes 10 times as long.
  return tf.raw_ops.NthElement(input=x, n=n - 1, reverse=True)


def _where(condition: tf.Tensor) -> tf.Tensor:
  return tf.cast(tf.where(condition)[:, 0], tf.int32)
