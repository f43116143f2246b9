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
"""Hierarchical quantization to a sign and an interval of the magnitude.

Jiang et al. (2022), "DHQC", section 3.2.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.encoders import bit_packing
from tff_methods.encoders import range_coding
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding


class HierarchicalQuantizationStage(tensor_encoding.Stage):
  """Quantizes each value to its sign and an interval of its magnitude.

  One bit is the sign; the other `bits - 1` are the index of one of
  `2**(bits - 1)` equal intervals between the smallest and the largest magnitude
  of the vector. (In DHQC, the vector consists of the values that `TopKStage`
  selects, the smallest magnitude is `thr`, and `bits` is 4.) A value decodes to
  its sign times the middle of its interval, so its error is at most
  `(largest - smallest) / 2**bits`. Quantization is deterministic and biased.

  The paper's equation 5 decodes to `thr + location * (largest - thr) / num`, an
  edge of the interval. It leaves open which edge, whether the first location is
  zero, and the meaning of `num`, the interval's number in the text before; its
  upper line also adds `thr` without the sign. Either edge is a whole interval
  away from some values, and shrinks or stretches all of them. The middle has
  half the largest error and, for values spread evenly within an interval, no
  error on average. Hence this stage decodes to the middle, and `num` is
  `2**(bits - 1)`, all intervals that the paper's bits can number.

  With `scale='contractive'`, the decoded vector is never longer than the value,
  and biased: see `range_coding.RangeCoder`.

  A vector of equal magnitudes is decoded exactly, zeros included. Among other
  values, a zero decodes to the middle of the lowest interval: put `TopKStage`
  before this stage for vectors of many zeros.

  Encoded tensors: `packed`, `uint8[ceil(n * bits / 8)]`, and `range`,
  `float32[2]`: the smallest and the largest magnitude. Raises
  `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'hierarchical_quantization'
  decode_needs_input_shape = True

  def __init__(self, bits: int, scale: str = 'unbiased'):
    """Initializes the stage.

    Args:
      bits: Bits per value, 2 to 16, including the sign.
      scale: Scale of decoded values. `'unbiased'`: the middles, as above.
        `'contractive'`: never longer than the value.

    Raises:
      TypeError: If `bits` is not an int.
      ValueError: If `bits` or `scale` is out of range.
    """
    self._bits = argument_checks.check_bits(
      bits, minimum=argument_checks.MIN_SIGNED_BITS
    )
    self._coder = range_coding.RangeCoder(self._bits, scale, self._middles)

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    del encode_params  # Unused.
    x = tf.reshape(x, [-1])
    if not x.shape[0]:
      return self._coder.empty(), {}
    z, scale, _ = scaling.well_scaled(x)
    magnitudes = tf.abs(z)
    low, high = tf.reduce_min(magnitudes), tf.reduce_max(magnitudes)
    num_intervals = 2 ** (self._bits - 1)
    # Slightly below the exact factor, which keeps `high` in the last interval.
    to_interval = tf.math.divide_no_nan(
      num_intervals * (1.0 - 2.0**-22), high - low
    )
    dtype = bit_packing.code_dtype(self._bits)
    intervals = tf.cast((magnitudes - low) * to_interval, dtype)
    signs = tf.cast(z < 0.0, dtype) * tf.constant(num_intervals, dtype)
    return self._coder.encode(intervals + signs, (low, high), z, scale), {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    return self._coder.decode(encoded_tensors, shape)

  def _middles(self, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Returns the values of codes, given both ends of the range."""
    num_intervals = 2 ** (self._bits - 1)
    upper = (np.arange(num_intervals, dtype=np.float32) + 0.5) / num_intervals
    # Weighted means of both ends: exact if they are equal.
    middles = low * (1.0 - upper) + high * upper
    return tf.concat([middles, -middles], axis=0)
