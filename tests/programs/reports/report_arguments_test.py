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
"""Tests for report_arguments."""

import os
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import flagsaver

from programs.command_line import runner
from programs.command_line import task_flags
from programs.reports import report_arguments


class CheckTaskTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enterContext(flagsaver.as_parsed((task_flags.TASK, 'digits')))

  def test_takes_a_task_of_the_list(self):
    report_arguments.check_task(['mnist', 'digits'], 'of images')

  def test_refuses_other_tasks(self):
    with self.assertRaisesRegex(
      runner.UsageError,
      "Expected a --task of text, found 'digits'; choose one of irc, xc.",
    ):
      report_arguments.check_task(['irc', 'xc'], 'of text')


class MakeOutputDirTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())

  def _make(self, path, **other_flags):
    with flagsaver.as_parsed(output_dir=path, **other_flags):
      report_arguments.make_output_dir()

  def test_makes_it_with_its_parents(self):
    path = os.path.join(self._dir, 'a', 'b')
    for _ in range(2):  # An existing one is used.
      self._make(path)
      self.assertTrue(os.path.isdir(path))

  def test_refuses_a_file(self):
    path = pathlib.Path(self._dir, 'file')
    path.touch()
    with self.assertRaisesRegex(
      runner.UsageError, f'in --output_dir, found {path} .*; choose another'
    ):
      self._make(str(path))

  def test_refuses_rounds(self):
    path = os.path.join(self._dir, 'a')
    with self.assertRaisesRegex(
      runner.UsageError, 'no --rounds, found --rounds=3; leave it out'
    ):
      self._make(path, rounds='3')
    self.assertFalse(os.path.exists(path))


if __name__ == '__main__':
  absltest.main()
