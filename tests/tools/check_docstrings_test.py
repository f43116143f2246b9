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
"""Tests of the language of docstrings, help and error messages."""

import contextlib
import io
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tools import check_docstrings

_CLEAN = '''
"""Row indexes.

Nothing that opens with a question word; each line where one occurs is fine.
"""

flags.DEFINE_float('rate', 0.1, 'Step size of the clients.')
# What a comment says is not checked.
parser.add_argument('--page', help='the page')


def select(keys, *, k=1):
  """Returns the rows of the keys, as there are no others.

  Args:
    keys: Class numbers, `int32[n]`. The text may go on in the next line
      which, indented, is no entry.
    k: If true, what follows does not matter.

  Returns:
    The rows, or those that
    what: never is an entry.

  Raises:
    ValueError: If a key is negative.
  """
  raise ValueError(f'Expected keys, found {keys}: give ' + 'others.')
'''


def _function(docstring: str) -> str:
  return f'def fn(x):\n  """{docstring}"""\n'


class FindingsTest(parameterized.TestCase):
  def test_accepts_texts_that_name_their_subject(self):
    self.assertEmpty(list(check_docstrings.findings(_CLEAN)))

  @parameterized.named_parameters(
    ('module', '"""What clients send."""\n', 1, "docstring begins with 'What'"),
    (
      'class',
      'class Store:\n  """Where states are."""\n',
      2,
      "docstring begins with 'Where'",
    ),
    (
      'first_line_of_its_own',
      _function('\n  Whether it is open.\n  '),
      2,
      "docstring begins with 'Whether'",
    ),
    (
      'returns',
      _function('Returns what is kept.'),
      2,
      "docstring begins with 'Returns what'",
    ),
    (
      'phrase',
      _function('Trains.\n\n  Adam begins anew.\n  '),
      2,
      "docstring contains 'anew'",
    ),
    (
      'phrase_over_two_lines',
      _function('Trains.\n\n  Waits for\n  ever.\n  '),
      2,
      "docstring contains 'for ever'",
    ),
    (
      'reference',
      _function('Trains.\n\n  Args:\n    x: As there.\n  '),
      2,
      "docstring contains 'As there'",
    ),
    (
      'argument',
      _function(
        'Trains.\n\n  Args:\n    y: One\n      line.\n    x: How many.\n  '
      ),
      7,
      "entry begins with 'How'",
    ),
    (
      'argument_with_type',
      _function('Trains.\n\n  Args:\n    **x (int): Of the clients.\n  '),
      5,
      "entry begins with 'Of'",
    ),
    (
      'returned_value',
      _function('Trains.\n\n  Returns:\n    Which rows changed.\n  '),
      5,
      "entry begins with 'Which'",
    ),
    (
      'flag',
      "flags.DEFINE_enum('a', 'b', ['b'], 'Which '\n  'one.', required=True)\n",
      1,
      "help begins with 'Which'",
    ),
    (
      'help',
      "parser.add_argument(\n  '--done', help='what has run'\n)\n",
      2,
      "help begins with 'what'",
    ),
    (
      'error',
      "raise ValueError(\n  f'Expected {x}, found ' + f'what is {y}.'\n)\n",
      2,
      "error message contains 'what is'",
    ),
  )
  def test_finds(self, source, line, message):
    self.assertIn((line, message), list(check_docstrings.findings(source)))


class MainTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._directory = pathlib.Path(
      self.enterContext(tempfile.TemporaryDirectory())
    )

  def test_prints_findings_below_a_directory(self):
    (self._directory / 'inner').mkdir()
    (self._directory / 'inner' / 'bad.py').write_text('\n"""Who sends."""\n')
    (self._directory / 'good.py').write_text('"""Clients."""\n')
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      code = check_docstrings.main([str(self._directory)])
    self.assertEqual(code, 1)
    finding, summary = output.getvalue().splitlines()
    self.assertEndsWith(finding, "inner/bad.py:2: docstring begins with 'Who'")
    self.assertStartsWith(summary, 'Found 1 ')

  def test_accepts_a_clean_file(self):
    clean = self._directory / 'clean.py'
    clean.write_text(_CLEAN)
    self.assertEqual(check_docstrings.main([str(clean)]), 0)


if __name__ == '__main__':
  absltest.main()
