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
"""Tests of the standard output of programs as files."""

import pathlib
import sys
import tempfile

from absl.testing import absltest

from programs.command_line import stop_signals
from programs.pages import captured_output
from programs.runs import run_files


class WriteTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self._path = self._dir / 'new' / 'output.md'

  def _write(self, code):
    with stop_signals.StopSignals() as stop:
      return captured_output.write(
        [sys.executable, '-c', code], stop, self._path
      )

  def test_has_what_the_program_prints(self):
    self.assertEqual(self._write('print(1)'), 0)
    self.assertEqual(self._path.read_text(), '1\n')

  def test_failure_keeps_the_earlier_file(self):
    self._write('print(1)')
    self.assertEqual(self._write('print(2); raise SystemExit(3)'), 3)
    self.assertEqual(self._path.read_text(), '1\n')
    self.assertLen(list(self._path.parent.iterdir()), 1)

  def test_refuses_a_path_that_cannot_be_written(self):
    (self._dir / 'new').write_text('')
    with self.assertRaisesRegex(
      run_files.StorageError, 'Expected to write .*output.md, found: '
    ):
      self._write('print(1)')


if __name__ == '__main__':
  absltest.main()
