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
"""Ternary quantization (TernGrad, Wen et al. 2017): -u, 0 or u."""

import numpy as np
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding

_TRITS_PER_BYTE = 5  # 3**5 = 243.
_PLACES = 3 ** np.arange(_TRITS_PER_BYTE)


class TernaryQuantizationStage(tensor_encoding.SeededStage):
  """Rounds at random to `-u`, 0 or `u`, the largest magnitude of the tensor.

  A value `x` becomes `sign(x) * u` with probability `|x| / u`, and otherwise
  zero (TernGrad, equations 1 to 3), so decoding is unbiased, but for what
  `float32` rounds off (2**-22 of `u`). Each tensor has a `u` of its own (the
  paper's layer-wise ternarizing); `u` is the client's own too, not one that all
  clients share.

  With `clip_factor`, magnitudes above `clip_factor` standard deviations are
  first cut off there (equation 10; the paper takes 2.5), which lowers `u` and
  so the variance, but biases what is cut off. The deviation is that from zero,
  the mean of the normal distribution in the paper's reasoning: so a tensor
  whose values are all alike is not cut down to nothing.

  Five values take one byte, 1.6 bits a value; the entropy of three equally
  likely values is 1.585.

  Encode params: `key`, `int32[2]`. Encoded tensors: `packed`,
  `uint8[ceil(n / 5)]`, and `scale`, `float32[]`, the `u` above. Raises
  `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'ternary_quantization'
  decode_needs_input_shape = True

  def __init__(
    self,
    seed,
    seed_source: str = 'reproducible',
    clip_factor: float | None = None,
  ):
    """Initializes the stage.

    Args:
      seed: See `SeededStage`.
      seed_source: Where a client's key comes from: see `seeds.client_key`.
      clip_factor: Where to cut off, in standard deviations, or `None`.

    Raises:
      TypeError: If `clip_factor` is not a number.
      ValueError: If `seed_source` or `clip_factor` is out of range.
    """
    super().__init__(seed)
    argument_checks.check_choice(
      'seed_source', seed_source, options_lib.SEED_SOURCES
    )
    if clip_factor is not None:
      argument_checks.check_positive('clip_factor', clip_factor)
    self._seed_source = seed_source
    self._clip_factor = clip_factor

  def encode(self, x, encode_params):
    x = tf.reshape(x, [-1])
    length = x.shape[0]
    if not length:
      return {'packed': tf.zeros([0], tf.uint8), 'scale': tf.zeros([])}, {}
    z, scale, squared_norm = scaling.well_scaled(x)
    largest = tf.reduce_max(tf.abs(z))
    if self._clip_factor is not None:
      limit = self._clip_factor * tf.sqrt(squared_norm / length)
      largest = tf.minimum(largest, limit)
      z = tf.clip_by_value(z, -largest, largest)
    key = seeds.client_key(encode_params['key'], x, self._seed_source)
    trits = _round_at_random(z, largest, key)
    return {'packed': _pack(trits), 'scale': largest * scale}, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    del decode_params, num_summands  # Unused.
    trits_of_byte = np.arange(256)[:, None] // _PLACES % 3 - 1.0
    table = tf.constant(trits_of_byte, tf.float32) * encoded_tensors['scale']
    packed = tf.cast(encoded_tensors['packed'], tf.int32)
    length = int(np.prod(shape, dtype=np.int64))
    return tf.reshape(
      tf.reshape(tf.gather(table, packed), [-1])[:length], shape
    )


def _round_at_random(
  z: tf.Tensor, largest: tf.Tensor, key: tf.Tensor
) -> tf.Tensor:
  """Returns `float32[n]` of -1, 0 and 1, whose means are `z / largest`."""
  length = z.shape[0]
  # Half of each word: 16 random bits a value. Seven finer ones are one draw for
  # all, and rarely decide. More would not fit into a float32 of this size, and
  # would round up to 2**16, which makes something of zeros.
  words = seeds.random_words(key, (length + 1) // 2 + 1)
  own = tf.reshape(tf.bitcast(words[:-1], tf.uint16), [-1])[:length]
  shared = tf.cast(tf.bitwise.bitwise_and(words[-1], 0x7F), tf.float32)
  # A hair under the exact factor keeps the largest plus the noise below 2.
  factor = tf.math.divide_no_nan(2.0**16 * (1.0 - 2.0**-22), largest)
  noisy = z * factor + (tf.cast(own, tf.float32) + (shared + 0.5) * 2.0**-7)
  # Noise in (0, 1) takes z to the next whole number with the right probability,
  # on either side of zero.
  return tf.floor(noisy * 2.0**-16)


def _pack(trits: tf.Tensor) -> tf.Tensor:
  """Packs `float32[n]` of -1, 0 and 1 into `uint8[ceil(n / 5)]`, in base 3."""
  padding = -trits.shape[0] % _TRITS_PER_BYTE
  if padding:
    trits = tf.pad(trits, [[0, padding]])
  rows = tf.reshape(trits, [-1, _TRITS_PER_BYTE])
  numbers = tf.linalg.matvec(rows, tf.constant(_PLACES, tf.float32))
  # Minus ones become zeros.
  return tf.cast(numbers + float(_PLACES.sum()), tf.uint8)
