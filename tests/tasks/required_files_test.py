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

import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from tasks import required_files
from tests.tasks import damage

_TWO_FILES = required_files.RequiredFiles((('a.npz', 'b.npz'),))
_ALTERNATIVES = required_files.RequiredFiles((('x',), ('y1', 'y2', 'y3')))
_DOWNLOADABLE = required_files.RequiredFiles(
  (('d/', 'e'),), is_downloadable=True
)
_NO_FILES = required_files.RequiredFiles()


class _TempDirTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def _touch(self, *names):
    for name in names:
      path = pathlib.Path(self.dir, name)
      path.parent.mkdir(exist_ok=True)
      path.touch()


class FindTest(_TempDirTestCase):
  def test_returns_absolute_paths_in_order(self):
    self._touch('b.npz', 'a.npz', 'c.npz')
    expected = [f'{self.dir}/a.npz', f'{self.dir}/b.npz']
    self.assertEqual(_TWO_FILES.find(self.dir), expected)
    parent, name = os.path.split(self.dir)
    with mock.patch.dict(os.environ, {'HOME': parent}):
      self.assertEqual(_TWO_FILES.find(f'~/{name}'), expected)

  def test_prefers_the_first_complete_layout(self):
    self._touch('y1', 'y2', 'y3')
    paths = [f'{self.dir}/y{i}' for i in (1, 2, 3)]
    self.assertEqual(_ALTERNATIVES.find(self.dir), paths)
    self._touch('x')
    self.assertEqual(_ALTERNATIVES.find(self.dir), [f'{self.dir}/x'])

  def test_directory_has_no_trailing_slash(self):
    self._touch('d/some', 'e')
    self.assertEqual(
      _DOWNLOADABLE.find(self.dir), [f'{self.dir}/d', f'{self.dir}/e']
    )

  def test_missing_file_raises(self):
    self._touch('a.npz')
    with self.assertRaisesRegex(
      ValueError,
      f'the file {self.dir}/b.npz, found none: `data_dir` must be a directory '
      r'with a.npz and b.npz\.$',
    ):
      _TWO_FILES.find(self.dir)

  def test_directory_in_place_of_a_file_raises(self):
    self._touch('a.npz', 'b.npz/some')
    with self.assertRaisesRegex(
      ValueError, 'b.npz, found a directory: `data_dir` must be a directory'
    ):
      _TWO_FILES.find(self.dir)

  def test_other_things_in_place_of_a_file_raise(self):
    self._touch('a.npz')
    os.mkfifo(f'{self.dir}/b.npz')
    with self.assertRaisesRegex(ValueError, 'b.npz, found no regular file: '):
      _TWO_FILES.find(self.dir)
    with self.assertRaisesRegex(ValueError, r'found none \(File name too long'):
      _TWO_FILES.find(f'{self.dir}/{"x" * 300}')

  def test_directories_without_permission_raise(self):
    self._touch('d/some', 'e')
    with damage.unreadable(f'{self.dir}/d'):
      with self.assertRaisesRegex(
        ValueError, 'list the directory .*/d/, found no permission: make it re'
      ):
        _DOWNLOADABLE.find(self.dir)
    self._touch('d/a.npz', 'd/b.npz')
    with damage.unreadable(f'{self.dir}/d'):
      with self.assertRaisesRegex(ValueError, 'a.npz, found no permission to'):
        _TWO_FILES.find(f'{self.dir}/d')

  def test_empty_directory_raises(self):
    self._touch('e')
    os.mkdir(f'{self.dir}/d')
    with self.assertRaisesRegex(
      ValueError, 'directory with files, .*/d/, found none.*to download them'
    ):
      _DOWNLOADABLE.find(self.dir)

  def test_incomplete_layouts_raise(self):
    self._touch('y1', 'y3')
    with self.assertRaisesRegex(
      ValueError, f'x, or y1, y2 and y3 in {self.dir}, found neither'
    ) as caught:
      _ALTERNATIVES.find(self.dir)
    self.assertNotIn('\n', str(caught.exception))


class CheckTest(_TempDirTestCase):
  def test_accepts_present_files(self):
    self._touch('a.npz', 'b.npz')
    _TWO_FILES.check('some', self.dir)
    _NO_FILES.check('some', None)
    _DOWNLOADABLE.check('some', None)

  @parameterized.named_parameters(
    ('no_directory', _TWO_FILES, None, "'some' expects `data_dir`.*a.npz and"),
    ('no_files', _TWO_FILES, '/not/there', 'a.npz, found none'),
    ('not_taken', _NO_FILES, '/tmp', "'some' takes no `data_dir`.*leave it"),
    ('not_downloaded', _DOWNLOADABLE, '/not/there', 'found none: `data_dir`'),
  )
  def test_raises(self, files, data_dir, message):
    with self.assertRaisesRegex(ValueError, message):
      files.check('some', data_dir)


if __name__ == '__main__':
  absltest.main()
