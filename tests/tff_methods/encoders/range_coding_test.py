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

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.encoders import bit_packing
from tff_methods.encoders import range_coding

_BITS = 3


def _table(low, high):
  return tf.linspace(low, high, 2**_BITS)


def _encode(scale, codes, z, unit=1.0):
  coder = range_coding.RangeCoder(_BITS, scale, _table)
  codes = tf.constant(codes, bit_packing.code_dtype(_BITS))
  ends = (tf.constant(-1.0), tf.constant(2.5))
  encoded = coder.encode(codes, ends, tf.constant(z), tf.constant(unit))
  return encoded, coder.decode(encoded, [len(z)])


class RangeCoderTest(parameterized.TestCase):
  def test_decodes_the_values_of_codes_in_units(self):
    codes = [0, 7, 2, 2, 5]
    z = np.zeros(5, np.float32)
    encoded, decoded = _encode('unbiased', codes, z, unit=4.0)
    self.assertEqual(encoded['packed'].shape, [2])  # 15 bits.
    np.testing.assert_array_equal(encoded['range'], [-4.0, 10.0])
    np.testing.assert_allclose(decoded, [-4.0 + 2.0 * code for code in codes])

  def test_contractive_values_are_never_longer(self):
    rng = np.random.default_rng(0)
    is_shrunk = set()
    for _ in range(100):
      z = np.float32(rng.normal(size=20))
      nearest = np.round((z + 1.0) / 0.5).astype(int)
      codes = np.clip(nearest + rng.integers(-1, 2, size=20), 0, 7)
      _, plain = _encode('unbiased', codes, z)
      _, found = _encode('contractive', codes, z)
      self.assertLessEqual(
        np.linalg.norm(np.float64(found)), np.linalg.norm(np.float64(z))
      )
      cosine = np.dot(found, plain) / (
        np.linalg.norm(found) * np.linalg.norm(plain)
      )
      self.assertAlmostEqual(cosine, 1.0, places=5)
      is_shrunk.add(bool(np.linalg.norm(plain) > np.linalg.norm(z)))
    self.assertEqual(is_shrunk, {False, True})

  def test_nothing(self):
    coder = range_coding.RangeCoder(_BITS, 'unbiased', _table)
    self.assertEqual(coder.decode(coder.empty(), [0]).shape, [0])

  def test_unknown_scale_raises(self):
    with self.assertRaisesRegex(ValueError, "scale.*found 'short'"):
      range_coding.RangeCoder(_BITS, 'short', _table)


if __name__ == '__main__':
  absltest.main()
