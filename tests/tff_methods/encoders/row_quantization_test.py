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
"""Tests for row_quantization."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.encoders import row_quantization

_NUM_ROWS, _ROW_SIZE = 40, 48
_OPTIONS = (
  {'quantizer': 'eden'},
  {'quantizer': 'uniform'},
  {'quantizer': 'uniform', 'rotation': False},
)


def _build(row_size=_ROW_SIZE, **options):
  return row_quantization.RowQuantization(
    row_size, options_lib.DownlinkOptions(**options)
  )


def _table(row_size=_ROW_SIZE):
  rng = np.random.default_rng(0)
  return rng.normal(size=[_NUM_ROWS, row_size]).astype(np.float32)


def _round_trip(quantization, table, key=(1, 2)):
  key = tf.constant(key)
  encoded = quantization.encode(tf.constant(table), key)
  return quantization.decode(encoded, key).numpy()


def _relative_error(decoded, table):
  decoded, table = np.float64(decoded), np.float64(table)
  return np.square(decoded - table).sum(1) / np.square(table).sum(1)


class RowQuantizationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(*_OPTIONS)
  def test_bytes(self, **options):
    for bits in (1, 3, 4, 8, 11):
      for row_size in (1, 5, _ROW_SIZE):
        quantization = _build(row_size, bits=bits, **options)
        encoded = quantization.encode(
          tf.constant(_table(row_size)), tf.constant([1, 2])
        )
        num_floats = 1 if options['quantizer'] == 'eden' else 2
        expected = 4 * num_floats + (row_size * bits + 7) // 8
        self.assertEqual(encoded.dtype, tf.uint8)
        self.assertEqual(encoded.shape, [_NUM_ROWS, expected])
        self.assertEqual(quantization.row_bytes, expected)

  # Errors of EDEN: the docstring of its stage, and 30 % for a row of only 48
  # values. Those of the uniform quantizer: 48 normal values span less than 7
  # deviations; a rounding error is below the step of range / (2**bits - 1).
  @parameterized.product(bits=(2, 4, 8, 12), options=_OPTIONS)
  def test_error(self, bits, options):
    error = _relative_error(
      _round_trip(_build(bits=bits, **options), _table()), _table()
    ).mean()
    if options['quantizer'] == 'eden':
      bound = 1.3 * {2: 0.133, 4: 0.00963, 8: 0.0000413, 12: 2e-7}[bits]
    else:
      bound = (7 / (2**bits - 1)) ** 2 / 4
    self.assertLess(error, bound)
    self.assertGreater(error, 0)

  def test_eden_keeps_the_projection_of_each_row(self):
    table = _table()
    decoded = _round_trip(_build(bits=2), table)
    self.assertAllClose(
      (decoded * table).sum(1), np.square(table).sum(1), rtol=1e-5
    )

  @parameterized.parameters(*_OPTIONS)
  def test_any_rows_are_decoded_alone(self, **options):
    quantization, key = _build(bits=3, **options), tf.constant([1, 2])
    encoded = quantization.encode(tf.constant(_table()), key)
    rows = [7, 0, 7]
    self.assertAllClose(
      quantization.decode(tf.gather(encoded, rows), key),
      tf.gather(quantization.decode(encoded, key), rows),
    )

  # A row of 1e-30 beside one of 1e30 is as precise.
  @parameterized.parameters(*_OPTIONS)
  def test_rows_of_any_magnitude(self, **options):
    scales = 10.0 ** np.linspace(-36, 37, _NUM_ROWS)[:, np.newaxis]
    table = np.float32(_table() * scales)
    table[3] = 0
    decoded = _round_trip(_build(bits=8, **options), table)
    self.assertAllEqual(decoded[3], table[3])
    decoded[3] = table[3] = 1
    errors = _relative_error(decoded / scales, table / scales)
    self.assertLess(errors.max(), 0.001)

  # Below 1.2e-38, TensorFlow's kernels flush values to zero.
  @parameterized.parameters(1e-38, 2e-38, 1e37, 3.4e38)
  def test_extreme_rows(self, value):
    table = np.full([2, _ROW_SIZE], value, np.float32)
    table[1, ::2] *= -1
    for options in _OPTIONS:
      decoded = _round_trip(_build(bits=8, **options), table)
      self.assertTrue(np.isfinite(decoded).all())
      if value in (2e-38, 1e37):
        self.assertAllClose(decoded / value, table / value, atol=0.1)

  @parameterized.parameters(
    ({'quantizer': 'eden'}, 0.02),
    ({'quantizer': 'uniform'}, 0.0),
    ({'quantizer': 'uniform', 'rotation': False}, 0.0),
  )
  def test_bias_over_keys(self, options, limit):
    num_draws, table = 100, _table()
    quantization = _build(bits=2, **options)
    round_trip = tf.function(
      lambda key: quantization.decode(
        quantization.encode(tf.constant(table), key), key
      )
    )
    decoded = np.array(
      [round_trip(tf.constant([0, i])).numpy() for i in range(num_draws)]
    )
    squared_error = np.square(decoded - table).sum(axis=(1, 2)).mean()
    mean_error = np.square(decoded.mean(axis=0) - table).sum()
    # The mean of independent, unbiased draws has this error alone, with a
    # relative deviation of sqrt(2 / 1920).
    self.assertLess(mean_error, (limit + 1.2 / num_draws) * squared_error)

  def test_keys_differ(self):
    table = _table()
    for options in _OPTIONS:
      quantization = _build(bits=2, **options)
      self.assertNotAllEqual(
        _round_trip(quantization, table, (1, 2)),
        _round_trip(quantization, table, (1, 3)),
      )

  def test_wrong_argument(self):
    with self.assertRaisesRegex(ValueError, 'row_size of at least 1, found 0'):
      _build(0)
    with self.assertRaisesRegex(TypeError, 'bits to be an int, found NoneType'):
      _build(bits=None)


if __name__ == '__main__':
  tf.test.main()
