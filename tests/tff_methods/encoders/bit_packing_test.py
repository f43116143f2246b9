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
import itertools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
from tensorflow_model_optimization.python.core.internal import tensor_encoding

from tff_methods import encoders
from tff_methods.encoders import bit_packing

_BITS_AND_LENGTHS = tuple(
  itertools.product(range(1, 17), (0, 1, 3, 7, 8, 9, 1001))
)


def _codes(bits, length):
  return np.random.default_rng(bits * 10_000 + length).integers(
    0, 2**bits, length
  )


def _pack(codes, bits):
  dtype = bit_packing.code_dtype(bits)
  return bit_packing.pack(tf.constant(codes, dtype), bits)


class BitPackingTest(parameterized.TestCase, tf.test.TestCase):
  def test_size_is_the_least_possible(self):
    for bits, length in _BITS_AND_LENGTHS:
      packed = _pack(_codes(bits, length), bits)
      with self.subTest(bits=bits, length=length):
        self.assertEqual(packed.dtype, tf.uint8)
        self.assertLen(packed.numpy().tobytes(), (length * bits + 7) // 8)
        self.assertEqual(bit_packing.packed_size(length, bits), len(packed))

  def test_up_to_8_bits_is_the_bit_stream_of_numpy(self):
    for bits, length in _BITS_AND_LENGTHS:
      if bits > 8:
        continue
      codes = _codes(bits, length)
      stream = [format(code, f'0{bits}b')[::-1] for code in codes]
      expected = np.packbits(
        np.array([int(bit) for bit in ''.join(stream)], np.uint8),
        bitorder='little',
      )
      with self.subTest(bits=bits, length=length):
        self.assertAllEqual(_pack(codes, bits), expected)

  def test_unpack_inverts_pack(self):
    for bits, length in _BITS_AND_LENGTHS:
      codes = _codes(bits, length)
      unpacked = bit_packing.unpack(_pack(codes, bits), bits, length)
      with self.subTest(bits=bits, length=length):
        self.assertAllEqual(unpacked, codes)

  def test_lookup_gives_the_values_of_the_codes(self):
    for bits, length in _BITS_AND_LENGTHS:
      codes = _codes(bits, length)
      table = np.random.default_rng(bits).normal(size=2**bits)
      values = bit_packing.lookup(
        _pack(codes, bits), tf.constant(table, tf.float32), bits, length
      )
      with self.subTest(bits=bits, length=length):
        self.assertAllEqual(values, table[codes].astype(np.float32))

  @parameterized.product(bits=(3, 7, 8), length=(2**17 - 1, 2**17, 2**17 + 1))
  def test_lookup_of_pairs_gives_the_values_of_the_codes(self, bits, length):
    codes = _codes(bits, length)
    table = np.random.default_rng(bits).normal(size=2**bits).astype(np.float32)
    table[:3] = 0.0, -0.0, np.inf
    values = bit_packing.lookup(
      _pack(codes, bits), tf.constant(table), bits, length
    )
    self.assertEqual(values.numpy().tobytes(), table[codes].tobytes())

  def test_rows_are_packed_one_by_one(self):
    for bits, length in _BITS_AND_LENGTHS:
      codes = _codes(bits, 3 * length).reshape([3, length])
      packed = bit_packing.pack_rows(
        tf.constant(codes, bit_packing.code_dtype(bits)), bits
      )
      with self.subTest(bits=bits, length=length):
        for row, row_codes in zip(packed, codes, strict=True):
          self.assertAllEqual(row, _pack(row_codes, bits))
        self.assertAllEqual(
          bit_packing.unpack_rows(packed[1:], bits, length), codes[1:]
        )


class BitPackingStageTest(parameterized.TestCase, tf.test.TestCase):
  def test_packs_codes_of_another_stage(self):
    spec = tf.TensorSpec([7, 11], tf.float32)
    x = np.random.default_rng(0).normal(size=[7, 11]).astype(np.float32)
    quantization = tensor_encoding.core.Encoder(
      _DeterministicQuantization(),
      {
        'codes': tensor_encoding.core.Encoder(
          encoders.BitPackingStage(5, dtype=tf.float32), {}
        )
      },
    )
    encoder = encoders.GatherEncoder.from_encoder(quantization, spec)
    encode_params, before_sum, after_sum = encoder.get_params()
    payload, _ = encoder.encode(tf.constant(x), encode_params)
    part = encoder.decode_before_sum(payload, before_sum)
    decoded = encoder.decode_after_sum(part, after_sum, 1)
    self.assertEqual(sum(v.numpy().nbytes for v in payload.values()), 49)
    self.assertAllClose(decoded, np.round(x * 3), atol=0)

  @parameterized.parameters(-1, 8)
  def test_codes_out_of_range_raise_when_run(self, code):
    stage = encoders.BitPackingStage(3)
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'Expected codes of'
    ):
      stage.encode(tf.constant([1, code]), {})

  @parameterized.parameters(0, 17)
  def test_bits_out_of_range_raise(self, bits):
    with self.assertRaisesRegex(ValueError, f'from 1 to 16, found {bits}'):
      encoders.BitPackingStage(bits)

  def test_bits_of_another_type_raise(self):
    with self.assertRaisesRegex(TypeError, 'to be an int, found float'):
      encoders.BitPackingStage(2.0)


class _DeterministicQuantization(encoders.Stage):
  """Rounds to multiples of 1/3, coded as integers around 16."""

  name = 'deterministic_quantization'
  compressible_tensors_keys = ['codes']

  def encode(self, x, encode_params):
    return {'codes': tf.round(x * 3) + 16}, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    return encoded_tensors['codes'] - 16


if __name__ == '__main__':
  tf.test.main()
