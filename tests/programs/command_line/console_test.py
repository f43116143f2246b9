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
"""Tests for console."""

import contextlib
import io
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest

from programs.command_line import console

_ROOT = pathlib.Path(__file__).parents[3]


def _run(*arguments: str) -> tuple[int, str, str]:
  """Returns exit code, standard output and standard error."""
  with (
    mock.patch.object(sys, 'argv', ['tff-methods', *arguments]),
    contextlib.redirect_stdout(io.StringIO()) as stdout,
    contextlib.redirect_stderr(io.StringIO()) as stderr,
  ):
    exit_code = console.main()
  return exit_code, stdout.getvalue(), stderr.getvalue()


class ConsoleTest(absltest.TestCase):
  def test_help_has_a_line_for_each_program(self):
    exit_code, stdout, _ = _run('--help')
    self.assertEqual(exit_code, 0)
    self.assertRegex(stdout, r'\n  train +Trains one task with one method\.\n')
    self.assertLen(stdout.splitlines()[2:], len(console.program_names()))
    self.assertContainsSubset(
      ['compare', 'evaluate', 'train', 'worker'], console.program_names()
    )

  def test_without_a_name(self):
    exit_code, stdout, _ = _run()
    self.assertEqual(exit_code, 2)
    self.assertIn('tff-methods PROGRAM --help', stdout)

  def test_unknown_name(self):
    exit_code, _, stderr = _run('fly', '--rounds=1')
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr, r"^tff-methods: Expected a program of .*, found 'fly'; [^\n]*\n$"
    )

  def test_runs_the_program_with_its_arguments(self):
    seen = []
    with (
      mock.patch.object(
        runpy, 'run_module', lambda *a, **kw: seen.append((a, kw, sys.argv))
      ),
      mock.patch.object(console.signal, 'signal'),
    ):
      _run('train', '--rounds=1')
    ((arguments, options, argv),) = seen
    self.assertEqual(arguments, ('programs.train',))
    self.assertEqual(options, {'run_name': '__main__', 'alter_sys': True})
    self.assertEqual(argv, ['train', '--rounds=1'])


class OtherTasksTest(absltest.TestCase):
  def test_module_of_the_user_named_tasks(self):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    pathlib.Path(directory, 'tasks.py').write_text('')
    process = subprocess.run(
      [sys.executable, '-m', 'programs.train', '--help'],
      cwd=directory,
      env={**os.environ, 'PYTHONPATH': str(_ROOT)},
      capture_output=True,
      text=True,
    )
    self.assertEqual(process.returncode, 1)
    self.assertRegex(
      process.stderr.splitlines()[-1],
      r'^ImportError: Expected the module `tasks` of tff-methods, .*found '
      rf'{directory}/tasks.py: run the program from another directory',
    )


if __name__ == '__main__':
  absltest.main()
