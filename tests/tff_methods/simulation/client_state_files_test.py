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
"""Tests for client_state_files.py."""

import hashlib
import io
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tff_methods.simulation import client_state_files
from tff_methods.simulation import store_files

_KEY = 'ab12'
_ARRAYS = [
  np.arange(6.0).reshape(2, 3),
  np.float32(2.5),
  np.zeros((0, 2), 'i1'),
]


class ClientStateFilesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    parent = self.enterContext(tempfile.TemporaryDirectory())
    self.root = pathlib.Path(parent) / 'states'
    self.files = client_state_files.ClientStateFiles(str(self.root))

  def save(self, version, key=_KEY):
    checksum = self.files.save(key, version, _ARRAYS)
    return self.root / key[:2] / key / f'{version}.npy', checksum

  def test_file_contains_arrays_and_sha256(self):
    path, checksum = self.save(3)
    expected = io.BytesIO()
    for array in (np.array(3), *_ARRAYS):
      np.save(expected, array)
    contents = expected.getvalue()
    digest = hashlib.sha256(b'3 ab12\n' + contents).digest()
    self.assertEqual(path.read_bytes(), contents + digest)
    self.assertEqual(checksum, digest.hex())
    self.assertEqual(self.files.stored_checksum(_KEY, 3), checksum)
    self.assertEqual(self.files.file(_KEY, 3), str(path))

  def test_load_returns_the_arrays(self):
    self.save(3)
    for found, expected in zip(self.files.load(_KEY, 3), _ARRAYS, strict=True):
      self.assertEqual(found.dtype, expected.dtype)
      np.testing.assert_array_equal(found, expected)

  # More than one chunk, and its ends.
  @parameterized.parameters(
    *(2**17 + n for n in (-46, -45, -37, -36, 0, 2**17))
  )
  def test_long_states(self, size):
    array = np.random.default_rng(size).integers(0, 9, size, 'i2')
    self.files.save(_KEY, 1, [array])
    (found,) = self.files.load(_KEY, 1)
    np.testing.assert_array_equal(found, array)

  def test_each_flipped_byte_and_each_length_is_an_error(self):
    path, _ = self.save(3)
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(len(whole))] + [whole + b'\0']
    damaged += [
      whole[:n] + bytes([whole[n] ^ 64]) + whole[n + 1 :]
      for n in range(len(whole))
    ]
    for contents in damaged:
      path.write_bytes(contents)
      with self.assertRaisesRegex(
        store_files.DamagedClientStatesError, f'in {path}, found it damaged'
      ):
        self.files.load(_KEY, 3)

  @parameterized.parameters((_KEY, 4), ('ab13', 3))
  def test_file_of_another_client_or_round_is_an_error(self, key, version):
    path, _ = self.save(3)
    other, _ = self.save(version, key)
    path.replace(other)
    with self.assertRaisesRegex(
      store_files.DamagedClientStatesError, f'{other}.* another client or round'
    ):
      self.files.load(key, version)

  def test_other_contents_are_an_error_despite_their_checksum(self):
    path, _ = self.save(3)
    for contents in (b'', b'garbage', b'\x93NUMPY\x01\0\xff\xff{'):
      digest = hashlib.sha256(b'3 ab12\n' + contents).digest()
      path.write_bytes(contents + digest)
      with self.assertRaisesRegex(
        store_files.DamagedClientStatesError, f'{path}, found other contents'
      ):
        self.files.load(_KEY, 3)

  def test_missing_file_is_an_error(self):
    self.root.mkdir()
    for read in (self.files.load, self.files.stored_checksum):
      with self.assertRaisesRegex(
        store_files.DamagedClientStatesError, r'3\.npy, found no file'
      ):
        read(_KEY, 3)
    (self.root / 'ab' / _KEY / '3.npy').mkdir(parents=True)
    with self.assertRaisesRegex(
      store_files.DamagedClientStatesError, r'3\.npy, found a directory'
    ):
      self.files.load(_KEY, 3)

  def test_versions(self):
    self.assertEmpty(self.files.versions(_KEY))
    for version in (3, 20, 1):
      path, _ = self.save(version)
    for name in ('x.npy', '07.npy', '0.npy', '5.npy.temporary', '²3.npy', '6'):
      path.with_name(name).write_text('mine')
    self.save(2, 'ff00')
    self.assertCountEqual(self.files.versions(_KEY), [1, 3, 20])
    self.assertCountEqual(self.files.keys(), [_KEY, 'ff00'])
    for round_num, version in {0: 0, 1: 1, 2: 1, 3: 3, 19: 3, 99: 20}.items():
      self.assertEqual(self.files.newest(_KEY, round_num), version)
    self.files.remove(_KEY, [1, 20])
    self.files.remove_unfinished(_KEY)
    self.assertEqual(self.files.versions(_KEY), [3])
    self.assertFalse(path.with_name('5.npy.temporary').exists())
    self.assertTrue(path.with_name('x.npy').exists())


if __name__ == '__main__':
  absltest.main()
