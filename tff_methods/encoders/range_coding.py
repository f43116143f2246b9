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
"""Payload of quantizers whose levels follow from the ends of a range."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.encoders import bit_packing
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding


class RangeCoder:
  """Packed codes and the ends of the range that they divide.

  With `scale='contractive'`, the quantized vector `q` is multiplied by `min(1,
  <x, q> / <q, q>)`, by way of its range: then it is never longer than `x` (see
  `scaling.contractive_scale` for the proof).

  Encoded tensors: `packed`, `uint8[ceil(n * bits / 8)]`, and `range`,
  `float32[2]`.
  """

  def __init__(
    self,
    bits: int,
    scale: str,
    build_table: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
  ):
    """Initializes the coder.

    Args:
      bits: Bits per value.
      scale: One of `options.SCALES`.
      build_table: Function from both ends of the range, `float32[]`, to the
        value of each code, `float32[2**bits]`, in proportion to the ends.

    Raises:
      ValueError: If `scale` is unknown.
    """
    argument_checks.check_choice('scale', scale, options_lib.SCALES)
    self._bits = bits
    self._scale = scale
    self._build_table = build_table

  def empty(self) -> tensor_encoding.Tensors:
    """Returns the payload of a vector without elements."""
    return {'packed': tf.zeros([0], tf.uint8), 'range': tf.zeros([2])}

  def encode(
    self,
    codes: tf.Tensor,
    ends: Sequence[tf.Tensor],
    z: tf.Tensor,
    unit: tf.Tensor,
  ) -> tensor_encoding.Tensors:
    """Returns the payload of codes.

    Args:
      codes: Codes of the vector `z`, of `bit_packing.code_dtype`.
      ends: Both ends of the range.
      z: `float32[n]`, the vector, in units.
      unit: `float32[]`, the unit.
    """
    packed = bit_packing.pack(codes, self._bits)
    stacked = tf.stack(ends)
    if self._scale == 'contractive':
      quantized = self._look_up(packed, stacked, z.shape[0])
      stacked *= tf.minimum(1.0, scaling.contractive_scale(z, quantized, unit))
    return {'packed': packed, 'range': stacked * unit}

  def decode(
    self, encoded: tensor_encoding.Tensors, shape: Sequence[int] | None
  ) -> tf.Tensor:
    """Returns the decoded tensor of a shape."""
    length = tensor_encoding.num_elements(shape)
    x = self._look_up(encoded['packed'], encoded['range'], length)
    return tf.reshape(x, shape)

  def _look_up(
    self, packed: tf.Tensor, ends: tf.Tensor, length: int
  ) -> tf.Tensor:
    table = self._build_table(*tf.unstack(ends))
    return bit_packing.lookup(packed, table, self._bits, length)
