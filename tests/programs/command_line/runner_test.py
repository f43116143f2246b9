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
"""Tests of the command line runner."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import runner
from tests.programs import program_testing

_SIZE = flags.DEFINE_integer('runner_test_size', None, 'Size, in bytes.')
_WEIGHT = flags.DEFINE_float('runner_test_weight', None, 'Weight, in grams.')
_SHAPE = flags.DEFINE_string('runner_test_shape', 'round', 'Shape.')


def _main() -> int:
  if _SIZE.value == 13:
    raise runner.UsageError('Expected another\nsize, found 13.')
  return 3


class RunTest(parameterized.TestCase):
  def test_exits_with_the_code_of_main(self):
    self.assertEqual(
      program_testing.run_here('a.py', _main, '--runner_test_size=2'),
      (3, '', ''),
    )

  @parameterized.named_parameters(
    ('refused_by_main', '--runner_test_size=13', 'another size, found 13'),
    ('unknown_flag', '--sise=1', 'sise'),
    (
      'no_integer',
      '--runner_test_size=large',
      "an integer in --runner_test_size, found 'large'; give one",
    ),
    (
      'no_number',
      '--runner_test_weight=adaptive',
      "a number in --runner_test_weight, found 'adaptive'; give one",
    ),
    ('missing', '--runner_test_size', 'Missing value for flag'),
    ('argument', 'stray', "flags only, found 'stray'"),
    ('no_value', '--nologtostderr=5', 'does not take an argument'),
    ('absl_value', '--stderrthreshold=foo', 'Expected flags .*found'),
    ('file_name', '--flagfile=/tmp/a\0b', 'Expected flags .*null byte'),
    ('full_width', '--runner_test_size=４', "0 to 9 in --.*_size, found '４'"),
    ('long', f'--runner_test_size={"9" * 5000}', "found '999+…999+'; give one"),
    ('underscore', '-runner_test_size=1_0', "0 to 9 in --.*found '1_0'"),
  )
  def test_refuses_in_one_line(self, argument, message):
    exit_code, stdout, stderr = program_testing.run_here(
      'a.py', _main, argument
    )
    self.assertEqual((exit_code, stdout), (2, ''))
    self.assertRegex(stderr, rf'^a: [^\n]*{message}[^\n]*\n$')

  def test_refuses_full_width_digits_of_a_following_argument(self):
    exit_code, _, stderr = program_testing.run_here(
      'a.py', _main, '--runner_test_size', '４'
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, "digits 0 to 9 in .*found '４'")

  @parameterized.parameters(
    ('\ufeff--runner_test_size=13\n', 'another size, found 13'),
    ('\ufeff# Comment.\n--runner_test_size=13\n', 'another size, found 13'),
    ('\ufeff\n--runner_test_size=１３\n', 'digits 0 to 9'),
  )
  def test_flag_file_with_a_byte_order_mark(self, contents, message):
    file = self.create_tempfile(content=contents, encoding='utf-8')
    exit_code, _, stderr = program_testing.run_here(
      'a.py', _main, f'--flagfile={file.full_path}'
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, message)

  @parameterized.parameters('--help', '-h', '--helpshort', '-helpfull')
  def test_help_ends_with_exit_code_0(self, flag):
    exit_code, stdout, stderr = program_testing.run_here('a.py', _main, flag)
    self.assertEqual((exit_code, stderr), (0, ''))
    self.assertStartsWith(stdout, 'Tests of the command line runner.')
    self.assertIn('--runner_test_size=INT', stdout)


class ChecksTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS(['a.py'])

  def test_given(self):
    with self.assertRaisesRegex(
      runner.UsageError, 'Expected --runner_test_size, found none; give it.'
    ):
      runner.check_given(_SHAPE, _SIZE)
    flags.FLAGS(['a.py', '--runner_test_size=0'])
    runner.check_given(_SHAPE, _SIZE)

  def test_refuses_what_is_given_only(self):
    runner.refuse_given(_SIZE, _SHAPE)
    flags.FLAGS(['a.py', '--runner_test_size=1'])
    with self.assertRaisesRegex(
      runner.UsageError,
      'no --runner_test_size with --runner_test_shape=round, found '
      '--runner_test_size=1; leave it out.',
    ):
      runner.refuse_given(_SIZE, _SHAPE)

  def test_positive(self):
    self.assertTrue(runner.positive(None))
    self.assertTrue(runner.positive(1e-9))
    for value in (0.0, -1.0, 1e-39, 1e39, float('inf'), float('nan')):
      self.assertFalse(runner.positive(value))

  def test_counts(self):
    for text in ('1', '007', str(2**31 - 1)):
      self.assertTrue(runner.is_count(text))
    self.assertTrue(runner.is_count('0', minimum=0))
    for text in ('', '0', '-1', '+1', ' 1', '４', '²', str(2**31), '1' * 9999):
      self.assertFalse(runner.is_count(text))


if __name__ == '__main__':
  absltest.main()
