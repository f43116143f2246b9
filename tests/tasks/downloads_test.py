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

from tasks import downloads


class EnsureDownloadedTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    parent = self.enterContext(tempfile.TemporaryDirectory())
    self.dir = os.path.join(parent, 'new', 'cache')

  def _ensure(self, download, name='data'):
    downloads.ensure_downloaded(
      self.dir, name, download, title='Some data', remedy='try later.'
    )

  def test_keeps_the_named_file_alone(self):
    def download(directory):
      for name in ('data', 'data.lzma'):
        pathlib.Path(directory, name).write_text(name)

    self._ensure(download)
    self.assertEqual(os.listdir(self.dir), ['data'])
    self.assertEqual(pathlib.Path(self.dir, 'data').read_text(), 'data')

  def test_keeps_directories(self):
    self._ensure(lambda d: pathlib.Path(d, 'data', 'train').mkdir(parents=True))
    self.assertTrue(os.path.isdir(os.path.join(self.dir, 'data', 'train')))

  def test_existing_data_is_not_downloaded(self):
    os.makedirs(os.path.join(self.dir, 'data'))
    download = mock.Mock()
    self._ensure(download)
    download.assert_not_called()

  def test_failed_download_leaves_nothing(self):
    def download(directory):
      pathlib.Path(directory, 'data').touch()
      raise ConnectionResetError('reset by peer')

    with self.assertRaisesRegex(
      ValueError, f'Some data to {self.dir}, found reset by peer: try later'
    ):
      self._ensure(download)
    self.assertEmpty(os.listdir(self.dir))

  def test_download_of_other_files_raises(self):
    with self.assertRaisesRegex(ValueError, 'No such file.*: try later'):
      self._ensure(lambda d: pathlib.Path(d, 'other').touch())
    self.assertEmpty(os.listdir(self.dir))

  def test_cache_directory_that_cannot_be_made_raises(self):
    os.makedirs(os.path.dirname(self.dir))
    pathlib.Path(self.dir).touch()
    with self.assertRaisesRegex(ValueError, 'to download Some data'):
      self._ensure(mock.Mock())


if __name__ == '__main__':
  absltest.main()
