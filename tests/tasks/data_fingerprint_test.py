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
"""Tests of the fingerprint of a task's data."""

import contextlib
import os
import pathlib
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from tasks import data_fingerprint
from tests.tasks import damage
from tests.tasks.folder import folders


class DataFingerprintTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

  def _fingerprint(self, name: str = 'mnist') -> str:
    return data_fingerprint.data_fingerprint(name, data_dir=str(self._dir))

  def test_depends_on_contents_only(self):
    path = self._dir / 'mnist.npz'
    path.write_bytes(b'one')
    one = self._fingerprint()
    os.utime(path, (0, 0))
    (self._dir / 'other.npz').write_bytes(b'not read')
    self.assertEqual(self._fingerprint(), one)
    path.write_bytes(b'two')
    os.utime(path, (0, 0))
    self.assertNotEqual(self._fingerprint(), one)

  def test_depends_on_all_files_of_a_directory(self):
    (self._dir / 'gld160k' / 'train').mkdir(parents=True)
    (self._dir / 'gld160k' / 'test.tfRecord').touch()
    first = self._dir / 'gld160k' / 'train' / 'a'
    first.write_bytes(b'one')
    one = self._fingerprint('gldv2')
    first.rename(first.with_name('b'))
    renamed = self._fingerprint('gldv2')
    first.with_name('c').touch()
    self.assertLen({one, renamed, self._fingerprint('gldv2')}, 3)

  @parameterized.parameters(
    'digits', 'glyphs', 'python_tokens', 'api_calls', 'identifiers'
  )
  def test_tasks_of_packages(self, name):
    self.assertRegex(data_fingerprint.data_fingerprint(name), '^[0-9a-f]{64}$')

  def test_depends_on_all_that_a_folder_task_reads(self):
    folders.write(str(self._dir), folders.clients({'a': 2, 'b': 2}))
    model = self._dir / 'model.keras'
    model.write_bytes(b'one')

    def fingerprint():
      return data_fingerprint.data_fingerprint(
        'folder', data_dir=str(self._dir), keras_model=str(model)
      )

    found = [fingerprint()]
    (self._dir / 'notes.txt').write_text('not read')
    self.assertEqual(fingerprint(), found[0])
    for change in (
      lambda: (self._dir / 'a.npz').rename(self._dir / 'c.npz'),
      lambda: model.write_bytes(b'two'),
      lambda: (self._dir / 'schema.json').write_text(
        (self._dir / 'schema.json').read_text() + ' '
      ),
    ):
      change()
      found.append(fingerprint())
    self.assertLen(set(found), 4)

  def test_depends_on_the_module_and_the_data_of_a_function(self):
    name = f'{__name__.rpartition(".")[2]}_module:build'
    module = self._dir / f'{name.partition(":")[0]}.py'
    module.write_text('one')
    (self._dir / 'data').mkdir()
    with mock.patch.object(sys, 'path', [*sys.path, str(self._dir)]):
      found = []
      for write in (
        lambda: None,
        lambda: module.write_text('two'),
        lambda: (self._dir / 'data' / 'a').write_text('one'),
      ):
        write()
        found.append(
          data_fingerprint.data_fingerprint(
            name, data_dir=str(self._dir / 'data')
          )
        )
    self.assertLen(set(found), 3)

  def test_home_directory(self):
    (self._dir / 'mnist.npz').write_bytes(b'one')
    with mock.patch.dict(os.environ, {'HOME': str(self._dir.parent)}):
      fingerprint = data_fingerprint.data_fingerprint(
        'mnist', data_dir=f'~/{self._dir.name}'
      )
    self.assertEqual(fingerprint, self._fingerprint())
    with contextlib.chdir(self._dir):
      self.assertEqual(
        data_fingerprint.data_fingerprint('mnist', data_dir='.'), fingerprint
      )

  def test_file_that_cannot_be_opened(self):
    path = self._dir / 'mnist.npz'
    path.touch()
    with damage.unreadable(str(path)):
      with self.assertRaisesRegex(ValueError, 'mnist.npz, found no permission'):
        self._fingerprint()

  def test_missing_file(self):
    with self.assertRaisesRegex(ValueError, 'Expected the file .*mnist.npz'):
      self._fingerprint()


if __name__ == '__main__':
  absltest.main()
