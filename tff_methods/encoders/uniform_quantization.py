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
"""Uniform quantization with stochastic rounding.

"Probabilistic quantization" of Konečný et al. (2016), section 3.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.encoders import bit_packing
from tff_methods.encoders import range_coding
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding


class UniformQuantizationStage(tensor_encoding.ClientSeededStage):
  """Rounds stochastically to `2**bits` levels between minimum and maximum.

  Levels are evenly spaced and include both ends. A value between two levels is
  rounded up with probability (value - lower level) / (distance of the levels),
  so decoding is unbiased up to `float32` rounding (2**-22 of the range).

  The paper divides the range into "2^b intervals". Their ends are 2^b + 1
  levels, which b bits cannot tell apart, while its formula for one bit has the
  two ends of the range as levels. This stage follows the formula: 2^b levels,
  the ends included, are 2^b - 1 intervals.

  With `scale='contractive'`, the decoded vector is never longer than the value,
  and biased: see `range_coding.RangeCoder`.

  Encode params: `key`, `int32[2]`. Encoded tensors: `packed`,
  `uint8[ceil(n * bits / 8)]`, and `range`, `float32[2]`: the minimum and the
  maximum. Raises `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'uniform_quantization'
  decode_needs_input_shape = True

  def __init__(
    self,
    bits: int,
    seed: Sequence[int],
    seed_source: str = 'reproducible',
    scale: str = 'unbiased',
  ):
    """Initializes the stage.

    Args:
      bits: Bits per value, 1 to 16.
      seed: See `SeededStage`.
      seed_source: See `ClientSeededStage`.
      scale: Scale of decoded values. `'unbiased'` or `'contractive'`: never
        longer than the value.

    Raises:
      TypeError: If `bits` is not an int.
      ValueError: If `bits`, `seed_source` or `scale` is out of range.
    """
    super().__init__(seed, seed_source)
    self._bits = argument_checks.check_bits(bits)
    self._coder = range_coding.RangeCoder(self._bits, scale, self._levels)

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    x = tf.reshape(x, [-1])
    if not x.shape[0]:
      return self._coder.empty(), {}
    z, scale, _ = scaling.well_scaled(x)
    low, high = tf.reduce_min(z), tf.reduce_max(z)
    top = 2**self._bits - 1
    # Slightly below the exact factor, which keeps `high` plus the noise below
    # `top + 1`.
    to_level = tf.math.divide_no_nan(top * (1.0 - 2.0**-22), high - low)
    key = self.client_key(x, encode_params)
    levels = (z - low) * (256.0 * to_level)
    with tf.control_dependencies([levels]):  # Lowers the peak of memory.
      own, shared = dither(key, x.shape[0])
    levels = (levels + own + shared) / 256.0
    codes = tf.cast(levels, bit_packing.code_dtype(self._bits))
    return self._coder.encode(codes, (low, high), z, scale), {}

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

  def _levels(self, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Returns the levels, given both ends of the range."""
    # Weighted means of both ends: high - low can exceed the largest float.
    upper = np.linspace(0.0, 1.0, 2**self._bits, dtype=np.float32)
    return low * (1.0 - upper) + high * upper


def dither(key: tf.Tensor, length: int) -> tuple[tf.Tensor, tf.Tensor]:
  """Returns noise of two parts, whose sum is uniform over [0, 256).

  Each element has eight random bits of its own, which takes a quarter of the
  time of 32; the finer bits are one draw for all elements. They are 15, since
  the sum of both would else round up to 256.

  Returns:
    `float32[length]`, whole numbers, and `float32[]`, between 0 and 1.
  """
  words = seeds.random_words(key, (length + 3) // 4 + 1)
  own = tf.reshape(tf.bitcast(words[1:], tf.uint8), [-1])[:length]
  shared = tf.cast(tf.bitwise.bitwise_and(words[0], 0x7FFF), tf.float32)
  return tf.cast(own, tf.float32), (shared + 0.5) * 2.0**-15
