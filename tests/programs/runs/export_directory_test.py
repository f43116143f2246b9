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
"""Tests of the check of directories of exports."""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.runs import export_directory


class CheckTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _write(self, *names):
    for name in names:
      path = self._dir / name
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_text('')

  @parameterized.parameters(
    (),
    ('README.md',),
    ('saved_model/saved_model.pb', 'saved_model/variables/variables.index'),
    ('saved_model/saved_model.pb', 'model.keras'),
    ('saved_model.earlier.temporary/saved_model.pb', 'model.keras'),
  )
  def test_accepts(self, *names):
    self._write(*names)
    export_directory.check(str(self._dir), 'export_dir')
    export_directory.check(str(self._dir / 'new' / 'one'), 'export_dir')

  @parameterized.parameters(
    (['saved_model/saved_model.pb', 'saved_model/notes.txt'], 'saved_model/n'),
    (['saved_model'], 'saved_model'),
    (['model.keras'], 'model.keras'),
    (['configuration.json', 'saved_model/saved_model.pb'], 'configuration.js'),
  )
  def test_refuses(self, names, found):
    self._write(*names)
    with self.assertRaisesRegex(
      runner.UsageError,
      f'Expected --export_dir=.* an earlier export, found {found}.*; choose',
    ):
      export_directory.check(str(self._dir), 'export_dir')

  def test_refuses_a_link(self):
    (self._dir / 'saved_model').symlink_to(self._dir)
    with self.assertRaisesRegex(runner.UsageError, 'found saved_model;'):
      export_directory.check(str(self._dir), 'export_dir')

  def test_refuses_what_cannot_be_written(self):
    with self.assertRaisesRegex(runner.UsageError, 'Expected to write to --x='):
      export_directory.check('/dev/null/none', 'x')


if __name__ == '__main__':
  absltest.main()
