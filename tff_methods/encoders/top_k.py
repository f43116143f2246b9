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
"""Top-k sparsification: selection of the values of largest magnitude.

Jiang et al. (2022), "DHQC", section 3.1.
"""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import lookup
from tff_methods.encoders import elias_fano
from tff_methods.encoders import subsampling
from tff_methods.encoders import tensor_encoding

# A sample of this size estimates the threshold of a longer vector to within a
# few percent.
_SAMPLE_SIZE = 2**15


class TopKStage(tensor_encoding.Stage):
  """Selects exactly `max(1, round(fraction * n))` values of largest magnitude.

  The selection is exact. Among values of equal magnitude at the threshold,
  those at the lowest positions are selected. (The mask of DHQC's equation 4,
  `|W[i]| >= thr`, selects all of them, so that the size of its payload depends
  on the data.) All other values are decoded as zeros, which is biased: without
  error feedback, unsent values are lost. The decoded vector has some of the
  value's coordinates and zeros elsewhere, so it is never longer.

  Encoded tensors: `values`, `float32[k]`, by ascending position, for other
  stages to encode further, and `positions`, `uint8[elias_fano.packed_size(k,
  n)]`: at most 0.6 bits per value above the entropy of the selection. Requires
  finite values, which is not checked.
  """

  name = 'top_k'
  compressible_tensors_keys = ['values']
  decode_needs_input_shape = True

  def __init__(self, fraction: float):
    """Initializes the stage.

    Args:
      fraction: Fraction of the values that is sent, in (0, 1].

    Raises:
      ValueError: If `fraction` is out of range.
    """
    fraction = argument_checks.check_fraction(fraction)
    self._fraction = fraction

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    del encode_params  # Unused.
    x = tf.reshape(x, [-1])
    length = x.shape[0]
    positions = largest(x, subsampling.num_kept(length, self._fraction))
    return {
      'values': lookup.take(x, positions),
      'positions': elias_fano.encode(positions, length),
    }, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    values = encoded_tensors['values']
    length = tensor_encoding.num_elements(shape)
    positions = elias_fano.decode(
      encoded_tensors['positions'], values.shape[0], length
    )
    return tf.reshape(scatter(values, positions, length), shape)


def largest(x: tf.Tensor, k: int) -> tf.Tensor:
  """Returns the positions of the `k` values of largest magnitude, ascending.

  Among values of equal magnitude at the threshold, those at the lowest
  positions are selected. Denormal values are not flushed to zero.

  No values are sorted. A sample gives a threshold that slightly more than `k`
  values exceed, probably; the `k`-th largest is then selected among these
  alone. If fewer exceed it, it is selected among all values: the result is the
  same.

  Args:
    x: `float32[n]`, finite, of a static `n`.
    k: Number of positions, at most `n`.

  Returns:
    `int32[k]`.
  """
  length = x.shape[0]
  if k in (0, length):
    return tf.range(k)
  # The bits of a float without its sign are ordered like the magnitudes. This
  # also holds for denormal floats, which TensorFlow flushes to zero.
  magnitudes = tf.bitwise.bitwise_and(tf.bitcast(x, tf.int32), 0x7FFFFFFF)
  if length < 8 * _SAMPLE_SIZE or 2 * k > length:
    return _reaching(magnitudes, _nth_largest(magnitudes, k), k)
  estimate = _threshold_of_sample(magnitudes, k)
  candidates = _where(magnitudes > estimate)

  def among_candidates():
    values = lookup.take(magnitudes, candidates)
    chosen = _reaching(values, _nth_largest(values, k), k)
    return lookup.take(candidates, chosen)

  def among_all():
    # If most values are equal (zeros), the estimate is their magnitude, and the
    # threshold itself.
    threshold = tf.cond(
      tf.math.count_nonzero(magnitudes >= estimate) >= k,
      lambda: estimate,
      lambda: _nth_largest(magnitudes, k),
    )
    return _reaching(magnitudes, threshold, k)

  return tf.cond(tf.size(candidates) >= k, among_candidates, among_all)


def scatter(values: tf.Tensor, positions: tf.Tensor, length: int) -> tf.Tensor:
  """Scatters values to their positions.

  Args:
    values: `float32[k]`.
    positions: `int32[k]`, distinct.
    length: Length of the result.

  Returns:
    `float32[length]`, zero at other positions.

  Raises:
    tf.errors.InvalidArgumentError: When run, if a position is out of range.
  """
  # Twice as fast as `tf.scatter_nd`, which adds values at equal positions.
  dense = tf.raw_ops.SparseToDense(
    sparse_indices=positions,
    output_shape=[length],
    sparse_values=values,
    default_value=tf.zeros([], values.dtype),
    validate_indices=False,
  )
  return tf.ensure_shape(dense, [length])


def _threshold_of_sample(magnitudes: tf.Tensor, k: int) -> tf.Tensor:
  """Returns a threshold that `k` magnitudes reach, and few more, probably."""
  length = magnitudes.shape[0]
  # An odd stride, which does not align with the rows of most matrices.
  sample = magnitudes[:: length // _SAMPLE_SIZE | 1]
  expected = sample.shape[0] * k / length
  # Four standard deviations to the safe side.
  rank = int(expected + 4.0 * expected**0.5 + 8.0)
  return _nth_largest(sample, min(rank, sample.shape[0]))


def _reaching(magnitudes: tf.Tensor, threshold: tf.Tensor, k: int) -> tf.Tensor:
  """Returns the positions of the `k` largest magnitudes, ascending, `int32[k]`.

  Args:
    magnitudes: `int32[n]`.
    threshold: The `k`-th largest magnitude.
    k: Number of positions.
  """
  num_above = tf.math.count_nonzero(magnitudes > threshold, dtype=tf.int32)
  ties = tf.where(tf.equal(magnitudes, threshold))
  # Ties are selected before this position, and none from it on.
  end = tf.cast(ties[k - 1 - num_above, 0], tf.int32) + 1
  until = _where(magnitudes[:end] >= threshold)
  beyond = _where(magnitudes[end:] > threshold) + end
  return tf.ensure_shape(tf.concat([until, beyond], axis=0), [k])


def _nth_largest(x: tf.Tensor, n: int) -> tf.Tensor:
  # The only op that selects in linear time; `tf.math.top_k` takes 10 times as
  # long.
  return tf.raw_ops.NthElement(input=x, n=n - 1, reverse=True)


def _where(condition: tf.Tensor) -> tf.Tensor:
  return tf.cast(tf.where(condition)[:, 0], tf.int32)
