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
"""Quantization of the rows of a table, each of which can be decoded alone.

The rows of a table share one rotation: `HD` of the size of a row. Each has a
scale of its own, so a row of small values keeps its relative precision beside
rows of large ones.
"""

import numpy as np
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import lookup
from tff_methods.common import seeds
from tff_methods.encoders import bit_packing
from tff_methods.encoders import eden_quantization
from tff_methods.encoders import rotation
from tff_methods.encoders import scaling
from tff_methods.encoders import uniform_quantization

# Purposes of a table's key.
_ROTATION, _DITHER = 0, 1


class RowQuantization:
  """Encoder of the rows of a table to strings of bytes, and its inverse.

  The quantizers are those of `EdenQuantizationStage` and
  `UniformQuantizationStage`, applied to each rotated row.

  Attributes:
    row_bytes: Bytes of an encoded row of `d` values: `ceil(d * bits / 8)`, and
      4 of the scale (`'eden'`), or 8 of minimum and maximum (`'uniform'`).
  """

  def __init__(self, row_size: int, options: options_lib.DownlinkOptions):
    """Initializes the encoder.

    Args:
      row_size: Number of values of a row, `d`, at least 1.
      options: Quantizer, rotation and bits, which must not be `None`. The other
        options are not used here.

    Raises:
      TypeError: If an argument is of a wrong type.
      ValueError: If `row_size` is below 1.
    """
    self._row_size = argument_checks.check_int('row_size', row_size, minimum=1)
    self._bits = argument_checks.check_bits(options.bits)
    self._rotation = options.rotation
    self._is_eden = options.quantizer == 'eden'
    self._num_floats = 1 if self._is_eden else 2
    self.row_bytes = 4 * self._num_floats + bit_packing.packed_size(
      row_size, self._bits
    )

  def encode(self, table: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Encodes all rows of a table.

    Args:
      table: `float32[n, d]`, finite.
      key: `int32[2]`, from which all random choices are drawn.

    Returns:
      `uint8[n, row_bytes]`.
    """
    peak = tf.reduce_max(tf.abs(table), axis=1, keepdims=True)
    scale = scaling.power_of_two_near(peak)
    z = table / scale
    if self._rotation:
      z = rotation.rotate_rows(z, seeds.fold_in(key, _ROTATION))
    if self._is_eden:
      codes, floats = self._encode_eden(z)
    else:
      codes, floats = self._encode_uniform(z, seeds.fold_in(key, _DITHER))
    floats = tf.bitcast(_saturate(floats * scale), tf.uint8)
    return tf.concat(
      [
        tf.reshape(floats, [table.shape[0], 4 * self._num_floats]),
        bit_packing.pack_rows(codes, self._bits),
      ],
      axis=1,
    )

  def decode(self, encoded: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Decodes rows, any of those that were encoded.

    Args:
      encoded: `uint8[k, row_bytes]`.
      key: The key that they were encoded with.

    Returns:
      `float32[k, d]`.
    """
    num_bytes = 4 * self._num_floats
    floats = tf.bitcast(
      tf.reshape(
        encoded[:, :num_bytes], [encoded.shape[0], self._num_floats, 4]
      ),
      tf.float32,
    )
    codes = tf.cast(
      bit_packing.unpack_rows(
        encoded[:, num_bytes:], self._bits, self._row_size
      ),
      tf.int32,
    )
    if self._is_eden:
      scale = floats
      _, levels = eden_quantization.normal_levels(self._bits)
      z = lookup.take(tf.constant(levels, tf.float32), codes)
    else:
      peak = tf.reduce_max(tf.abs(floats), axis=1, keepdims=True)
      scale = scaling.power_of_two_near(peak)
      low, high = tf.split(floats / scale, 2, axis=1)
      upper = np.linspace(0.0, 1.0, 2**self._bits, dtype=np.float32)
      z = low + (high - low) * lookup.take(tf.constant(upper), codes)
    if self._rotation:
      z = rotation.unrotate_rows(z, seeds.fold_in(key, _ROTATION))
    return _saturate(z * scale)

  def _encode_eden(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the codes, and the scale of each row, `float32[n, 1]`."""
    squared_norm = tf.reduce_sum(tf.square(z), axis=1, keepdims=True)
    width, levels = eden_quantization.normal_levels(self._bits)
    deviation = width * tf.sqrt(squared_norm / self._row_size)
    codes = tf.cast(
      eden_quantization.bin_coordinates(z, deviation, self._bits),
      bit_packing.code_dtype(self._bits),
    )
    quantized = lookup.take(
      tf.constant(levels, tf.float32), tf.cast(codes, tf.int32)
    )
    product = tf.reduce_sum(z * quantized, axis=1, keepdims=True)
    return codes, tf.math.divide_no_nan(squared_norm, product)

  def _encode_uniform(
    self, z: tf.Tensor, key: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the codes, and both ends of each row, `float32[n, 2]`."""
    low = tf.reduce_min(z, axis=1, keepdims=True)
    high = tf.reduce_max(z, axis=1, keepdims=True)
    to_level = tf.math.divide_no_nan(
      (2**self._bits - 1) * (1.0 - 2.0**-22), high - low
    )
    own, shared = uniform_quantization.dither(key, z.shape.num_elements())
    noise = (tf.reshape(own, z.shape) + shared) / 256.0
    codes = tf.cast(
      (z - low) * to_level + noise, bit_packing.code_dtype(self._bits)
    )
    return codes, tf.concat([low, high], axis=1)


def _saturate(x: tf.Tensor) -> tf.Tensor:
  """Returns `x` with `float32`'s largest values in place of Inf."""
  return tf.clip_by_value(x, -x.dtype.max, x.dtype.max)
