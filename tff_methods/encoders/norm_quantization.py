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
"""Quantization to multiples of a norm. Alistarh et al. (2017), "QSGD"."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.encoders import bit_packing
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding
from tff_methods.encoders import uniform_quantization


class NormQuantizationStage(tensor_encoding.ClientSeededStage):
  """Rounds stochastically to `2 s + 1` multiples of a norm, zero among them.

  QSGD, section 3.1: the vector is cut into buckets. A value `x` of a bucket of
  norm `u` becomes `sign(x) * u * l / s`, with `l` one of the two whole numbers
  next to `s |x| / u`, at random so that its mean is `x`. Here `s = 2**(bits -
  1) - 1`, all levels that a sign and the other bits can number. Decoding is
  unbiased up to `float32` rounding.

  `UniformQuantizationStage` differs in three respects: its levels lie between
  the minimum and the maximum, are not symmetric about zero, and are those of
  the tensor as one bucket.

  Codes have a fixed size. QSGD's Elias code, whose size depends on the values,
  is left out: payloads here are of static sizes. It is what makes the Euclidean
  norm worthwhile, with which most values become zero.

  Encode params: `key`, `int32[2]`. Encoded tensors: `packed`,
  `uint8[ceil(n * bits / 8)]`, and `norms`, `float32[ceil(n / bucket_size)]`.
  Raises `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'norm_quantization'
  decode_needs_input_shape = True

  def __init__(
    self,
    bits: int,
    seed: Sequence[int],
    seed_source: str = 'reproducible',
    *,
    bucket_size: int = 512,
    norm: str = 'max',
  ):
    """Initializes the stage.

    Args:
      bits: Bits per value, 2 to 16.
      seed: See `SeededStage`.
      seed_source: See `ClientSeededStage`.
      bucket_size: Values of a bucket; the last one can be smaller.
      norm: Norm of a bucket. `'max'`: the largest magnitude, as in the paper's
        experiments. `'euclidean'`: as in its theory.

    Raises:
      TypeError: If `bits` or `bucket_size` is not an int.
      ValueError: If an argument is out of range.
    """
    super().__init__(seed, seed_source)
    self._bits = argument_checks.check_bits(
      bits, minimum=argument_checks.MIN_SIGNED_BITS
    )
    self._bucket_size = argument_checks.check_int(
      'bucket_size', bucket_size, minimum=1
    )
    argument_checks.check_choice('norm', norm, options_lib.NORMS)
    self._norm = norm
    self._num_levels = 2 ** (self._bits - 1) - 1

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    x = tf.reshape(x, [-1])
    length = x.shape[0]
    if not length:
      return {'packed': tf.zeros([0], tf.uint8), 'norms': tf.zeros([0])}, {}
    z, scale, _ = scaling.well_scaled(x)
    buckets = self._buckets(z)
    if self._norm == 'max':
      norms = tf.reduce_max(tf.abs(buckets), axis=1)
    else:
      norms = tf.sqrt(tf.reduce_sum(tf.square(buckets), axis=1))
    relative = tf.math.divide_no_nan(buckets, norms[:, tf.newaxis])
    relative = tf.reshape(relative, [-1])[:length]
    own, shared = uniform_quantization.dither(
      self.client_key(x, encode_params), length
    )
    # The floor after noise in (0, 1) rounds up with the right probability, on
    # either side of zero, and keeps zero.
    levels = tf.floor(
      (relative * (256.0 * self._num_levels) + own + shared) / 256.0
    )
    levels = tf.clip_by_value(levels, -self._num_levels, self._num_levels)
    codes = tf.cast(
      levels + self._num_levels, bit_packing.code_dtype(self._bits)
    )
    packed = bit_packing.pack(codes, self._bits)
    return {'packed': packed, 'norms': norms * scale}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    length = tensor_encoding.num_elements(shape)
    if not length:
      return tf.zeros(shape)
    codes = bit_packing.unpack(encoded_tensors['packed'], self._bits, length)
    levels = (tf.cast(codes, tf.float32) - self._num_levels) / self._num_levels
    norms = encoded_tensors['norms'][:, tf.newaxis]
    values = tf.reshape(self._buckets(levels) * norms, [-1])[:length]
    return tf.reshape(values, shape)

  def _buckets(self, x: tf.Tensor) -> tf.Tensor:
    """Returns a vector as rows of buckets, filled up with zeros."""
    size = min(self._bucket_size, x.shape[0])
    return tf.reshape(tf.pad(x, [[0, -x.shape[0] % size]]), [-1, size])
