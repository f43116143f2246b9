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
"""Tests for flag_files."""

import os
import pathlib
import tempfile

from absl.testing import absltest

from programs.command_line import flag_files


class FlagFilesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    self.addCleanup(os.chdir, os.getcwd())
    os.chdir(self._dir)

  def test_name_of_a_file_of_the_programs(self):
    path = flag_files.find('digits_fed_avg')
    self.assertIn('--task=digits', pathlib.Path(path).read_text())
    self.assertEqual(
      flag_files.resolve('--flagfile=digits_fed_avg'), f'--flagfile={path}'
    )

  def test_file_of_the_current_directory_comes_first(self):
    pathlib.Path('digits_fed_avg').touch()
    self.assertEqual(flag_files.find('digits_fed_avg'), 'digits_fed_avg')

  def test_other_paths_and_arguments_stay(self):
    for path in ('none', 'x/digits_fed_avg', '/digits_fed_avg'):
      self.assertEqual(flag_files.find(path), path)
    self.assertEqual(flag_files.resolve('--task=digits'), '--task=digits')


if __name__ == '__main__':
  absltest.main()
