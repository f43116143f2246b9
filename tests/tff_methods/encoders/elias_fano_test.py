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
import math

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.encoders import elias_fano

# (k, n): all, none, one, few, the fractions of the papers, most.
_CASES = (
  (0, 0),
  (0, 9),
  (1, 1),
  (1, 2),
  (1, 256),
  (1, 1000),
  (2, 3),
  (5, 5),
  (3, 2**31 - 1),
  (40, 100_003),
  (97, 1000),
  (500, 1000),
  (999, 1000),
  (1000, 1000),
)


def _positions(k, n, seed=0):
  rng = np.random.default_rng(seed)
  if n < 2**24:
    return np.sort(rng.choice(n, k, replace=False))
  return np.sort(rng.choice(2**20, k, replace=False)) * (n // 2**20)


def _bits_of_reference(positions, n):
  """Returns the payload as a string of bits, the lowest bit of a byte first.

  The number of low bits is found by writing with every one.
  """
  k = len(positions)
  payloads = []
  for low_bits in range(32):
    fields = [''] * (low_bits // 8 + 1)
    high, ones = '', 0
    for i, position in enumerate(positions):
      number = int(position) - i
      for field, start in enumerate(range(0, low_bits, 8)):
        for bit in range(start, min(start + 8, low_bits)):
          fields[field] += str(number >> bit & 1)
      # A zero for each increment, then a one for the number.
      zeros = (number >> low_bits) - (len(high) - ones)
      if zeros + len(high) > 10_000:
        break  # Far from the shortest.
      high, ones = high + '0' * zeros + '1', ones + 1
    else:
      steps = (n - k) >> low_bits
      if steps > 10_000:
        continue
      high += '0' * (k + steps - len(high))
      if not steps:
        high = ''
      parts = [part + '0' * (-len(part) % 8) for part in [*fields, high]]
      payloads.append(''.join(parts))
  return min(payloads, key=len)


class EliasFanoTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(*_CASES)
  def test_decode_inverts_encode(self, k, n):
    positions = _positions(k, n)
    packed = elias_fano.encode(tf.constant(positions, tf.int32), n)
    self.assertEqual(packed.dtype, tf.uint8)
    self.assertLen(packed.numpy().tobytes(), elias_fano.packed_size(k, n))
    self.assertAllEqual(elias_fano.decode(packed, k, n), positions)

  @parameterized.parameters(*_CASES)
  def test_is_the_bit_stream_of_the_definition(self, k, n):
    positions = _positions(k, n, seed=1)
    expected = _bits_of_reference(positions, n)
    packed = elias_fano.encode(tf.constant(positions, tf.int32), n).numpy()
    found = ''.join(format(byte, '08b')[::-1] for byte in packed)
    self.assertEqual(found, expected)

  @parameterized.parameters(
    # Both ends, and runs: the least and the most evenly spread positions.
    ([0, 1, 2, 3], 1000),
    ([996, 997, 998, 999], 1000),
    ([0, 999], 1000),
    ([0, 2**31 - 2], 2**31 - 1),
  )
  def test_extreme_positions_round_trip(self, positions, n):
    packed = elias_fano.encode(tf.constant(positions), n)
    self.assertLen(packed, elias_fano.packed_size(len(positions), n))
    decoded = elias_fano.decode(packed, len(positions), n)
    self.assertAllEqual(decoded, positions)

  def test_shapes_are_static_in_graphs(self):
    @tf.function
    def round_trip(positions):
      packed = elias_fano.encode(positions, 1000)
      decoded = elias_fano.decode(packed, 97, 1000)
      self.assertEqual(packed.shape, [elias_fano.packed_size(97, 1000)])
      self.assertEqual(decoded.shape, [97])
      return decoded

    positions = _positions(97, 1000)
    self.assertAllEqual(round_trip(tf.constant(positions, tf.int32)), positions)

  @parameterized.product(
    n=(10**6, 123_456_789),
    density=(0.001, 0.002, 0.003, 0.005, 0.01, 0.03, 0.07, 0.1, 0.5, 0.9),
  )
  def test_size_is_near_the_entropy(self, n, density):
    k = round(density * n)
    log_choices = math.lgamma(n + 1) - math.lgamma(k + 1)
    log_choices -= math.lgamma(n - k + 1)
    entropy = log_choices / math.log(2) / k
    size = 8 * elias_fano.packed_size(k, n) / k
    self.assertBetween(size - entropy, 0.0, 0.6)

  def test_size_of_all_positions_is_zero_and_of_half_a_bitmap(self):
    self.assertEqual(elias_fano.packed_size(10**6, 10**6), 0)
    self.assertEqual(elias_fano.packed_size(500_000, 10**6), 125_000)

  @parameterized.parameters((3, 2), (-1, 2), (1, 2**31))
  def test_sizes_out_of_range_raise(self, k, n):
    with self.assertRaisesRegex(
      ValueError, f'found num_positions={k} and length={n}'
    ):
      elias_fano.packed_size(k, n)

  def test_another_number_of_positions_raises_when_run(self):
    packed = elias_fano.encode(tf.constant([3, 50]), 100)
    with self.assertRaises(tf.errors.InvalidArgumentError):
      elias_fano.decode(tf.zeros_like(packed), 2, 100)


if __name__ == '__main__':
  tf.test.main()
