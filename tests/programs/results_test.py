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
"""Tests of the program results."""

import contextlib
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs import results
from tests.programs import program_testing
from tests.programs.pages import small_repository

_DESCRIPTION = """
[digits]
columns = ['accuracy']
seeds = [0]
[digits.rows]
plain = 'Plain'
"""
_PAGE = '<!-- results: digits -->\n<!-- end of results -->\n'


class ProgramTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enter_context(tempfile.TemporaryDirectory())
    self._root = pathlib.Path(directory)
    small_repository.write_page(self._root, _DESCRIPTION, _PAGE)
    small_repository.write_run(
      self._root / 'results/page/plain/seed_0', 0.5, 8_000_000
    )
    self.enter_context(contextlib.chdir(directory))

  def _run(self, *arguments):
    return program_testing.run_here('results.py', results.main, *arguments)

  def test_checks_and_writes(self):
    exit_code, stdout, _ = self._run('--action=check')
    self.assertEqual(exit_code, 1)
    self.assertRegex(stdout, 'docs/page.md to have digits as')
    exit_code, stdout, _ = self._run('--action=write')
    self.assertEqual((exit_code, stdout), (0, 'Wrote docs/page.md.\n'))
    self.assertIn(
      '| Plain | 50.00 % |', (self._root / 'docs/page.md').read_text()
    )
    exit_code, stdout, _ = self._run('--action=check')
    self.assertEqual((exit_code, stdout), (0, ''))

  def test_runs_nothing_if_nothing_is_missing(self):
    exit_code, stdout, stderr = self._run('--action=run', '--page=page')
    self.assertEqual((exit_code, stdout, stderr), (0, '', ''))

  @parameterized.named_parameters(
    ('no_action', [], 'Expected --action'),
    ('no_page', ['--action=run'], 'Expected --page'),
    (
      'page_of_no_run',
      ['--action=check', '--page=page'],
      'no --page with --action=check, found --page=page; leave it out',
    ),
    ('stray_argument', ['--action=check', 'page'], "only, found 'page'"),
    (
      'another_page',
      ['--action=run', '--page=other'],
      r"one of \['page'\], found 'other'",
    ),
  )
  def test_refuses(self, arguments, message):
    exit_code, _, stderr = self._run(*arguments)
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, f'^results: .*{message}')

  def test_refuses_another_directory(self):
    with contextlib.chdir('docs'):
      exit_code, _, stderr = self._run('--action=check')
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, 'directory results .*found none; run .*root')


if __name__ == '__main__':
  absltest.main()
