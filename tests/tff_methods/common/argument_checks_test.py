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
    (np.int32(3), TypeError, 'Expected x to be an int, found int32.'),
    (1, ValueError, 'Expected x of at least 2, found 1.'),
  )
  def test_other_values_than_ints_in_range_raise(self, value, error, message):
    with self.assertRaises(error) as raised:
      argument_checks.check_int('x', value, minimum=2)
    self.assertEqual(str(raised.exception), message)

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


if __name__ == '__main__':
  absltest.main()
