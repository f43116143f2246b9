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
"""Tests for store_files.py."""

import errno
import os
import pathlib
import pickle
import tempfile

from absl.testing import absltest

from tff_methods.simulation import store_files


class StoreFilesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    parent = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(parent) / 'a' / 'b' / 'x'

  def test_write_whole_replaces_the_file(self):
    for contents in (b'one', b'', b'three'):
      store_files.write_whole(
        str(self.path), lambda f, contents=contents: f.write(contents)
      )
      self.assertEqual(self.path.read_bytes(), contents)
      self.assertEqual(os.listdir(self.path.parent), ['x'])

  def test_failed_write_leaves_the_old_file_and_names_it(self):
    store_files.write_whole(str(self.path), lambda f: f.write(b'old'))

    def write(f):
      f.write(b'new')
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with self.assertRaises(OSError) as raised:
      store_files.write_whole(str(self.path), write)
    self.assertEqual(
      str(raised.exception),
      f"[Errno 28] No space left on device: '{self.path}'",
    )
    self.assertEqual(self.path.read_bytes(), b'old')
    self.assertEqual(os.listdir(self.path.parent), ['x'])

  def test_naming_keeps_a_name(self):
    with self.assertRaises(FileNotFoundError) as raised:
      with store_files.naming('x'):
        open('/no such file')
    self.assertEqual(raised.exception.filename, '/no such file')

  def test_naming_keeps_errors_without_a_number(self):
    with self.assertRaisesRegex(OSError, "7 requested and 3 written: 'x'"):
      with store_files.naming('x'):
        raise OSError('7 requested and 3 written')

  def test_list_folder(self):
    self.assertEmpty(store_files.list_folder(str(self.path)))
    store_files.write_whole(str(self.path), lambda f: f.write(b'x'))
    self.assertEqual(store_files.list_folder(str(self.path.parent)), ['x'])
    self.assertEmpty(store_files.list_folder(str(self.path)))

  def test_damaged(self):
    error = store_files.damaged('a file', 'none')
    self.assertIsInstance(error, ValueError)
    self.assertEqual(
      str(pickle.loads(pickle.dumps(error))),
      'Expected a file, found none: put back a copy of the run directory, or '
      'start again.',
    )


if __name__ == '__main__':
  absltest.main()
