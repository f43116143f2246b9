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
"""Bit packing: n codes of b bits in exactly ceil(n * b / 8) bytes.

Code `i` takes bits `i * b` to `(i + 1) * b - 1` of the payload, least
significant bit first, so a payload can be read as one little-endian integer.
Codes of more than 8 bits are split: all low bytes first, then the high parts,
packed in the same way. This takes the same number of bytes.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import lookup as lookup_lib
from tff_methods.encoders import tensor_encoding

# Eight codes, one in each byte of an int64, are moved together in three steps:
# neighbours in lanes of 16 bits, then of 32, then of 64.
_LANES = (
  (16, 0x00FF00FF00FF00FF),
  (32, 0x0000FFFF0000FFFF),
  (64, 0x00000000FFFFFFFF),
)
# As many pairs to look up as the table of all pairs of bytes has.
_MIN_CODES_FOR_PAIRS = 2**17


def packed_size(num_codes: int, bits: int) -> int:
  """Returns the bytes of `num_codes` packed codes of `bits` bits."""
  return -(-num_codes * bits // 8)


def code_dtype(bits: int) -> tf.DType:
  """Returns the dtype of unpacked codes: `uint8` up to 8 bits, or `uint16`."""
  return tf.uint8 if bits <= 8 else tf.uint16


def pack(codes: tf.Tensor, bits: int) -> tf.Tensor:
  """Packs codes into bytes.

  Args:
    codes: `uint8[n]` for up to 8 bits, `uint16[n]` above; all below `2**bits`.
    bits: Bits per code, 1 to 16.

  Returns:
    `uint8[ceil(n * bits / 8)]`.
  """
  if bits > 8:
    low_and_high = tf.bitcast(codes, tf.uint8)
    low, high = low_and_high[:, 0], low_and_high[:, 1]
    return tf.concat([low, pack(high, bits - 8)], axis=0)
  if bits == 8:
    return codes
  packed = _pack_bytes(codes, bits) if 8 % bits == 0 else _pack(codes, bits)
  return packed[: packed_size(codes.shape[0], bits)]


def _pack_bytes(codes: tf.Tensor, bits: int) -> tf.Tensor:
  """Packs codes of 1, 2 or 4 bits: a word of codes becomes a byte.

  Multiplication by a sum of powers of two moves every code to its place in the
  highest byte. No two terms share a bit, so no carries occur.
  """
  per_byte = 8 // bits
  width = 8 * per_byte
  word_type = {16: tf.uint16, 32: tf.uint32, 64: tf.uint64}[width]
  factor = sum(2 ** (width - 8 - (8 - bits) * i) for i in range(per_byte))
  words = tf.bitcast(_padded_rows(codes, per_byte), word_type)
  words *= tf.constant(factor, word_type)
  shift = tf.constant(width - 8, word_type)
  return tf.cast(tf.bitwise.right_shift(words, shift), tf.uint8)


def _pack(codes: tf.Tensor, bits: int) -> tf.Tensor:
  """Packs codes of fewer than 8 bits: eight bytes become `bits` bytes."""
  words = tf.bitcast(_padded_rows(codes, 8), tf.int64)
  for lane, low_mask in _LANES:
    # Each half of the lane holds `used` bits, those of its codes.
    used = bits * lane // 16
    low = tf.bitwise.bitwise_and(words, low_mask)
    high = tf.bitwise.right_shift(words, tf.constant(lane // 2, tf.int64))
    high = tf.bitwise.bitwise_and(high, low_mask)
    high = tf.bitwise.left_shift(high, tf.constant(used, tf.int64))
    words = tf.bitwise.bitwise_or(low, high)
  return tf.reshape(tf.bitcast(words, tf.uint8)[:, :bits], [-1])


def unpack(packed: tf.Tensor, bits: int, num_codes: int) -> tf.Tensor:
  """Inverts `pack`.

  Args:
    packed: `uint8[ceil(num_codes * bits / 8)]`.
    bits: Bits per code, 1 to 16.
    num_codes: Number of codes.

  Returns:
    `uint8[num_codes]` for up to 8 bits, `uint16[num_codes]` above.
  """
  if bits > 8:
    low, high = packed[:num_codes], packed[num_codes:]
    high = unpack(high, bits - 8, num_codes)
    return tf.bitcast(tf.stack([low, high], axis=1), tf.uint16)
  if bits == 8:
    return packed
  rows = tf.pad(_padded_rows(packed, bits), [[0, 0], [0, 8 - bits]])
  words = tf.bitcast(rows, tf.int64)
  for lane, low_mask in reversed(_LANES):
    used = bits * lane // 16
    high = tf.bitwise.right_shift(words, tf.constant(used, tf.int64))
    high = tf.bitwise.left_shift(high, tf.constant(lane // 2, tf.int64))
    # The bits moved to the high half are masked out of the low half.
    code_mask = _repeated_mask(used, lane)
    low = tf.bitwise.bitwise_and(words, code_mask)
    high = tf.bitwise.bitwise_and(high, ~low_mask)
    words = tf.bitwise.bitwise_or(low, high)
  return tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:num_codes]


def pack_rows(codes: tf.Tensor, bits: int) -> tf.Tensor:
  """Packs each row of codes into bytes of its own.

  Args:
    codes: `uint8[k, n]` for up to 8 bits, `uint16[k, n]` above; all below
      `2**bits`.
    bits: Bits per code, 1 to 16.

  Returns:
    `uint8[k, ceil(n * bits / 8)]`, each row as from `pack`.
  """
  if bits > 8:
    low_and_high = tf.bitcast(codes, tf.uint8)
    high = pack_rows(low_and_high[..., 1], bits - 8)
    return tf.concat([low_and_high[..., 0], high], axis=1)
  num_codes = codes.shape[1]
  codes = tf.pad(codes, [[0, 0], [0, -num_codes % 8]])
  packed = pack(tf.reshape(codes, [codes.shape.num_elements()]), bits)
  packed = tf.reshape(packed, [codes.shape[0], codes.shape[1] * bits // 8])
  return packed[:, : packed_size(num_codes, bits)]


def unpack_rows(packed: tf.Tensor, bits: int, num_codes: int) -> tf.Tensor:
  """Inverts `pack_rows`.

  Args:
    packed: `uint8[k, ceil(num_codes * bits / 8)]`.
    bits: Bits per code, 1 to 16.
    num_codes: Number of codes of a row.

  Returns:
    `uint8[k, num_codes]` for up to 8 bits, `uint16[k, num_codes]` above.
  """
  if bits > 8:
    low, high = packed[:, :num_codes], packed[:, num_codes:]
    high = unpack_rows(high, bits - 8, num_codes)
    return tf.bitcast(tf.stack([low, high], axis=2), tf.uint16)
  num_rows, padded = packed.shape[0], num_codes + -num_codes % 8
  packed = tf.pad(packed, [[0, 0], [0, padded * bits // 8 - packed.shape[1]]])
  packed = tf.reshape(packed, [packed.shape.num_elements()])
  codes = unpack(packed, bits, num_rows * padded)
  return tf.reshape(codes, [num_rows, padded])[:, :num_codes]


def lookup(
  packed: tf.Tensor, table: tf.Tensor, bits: int, num_codes: int
) -> tf.Tensor:
  """Unpacks codes and replaces each by its value.

  A lookup takes about the same time for one value as for several neighbours. So
  codes of 1, 2 or 4 bits are looked up in a table of the `8 / bits` values of
  each byte, and codes of up to 8 bits in one of the values of each two bytes,
  if there are enough to make up for building it.

  Args:
    packed: `uint8[ceil(num_codes * bits / 8)]`.
    table: `float32[2**bits]`, the values of the codes.
    bits: Bits per code, 1 to 16.
    num_codes: Number of codes.

  Returns:
    `float32[num_codes]`.
  """
  if bits > 8:
    return lookup_lib.take(
      table, tf.cast(unpack(packed, bits, num_codes), tf.int32)
    )
  if bits == 8 or 8 % bits:
    return _lookup_bytes(unpack(packed, bits, num_codes), table)
  shifts = np.arange(0, 8, bits)
  codes_of_byte = (np.arange(256)[:, None] >> shifts) % 2**bits
  values = lookup_lib.take(
    tf.gather(table, codes_of_byte), tf.cast(packed, tf.int32)
  )
  return tf.reshape(values, [-1])[:num_codes]


def _lookup_bytes(codes: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
  """Replaces each `uint8` by its value, two at a time if there are many."""
  num_codes = codes.shape[0]
  if num_codes < _MIN_CODES_FOR_PAIRS:
    return lookup_lib.take(table, tf.cast(codes, tf.int32))
  # Two floats as one integer, the first in its low half.
  words = tf.cast(tf.bitcast(table, tf.uint32), tf.uint64)
  words = tf.pad(words, [[0, 256 - table.shape[0]]])
  seconds = tf.bitwise.left_shift(words, tf.constant(32, tf.uint64))
  pairs = tf.bitwise.bitwise_or(seconds[:, tf.newaxis], words)
  indices = tf.cast(tf.bitcast(_padded_rows(codes, 2), tf.uint16), tf.int32)
  values = lookup_lib.take(tf.reshape(pairs, [-1]), indices)
  return tf.reshape(tf.bitcast(values, tf.float32), [-1])[:num_codes]


def _padded_rows(x: tf.Tensor, row_length: int) -> tf.Tensor:
  """Returns a vector as rows, with zeros at the end of the last row."""
  padding = -x.shape[0] % row_length
  if padding:
    x = tf.pad(x, [[0, padding]])
  return tf.reshape(x, [-1, row_length])


def _repeated_mask(used: int, lane: int) -> int:
  """Returns a mask of the `used` lowest bits of each lane of 64 bits."""
  return sum((2**used - 1) << shift for shift in range(0, 64, lane))


class BitPackingStage(tensor_encoding.Stage):
  """Packs a tensor of integer codes into `ceil(n * bits / 8)` bytes.

  For the codes of other `tensor_encoding` stages; the quantization stages of
  this package pack their own codes. Takes codes of any integer dtype and, like
  TFF's own bit packing, whole numbers of a floating dtype. Codes outside
  `[0, 2**bits)` raise `InvalidArgumentError`, when run, instead of corrupting
  others.

  Encoded tensors: `packed`, `uint8[ceil(n * bits / 8)]`.
  """

  name = 'bit_packing'
  decode_needs_input_shape = True

  def __init__(self, bits: int, dtype: tf.DType = tf.int32):
    """Initializes the stage.

    Args:
      bits: Bits per code, 1 to 16.
      dtype: Dtype of decoded codes; that of the codes to encode.

    Raises:
      TypeError: If `bits` is not an int.
      ValueError: If `bits` is out of range.
    """
    bits = argument_checks.check_bits(bits)
    self._bits = bits
    self._dtype = tf.as_dtype(dtype)

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    del encode_params  # Unused.
    codes = tf.reshape(x, [-1])
    limit = tf.cast(2**self._bits, tf.int64)
    wide = tf.cast(codes, tf.int64)
    with tf.control_dependencies(
      [
        tf.debugging.assert_non_negative(wide, 'Expected codes of at least 0.'),
        tf.debugging.assert_less(
          wide, limit, f'Expected codes of {self._bits} bits: give more bits.'
        ),
      ]
    ):
      codes = tf.cast(wide, code_dtype(self._bits))
    return {'packed': pack(codes, self._bits)}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    num_codes = tensor_encoding.num_elements(shape)
    codes = unpack(encoded_tensors['packed'], self._bits, num_codes)
    return tf.reshape(tf.cast(codes, self._dtype), shape)
