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

import dataclasses
import fractions
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tff_methods.common import argument_checks


class ArgumentChecksTest(parameterized.TestCase):
  @parameterized.parameters((3, None), (-3, None), (0, 0), (2**40, 1))
  def test_int_in_range_passes(self, value, minimum):
    argument_checks.check_int('x', value, minimum)

  @parameterized.parameters(
    (1.0, TypeError, 'Expected x to be an int, found float.'),
    ('1', TypeError, 'Expected x to be an int, found str.'),
    (None, TypeError, 'Expected x to be an int, found NoneType.'),
    # A bool is an int to Python.
    (True, TypeError, 'Expected x to be an int, found bool.'),
    (np.bool_(True), TypeError, 'Expected x to be an int, found bool'),
    (np.float32(3), TypeError, 'Expected x to be an int, found float32.'),
    (np.array([3, 4]), TypeError, 'Expected x to be an int, found ndarray.'),
    (1, ValueError, 'Expected x of at least 2, found 1.'),
  )
  def test_other_values_than_ints_in_range_raise(self, value, error, message):
    with self.assertRaises(error) as raised:
      argument_checks.check_int('x', value, minimum=2)
    # numpy 1 calls its bool 'bool_'.
    self.assertStartsWith(str(raised.exception), message.rstrip('.'))

  def test_integers_come_out_as_those_of_python(self):
    for value in (np.int8(8), np.uint8(8), np.int64(8), np.array(8)):
      self.assertIs(type(argument_checks.check_int('x', value)), int)
      # It would overflow in int8.
      self.assertEqual(2 ** argument_checks.check_bits(value), 256)

  @parameterized.parameters(
    (3, int), (np.int8(3), int), (3.0, float), (fractions.Fraction(3), float)
  )
  def test_numbers_come_out_as_those_of_python(self, value, number_type):
    number = argument_checks.check_positive('x', value)
    self.assertEqual(number, 3)
    self.assertIs(type(number), number_type)

  @parameterized.parameters(np.float16, np.float32, np.float64)
  def test_floats_keep_their_value(self, dtype):
    fraction = argument_checks.check_fraction(dtype(0.1))
    self.assertIs(type(fraction), float)
    self.assertEqual(fraction, dtype(0.1))

  @parameterized.parameters((1, 1), (16, 1), (2, 2))
  def test_bits_in_range_pass(self, bits, minimum):
    argument_checks.check_bits(bits, minimum)

  @parameterized.parameters(
    (0, 1, ValueError, 'Expected bits from 1 to 16, found 0.'),
    (17, 2, ValueError, 'Expected bits from 1 to 16, found 17.'),
    (
      1,
      2,
      ValueError,
      'Expected bits of at least 2, a sign and an interval, found 1.',
    ),
    (2.0, 1, TypeError, 'Expected bits to be an int, found float.'),
  )
  def test_bits_out_of_range_raise(self, bits, minimum, error, message):
    with self.assertRaises(error) as raised:
      argument_checks.check_bits(bits, minimum)
    self.assertEqual(str(raised.exception), message)

  @parameterized.parameters(1.0, 1, 1e-300)
  def test_fraction_in_range_passes(self, fraction):
    argument_checks.check_fraction(fraction)

  @parameterized.parameters(0.0, -0.5, 1.5, float('inf'), float('nan'))
  def test_fraction_out_of_range_raises(self, fraction):
    with self.assertRaises(ValueError) as raised:
      argument_checks.check_fraction(fraction, 'share')
    self.assertEqual(
      str(raised.exception), f'Expected share in (0, 1], found {fraction}.'
    )

  @parameterized.parameters('0.1', None, True, ([0.1],), 0.1j)
  def test_other_fractions_than_numbers_raise(self, fraction):
    with self.assertRaisesRegex(TypeError, 'Expected fraction to be a number'):
      argument_checks.check_fraction(fraction)

  @parameterized.parameters(
    (1.0, ValueError),
    (-0.1, ValueError),
    (float('nan'), ValueError),
    ('0.9', TypeError),
  )
  def test_other_momentums_than_those_below_1_raise(self, momentum, error):
    with self.assertRaisesRegex(error, 'Expected momentum'):
      argument_checks.check_momentum(momentum)

  @parameterized.parameters(True, False, np.bool_(True), 0, 1)
  def test_truth_value_passes(self, value):
    self.assertIs(argument_checks.check_bool('x', value), bool(value))

  @parameterized.parameters('false', None, 2, 0.0, [[]])
  def test_other_values_than_truth_values_raise(self, value):
    with self.assertRaisesRegex(TypeError, 'Expected x to be True or False'):
      argument_checks.check_bool('x', value)

  def test_scalars_in_fields_are_unwrapped(self):
    @dataclasses.dataclass(frozen=True)
    class Options:
      values: tuple

      def __post_init__(self):
        argument_checks.unwrap_scalars(self)

    for value, expected in (
      (np.int16(3), 3),
      (np.float32(0.5), 0.5),
      (np.bool_(True), True),
      (np.str_('a'), 'a'),
      (np.array(2.5), 2.5),
      (True, True),
      (None, None),
      ('a', 'a'),
      ((np.int8(1),), (np.int8(1),)),
    ):
      found = Options(value).values
      self.assertIs(type(found), type(expected))
      self.assertEqual(found, expected)
    array = np.zeros([2])
    self.assertIs(Options(array).values, array)

  def test_options_pass_or_raise(self):
    self.assertEqual(argument_checks.check_options(3, int), 3)
    self.assertEqual(argument_checks.check_options(None, int, default=2), 2)
    for options, default in ((None, None), ({}, 2), ('', 2)):
      with self.assertRaisesRegex(
        TypeError, r'options.int, found .*: make them with int\(...\).'
      ):
        argument_checks.check_options(options, int, default=default)

  def test_choice_passes(self):
    for choices in (('red', 'green'), ['red'], {'red': 1}):
      argument_checks.check_choice('color', 'red', choices)

  @parameterized.parameters(
    ('blue', "'blue'"), ('Red', "'Red'"), ('', "''"), (None, 'None'), (1, '1')
  )
  def test_other_value_than_a_choice_raises(self, value, shown):
    with self.assertRaises(ValueError) as raised:
      argument_checks.check_choice('color', value, ['red', 'green'])
    self.assertEqual(
      str(raised.exception),
      f"Expected color to be one of ('red', 'green'), found {shown}.",
    )

  @parameterized.parameters(1, 0.5, 1e-300, 1e300)
  def test_positive_number_passes(self, value):
    argument_checks.check_positive('x', value)

  @parameterized.parameters(
    ('2', TypeError, 'Expected x to be a number, found str.'),
    (True, TypeError, 'Expected x to be a number, found bool.'),
    (None, TypeError, 'Expected x to be a number, found NoneType.'),
    (0, ValueError, 'Expected x above 0 and finite, found 0.'),
    (-1.5, ValueError, 'Expected x above 0 and finite, found -1.5.'),
    (float('inf'), ValueError, 'Expected x above 0 and finite, found inf.'),
    (float('nan'), ValueError, 'Expected x above 0 and finite, found nan.'),
  )
  def test_other_values_than_positive_numbers_raise(
    self, value, error, message
  ):
    with self.assertRaises(error) as raised:
      argument_checks.check_positive('x', value)
    self.assertEqual(str(raised.exception), message)


class Float32Test(parameterized.TestCase):
  @parameterized.parameters(1e-37, 1, 3.4e38)
  def test_numbers_in_the_range(self, value):
    self.assertEqual(argument_checks.check_positive_float32('x', value), value)

  @parameterized.parameters(1e39, 1e-46, 1e-39, 1e300)
  def test_numbers_that_would_be_zero_or_infinite(self, value):
    with self.assertRaisesRegex(ValueError, 'x from .* of float32, found'):
      argument_checks.check_positive_float32('x', value)

  def test_numbers_that_are_not_positive(self):
    with self.assertRaisesRegex(ValueError, 'x above 0 and finite, found 0'):
      argument_checks.check_positive_float32('x', 0)


class NewDirectoryTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enterContext(tempfile.TemporaryDirectory())

  def test_missing_or_empty(self):
    argument_checks.check_new_directory(self._dir)
    argument_checks.check_new_directory(f'{self._dir}/a/b')

  def test_refuses_files(self):
    path = pathlib.Path(self._dir, 'file')
    path.touch()
    for refused in (str(path), self._dir):
      with self.assertRaisesRegex(ValueError, f'empty, found {refused} with'):
        argument_checks.check_new_directory(refused)


if __name__ == '__main__':
  absltest.main()
