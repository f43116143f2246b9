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
"""Ternary quantization to -u, 0 and u. Wen et al. (2017), "TernGrad"."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import lookup
from tff_methods.common import seeds
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding

_TRITS_PER_BYTE = 5  # 3**5 = 243.
_PLACES = 3 ** np.arange(_TRITS_PER_BYTE)


class TernaryQuantizationStage(tensor_encoding.ClientSeededStage):
  """Rounds stochastically to `-u`, 0 or `u`, the largest magnitude.

  A value `x` becomes `sign(x) * u` with probability `|x| / u`, and otherwise
  zero (TernGrad, equations 1 to 3), so decoding is unbiased up to `float32`
  rounding (2**-22 of `u`). Each tensor of each client has its own `u` (the
  paper's layer-wise ternarizing, without its scaler sharing).

  With `clip_factor`, magnitudes are first clipped at `clip_factor` standard
  deviations (equation 10; 2.5 in the paper). This lowers `u`, and with it the
  variance, but biases the clipped values. The standard deviation is taken about
  zero, the mean of the normal distribution in the paper's reasoning: about the
  tensor's own mean, a tensor of equal values would be clipped to zero.

  With `scale='contractive'`, a value is decoded to `sign(x) * s` instead, with
  the least-squares `s` times `sign`s, the projection of `x` on them: it is
  never longer than `x` (see `scaling.contractive_scale`), and biased.

  Five values take one byte, 1.6 bits per value; the entropy of three equally
  likely values is 1.585 bits.

  Encode params: `key`, `int32[2]`. Encoded tensors: `packed`,
  `uint8[ceil(n / 5)]`, and `scale`, `float32[]`, the `u` above. Raises
  `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'ternary_quantization'
  decode_needs_input_shape = True

  def __init__(
    self,
    seed: Sequence[int],
    seed_source: str = 'reproducible',
    clip_factor: float | None = None,
    scale: str = 'unbiased',
  ):
    """Initializes the stage.

    Args:
      seed: See `SeededStage`.
      seed_source: See `ClientSeededStage`.
      clip_factor: Magnitudes are clipped at this many standard deviations;
        `None` disables clipping.
      scale: Scale of decoded values. `'unbiased'` or `'contractive'`: never
        longer than the value.

    Raises:
      TypeError: If `clip_factor` is not a number.
      ValueError: If `seed_source`, `clip_factor` or `scale` is out of range.
    """
    super().__init__(seed, seed_source)
    if clip_factor is not None:
      clip_factor = argument_checks.check_positive_float32(
        'clip_factor', clip_factor
      )
    self._clip_factor = clip_factor
    argument_checks.check_choice('scale', scale, options_lib.SCALES)
    self._scale = scale

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    x = tf.reshape(x, [-1])
    length = x.shape[0]
    if not length:
      return {'packed': tf.zeros([0], tf.uint8), 'scale': tf.zeros([])}, {}
    z, scale, squared_norm = scaling.well_scaled(x)
    unclipped = z
    largest = _largest(z, squared_norm, self._clip_factor)
    if self._clip_factor is not None:
      z = tf.clip_by_value(z, -largest, largest)
    key = self.client_key(x, encode_params)
    trits = _round_at_random(z, largest, key)
    magnitude = largest
    if self._scale == 'contractive':
      magnitude = scaling.contractive_scale(unclipped, trits, scale)
    return {'packed': _pack(trits), 'scale': magnitude * scale}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    return _unpack(encoded_tensors['packed'], encoded_tensors['scale'], shape)


class TernaryRoundingStage(tensor_encoding.ClientSeededStage):
  """Rounds values in [-1, 1] stochastically to -1, 0 or 1.

  `TernaryQuantizationStage` of values that are already divided by a scale that
  the receiver knows, so that none is sent.

  Encode params: `key`, `int32[2]`. Encoded tensors: `packed`,
  `uint8[ceil(n / 5)]`.
  """

  name = 'ternary_rounding'
  decode_needs_input_shape = True

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    x = tf.reshape(x, [-1])
    if not x.shape[0]:
      return {'packed': tf.zeros([0], tf.uint8)}, {}
    key = self.client_key(x, encode_params)
    return {'packed': _pack(_round_at_random(x, tf.constant(1.0), key))}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    return _unpack(encoded_tensors['packed'], tf.constant(1.0), shape)


def largest_magnitude(x: tf.Tensor, clip_factor: float | None) -> tf.Tensor:
  """Returns the largest magnitude of a tensor, clipped, `float32[]`.

  Args:
    x: A `float32` tensor of at least one element.
    clip_factor: See `TernaryQuantizationStage`.

  Raises:
    tf.errors.InvalidArgumentError: When run, if `x` has NaN or Inf.
  """
  z, scale, squared_norm = scaling.well_scaled(x)
  return _largest(z, squared_norm, clip_factor) * scale


def _largest(
  z: tf.Tensor, squared_norm: tf.Tensor, clip_factor: float | None
) -> tf.Tensor:
  """See `largest_magnitude`; of a well scaled tensor."""
  largest = tf.reduce_max(tf.abs(z))
  if clip_factor is None:
    return largest
  num_elements = tensor_encoding.num_elements(z.shape)
  return tf.minimum(largest, clip_factor * tf.sqrt(squared_norm / num_elements))


def _round_at_random(
  z: tf.Tensor, largest: tf.Tensor, key: tf.Tensor
) -> tf.Tensor:
  """Returns `float32[n]` of -1, 0 and 1, whose means are `z / largest`."""
  length = z.shape[0]
  # Half of a word for each value: 16 random bits. Seven finer bits are one draw
  # for all values, and rarely decide. More would not fit into a float32 of this
  # size, and would round up to 2**16, so that zeros would not stay zeros.
  words = seeds.random_words(key, (length + 1) // 2 + 1)
  own = tf.reshape(tf.bitcast(words[:-1], tf.uint16), [-1])[:length]
  shared = tf.cast(tf.bitwise.bitwise_and(words[-1], 0x7F), tf.float32)
  # Slightly below the exact factor, which keeps the largest plus the noise
  # below 2.
  factor = tf.math.divide_no_nan(2.0**16 * (1.0 - 2.0**-22), largest)
  noisy = z * factor + (tf.cast(own, tf.float32) + (shared + 0.5) * 2.0**-7)
  # The floor after noise in (0, 1) rounds up with the right probability, on
  # either side of zero.
  return tf.floor(noisy * 2.0**-16)


def _pack(trits: tf.Tensor) -> tf.Tensor:
  """Packs `float32[n]` of -1, 0 and 1 into `uint8[ceil(n / 5)]`, in base 3."""
  padding = -trits.shape[0] % _TRITS_PER_BYTE
  if padding:
    trits = tf.pad(trits, [[0, padding]])
  rows = tf.reshape(trits, [-1, _TRITS_PER_BYTE])
  numbers = tf.linalg.matvec(rows, tf.constant(_PLACES, tf.float32))
  # Shifts each digit from -1, 0, 1 to 0, 1, 2.
  return tf.cast(numbers + float(_PLACES.sum()), tf.uint8)


def _unpack(
  packed: tf.Tensor, scale: tf.Tensor, shape: Sequence[int] | None
) -> tf.Tensor:
  """Returns the values of `_pack`, times a scale, in a shape."""
  trits_of_byte = np.arange(256)[:, None] // _PLACES % 3 - 1.0
  table = tf.constant(trits_of_byte, tf.float32) * scale
  values = tf.reshape(lookup.take(table, tf.cast(packed, tf.int32)), [-1])
  return tf.reshape(values[: tensor_encoding.num_elements(shape)], shape)
