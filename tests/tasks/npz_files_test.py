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

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks import npz_files


class _TempDirTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())


class HashFilesTest(_TempDirTestCase):
  def _write(self, *contents):
    paths = []
    for i, text in enumerate(contents):
      path = os.path.join(self.dir, str(i))
      pathlib.Path(path).write_text(text)
      paths.append(path)
    return paths

  def test_depends_on_contents_and_order_alone(self):
    first = npz_files.hash_files(self._write('ab', 'c'))
    self.assertEqual(npz_files.hash_files(self._write('ab', 'c')), first)
    others = {
      npz_files.hash_files(self._write(*contents))
      for contents in (('a', 'bc'), ('c', 'ab'), ('abc',), ('ab', 'c', ''))
    }
    self.assertLen(others | {first}, 5)


class ReadNpzTest(_TempDirTestCase):
  def setUp(self):
    super().setUp()
    self.path = os.path.join(self.dir, 'some.npz')
    self.a = np.arange(6).reshape(2, 3)
    self.b = np.full(1000, 0.5)
    np.savez(self.path, a=self.a, b=self.b)

  def _damage_b(self):
    contents = pathlib.Path(self.path).read_bytes()
    part = self.b.tobytes()
    self.assertIn(part, contents)
    pathlib.Path(self.path).write_bytes(
      contents.replace(part, bytes(len(part)))
    )

  def test_returns_arrays_in_the_given_order(self):
    b, a = npz_files.read_npz(self.path, ['b', 'a'])
    np.testing.assert_array_equal(a, self.a)
    np.testing.assert_array_equal(b, self.b)

  def test_decompresses_the_named_arrays_only(self):
    self._damage_b()
    (a,) = npz_files.read_npz(self.path, ['a'])
    np.testing.assert_array_equal(a, self.a)

  def test_damaged_array_raises(self):
    self._damage_b()
    with self.assertRaisesRegex(ValueError, r'a, b.*\(BadZipFile\): replace'):
      npz_files.read_npz(self.path, ['a', 'b'])

  def test_missing_arrays_raise(self):
    with self.assertRaisesRegex(
      ValueError, f'{self.path} to have a, x, y, found no x, y: replace it'
    ):
      npz_files.read_npz(self.path, ['a', 'x', 'y'])

  @parameterized.parameters(0, 10, 1000)
  def test_truncated_file_raises(self, length):
    os.truncate(self.path, length)
    with self.assertRaisesRegex(ValueError, 'an .npz file with a, .*replace'):
      npz_files.read_npz(self.path, ['a'])

  def test_object_arrays_raise(self):
    np.savez(self.path, a=np.array([{}, None]))
    with self.assertRaisesRegex(ValueError, r'\(ValueError\): replace it'):
      npz_files.read_npz(self.path, ['a'])


class CheckLabelledImagesTest(parameterized.TestCase):
  def _check(self, x, y, label_type=np.uint8):
    npz_files.check_labelled_images(
      'some.npz', x, y, (3, 4, 5), num_classes=7, label_type=label_type
    )

  def test_accepts_images(self):
    x = np.zeros((3, 4, 5), np.uint8)
    self._check(x, np.array([0, 6, 2], np.uint8))
    self._check(x, np.array([0, 6, 2], np.uint16), np.uint16)

  @parameterized.named_parameters(
    ('image_type', np.zeros((3, 4, 5)), np.zeros(3, np.uint8), 'found float64'),
    (
      'image_shape',
      np.zeros((3, 4, 6), np.uint8),
      np.zeros(3, np.uint8),
      r'found uint8 \[3, 4, 6\]',
    ),
    (
      'label_type',
      np.zeros((3, 4, 5), np.uint8),
      np.zeros(3, np.uint16),
      'and uint16',
    ),
    (
      'label_shape',
      np.zeros((3, 4, 5), np.uint8),
      np.zeros((3, 1), np.uint8),
      r'and uint8 \[3, 1\]',
    ),
    (
      'label',
      np.zeros((3, 4, 5), np.uint8),
      np.full(3, 7, np.uint8),
      'labels below 7, .* up to 7',
    ),
  )
  def test_raises(self, x, y, message):
    with self.assertRaisesRegex(ValueError, f'{message}.*: replace it'):
      self._check(x, y)


if __name__ == '__main__':
  absltest.main()
