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

import hashlib
import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest

from tasks import input_files
from tests.tasks import damage


class InputFilesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(self.dir, 'some')

  def _write(self, *contents):
    paths = []
    for i, text in enumerate(contents):
      path = os.path.join(self.dir, str(i))
      pathlib.Path(path).write_text(text)
      paths.append(path)
    return paths

  def _fingerprint(self, *contents):
    return input_files.InputFiles.hash(self._write(*contents)).fingerprint

  def test_hash_depends_on_contents_and_order_alone(self):
    first = self._fingerprint('ab', 'c')
    self.assertEqual(self._fingerprint('ab', 'c'), first)
    others = {
      self._fingerprint(*contents)
      for contents in (('a', 'bc'), ('c', 'ab'), ('abc',), ('ab', 'c', ''))
    }
    self.assertLen(others | {first}, 5)

  def test_hash_is_sha256(self):
    self.path.write_bytes(b'abc')
    digest = hashlib.sha256(b'abc')
    self.assertEqual(input_files.hash_file(str(self.path)), digest.hexdigest())
    self.assertEqual(
      input_files.InputFiles.hash([str(self.path)]).fingerprint,
      hashlib.sha256(digest.digest()).hexdigest(),
    )

  def test_unchanged_files_are_read(self):
    files = input_files.InputFiles.hash(self._write('a', 'b'))
    with files.reading():
      contents = [pathlib.Path(p).read_text() for p in files.paths]
    self.assertEqual(contents, ['a', 'b'])
    with self.assertRaisesRegex(ValueError, 'own error'):
      with files.reading():
        raise ValueError('own error')

  def test_changes_before_and_while_reading_raise(self):
    def grow(path):
      with open(path, 'a') as f:
        f.write('more')

    def replace(path):
      other = pathlib.Path(f'{path}.new')
      other.write_text('x')
      os.replace(other, path)

    for change in (grow, replace, lambda path: os.truncate(path, 0)):
      paths = self._write('a', 'b')
      files = input_files.InputFiles.hash(paths)
      with self.assertRaises(ValueError) as caught:
        with files.reading():
          change(paths[1])
          raise ValueError('found a file that cannot be read')
      message = str(caught.exception)
      damage.check_message(self, message, paths[1])
      self.assertIn('found that it changed: run again', message)
      with self.assertRaisesRegex(ValueError, 'changed'):
        with files.reading():
          pass

  def test_change_while_hashing_raises(self):
    (path,) = self._write('a')

    def digest(f, name):
      with open(path, 'a') as other:
        other.write('more')
      return hashlib.new(name, f.read())

    with mock.patch.object(hashlib, 'file_digest', digest):
      with self.assertRaisesRegex(ValueError, 'changed: run again'):
        input_files.hash_file(path)
      with self.assertRaisesRegex(ValueError, 'changed: run again'):
        input_files.InputFiles.hash([path])

  def test_removed_file_raises(self):
    (path,) = self._write('a')
    files = input_files.InputFiles.hash([path])
    os.remove(path)
    with self.assertRaisesRegex(ValueError, f'{path}, found none: put it'):
      files.check_unchanged()

  def test_files_that_cannot_be_opened(self):
    self.path.touch()
    path = str(self.path)
    with damage.unreadable(path):
      self._assert_refused(path, 'found no permission: make it readable')
    self.path.unlink()
    self._assert_refused(path, 'found none: put it there')
    self.path.mkdir()
    self._assert_refused(path, 'found a directory: replace it')
    self.path.rmdir()
    os.mkfifo(path)
    self._assert_refused(path, 'found no regular file: replace it')
    self.path.unlink()
    self.path.symlink_to('nowhere')
    self._assert_refused(path, 'found none: put it there')
    self._assert_refused(f'{self.dir}/{"x" * 300}', 'File name too long')

  def test_errors_of_the_disk(self):
    self.path.touch()
    with mock.patch.object(
      hashlib, 'file_digest', side_effect=OSError(5, 'Input/output error')
    ):
      self._assert_refused(str(self.path), 'found Input/output error: replace')

  def _assert_refused(self, path, message):
    for function in (
      input_files.hash_file,
      lambda p: input_files.InputFiles.hash([p]),
    ):
      with self.assertRaisesRegex(ValueError, message) as caught:
        function(path)
      damage.check_message(self, str(caught.exception), path)


if __name__ == '__main__':
  absltest.main()
