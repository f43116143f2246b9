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
"""Hierarchical quantization (DHQC, section 3.2): a sign and an interval."""

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.encoders import bit_packing
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding


class HierarchicalQuantizationStage(tensor_encoding.Stage):
  """Sends the sign of each value, and in which interval its magnitude is.

  One bit is the sign, the other `bits - 1` number the interval, of
  `2**(bits - 1)` equal ones between the smallest and the largest magnitude of
  the vector: `thr` and the gradient's largest absolute value in DHQC, where
  the vector is what `TopKStage` keeps and `bits` is 4. A value decodes to its
  sign times the middle of its interval. The error of a value is thus at most
  `(largest - smallest) / 2**bits`. Nothing is random, and nothing unbiased.

  The paper's equation 5 puts a value at `thr + location * (largest - thr) /
  num`: on an edge of its interval, without saying which, nor whether the first
  location is zero, nor what `num` is, the interval's number in the text before.
  Its upper line also adds `thr` without the sign. Whatever edge it means, an
  edge is a whole interval away from some values, and shrinks or stretches all
  of them; the middle has half the largest error and, where the values of an
  interval are spread evenly, none on average. Hence the middle, and as `num`
  all of the `2**(bits - 1)` intervals that the paper's bits can number.

  A vector of one magnitude comes back exactly, zeros as zeros. Among other
  values a zero decodes to the middle of the lowest interval, so send vectors of
  many zeros through `TopKStage` first.

  Encoded tensors: `packed`, `uint8[ceil(n * bits / 8)]`, and `range`,
  `float32[2]`: the smallest and the largest magnitude. Raises
  `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'hierarchical_quantization'
  decode_needs_input_shape = True

  def __init__(self, bits: int):
    """Initializes the stage.

    Args:
      bits: Bits per value, 2 to 16, the sign's among them.

    Raises:
      TypeError: If `bits` is not an int.
      ValueError: If `bits` is out of range.
    """
    argument_checks.check_bits(bits, minimum=2)
    self._bits = bits

  def encode(self, x, encode_params):
    del encode_params  # Unused.
    x = tf.reshape(x, [-1])
    if not x.shape[0]:
      return {'packed': tf.zeros([0], tf.uint8), 'range': tf.zeros([2])}, {}
    z, scale, _ = scaling.well_scaled(x)
    magnitudes = tf.abs(z)
    low, high = tf.reduce_min(magnitudes), tf.reduce_max(magnitudes)
    num_intervals = 2 ** (self._bits - 1)
    # A hair under the exact factor keeps `high` in the last interval.
    to_interval = tf.math.divide_no_nan(
      num_intervals * (1.0 - 2.0**-22), high - low
    )
    dtype = bit_packing.code_dtype(self._bits)
    intervals = tf.cast((magnitudes - low) * to_interval, dtype)
    signs = tf.cast(z < 0.0, dtype) * tf.constant(num_intervals, dtype)
    packed = bit_packing.pack(intervals + signs, self._bits)
    return {'packed': packed, 'range': tf.stack([low, high]) * scale}, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    del decode_params, num_summands  # Unused.
    low, high = tf.unstack(encoded_tensors['range'])
    num_intervals = 2 ** (self._bits - 1)
    upper = (np.arange(num_intervals, dtype=np.float32) + 0.5) / num_intervals
    # Weights of both ends: of one magnitude they give it back exactly.
    middles = low * (1.0 - upper) + high * upper
    table = tf.concat([middles, -middles], axis=0)
    length = int(np.prod(shape, dtype=np.int64))
    x = bit_packing.lookup(encoded_tensors['packed'], table, self._bits, length)
    return tf.reshape(x, shape)
