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

import io
import os
import pathlib
import pickle
import struct
import tempfile
import tracemalloc
import zipfile

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st
import numpy as np

from tasks import npz_files
from tests.tasks import damage


def _npy(array, **kwargs):
  """Returns an array as numpy.save writes it."""
  f = io.BytesIO()
  np.save(f, np.asarray(array), **kwargs)
  return f.getvalue()


def _npz(arrays, compression=zipfile.ZIP_DEFLATED):
  """Returns a zip file of members, given as arrays or as bytes."""
  f = io.BytesIO()
  with zipfile.ZipFile(f, 'w', compression) as archive:
    for name, array in arrays.items():
      member = array if isinstance(array, bytes) else _npy(array)
      archive.writestr(f'{name}.npy', member)
  return f.getvalue()


def _with_header(header, data=b'', version=1):
  """Returns an array with the given text as its header."""
  length = struct.pack('<H' if version == 1 else '<I', len(header))
  return b'\x93NUMPY' + bytes([version, 0]) + length + header.encode() + data


def _header(shape, descr="'<f4'", order=False):
  return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"


def _altered_zip(contents, offset, value):
  """Alters two bytes of the headers of the first member, in both places."""
  contents = bytearray(contents)
  struct.pack_into('<H', contents, offset, value)
  directory = contents.rindex(b'PK\x01\x02')
  struct.pack_into('<H', contents, directory + offset + 2, value)
  return bytes(contents)


_SMALL = _npz({'a': np.arange(6.0), 'b': np.eye(2, dtype=np.int16)})
_TERABYTES = '(1000000, 1000000)'
# Contents, and the part of the message after "found".
_DAMAGED_FILES = {
  'empty': (b'', r'a file that cannot be read \(BadZipFile\): replace it'),
  'text': (b'hello', r'a file that cannot be read \(BadZipFile\): replace it'),
  'bare_npy': (_npy([1.0]), 'a single array, written by numpy.save, that'),
  'pickle': (pickle.dumps({'a': [1]}), r'a file .*\(BadZipFile\): replace it'),
  'encrypted': (_altered_zip(_npz({'a': [1]}), 6, 1), '`a` encrypted: save it'),
  'compression': (
    _altered_zip(_npz({'a': [1]}), 8, 98),
    '`a` compressed by the unknown method 98: save it with numpy.savez_compr',
  ),
  'zip_version': (
    _altered_zip(_npz({'a': [1]}), 4, 99),
    r'a file that cannot be read \(NotImplementedError\): replace it',
  ),
  'checksum': (
    _npz({'a': np.full(9, 0.5)}, zipfile.ZIP_STORED).replace(
      np.full(9, 0.5).tobytes(), bytes(72)
    ),
    r'a file that cannot be read \(BadZipFile\): replace it',
  ),
  'no_magic': (_npz({'a': b'text'}), r'broken header of `a` \(ValueError\)'),
  'empty_member': (_npz({'a': b''}), r'broken header of `a` \(ValueError\)'),
  'version': (_npz({'a': b'\x93NUMPY\x07\x00'}), 'broken header of `a`'),
  'short_header': (
    _npz({'a': _with_header(_header('(1,)'))[:-5]}),
    'broken header of `a`',
  ),
  'no_dict': (_npz({'a': _with_header('[1, 2]')}), 'broken header of `a`'),
  'no_python': (_npz({'a': _with_header('{"a": (')}), 'broken header of `a`'),
  'nested': (_npz({'a': _with_header('(' * 9000)}), 'broken header of `a`'),
  'nested_dict': (
    _npz({'a': _with_header('{1:' * 3000 + '1' + '}' * 3000)}),
    'broken header of `a`',
  ),
  'long_header': (
    _npz({'a': _with_header(' ' * 60_000 + _header('(1,)'), version=2)}),
    'broken header of `a`',
  ),
  'claims_gigabytes_of_header': (
    _npz({'a': b'\x93NUMPY\x02\x00\xff\xff\xff\xff{}'}),
    'broken header of `a`',
  ),
  'terabytes': (
    _npz({'a': _with_header(_header(_TERABYTES), bytes(8))}),
    '8 bytes in `a`, whose header claims 4000000000000: replace it',
  ),
  'endless': (
    _npz({'a': _with_header(_header(f'({"9" * 4000},)'), bytes(8))}),
    '8 bytes in `a`, whose header claims over 10.18: replace it',
  ),
  'overflow': (
    _npz({'a': _with_header(_header('(4294967296, 4294967296)'))}),
    '0 bytes in `a`, whose header claims over 10.18: replace it',
  ),
  'fewer_bytes': (
    _npz({'a': _npy(np.arange(4.0))[:-1]}),
    '31 bytes in `a`, whose header claims 32: replace it',
  ),
  'more_bytes': (
    _npz({'a': _npy(np.arange(4.0)) + b'x'}),
    '33 bytes in `a`, whose header claims 32: replace it',
  ),
  'negative': (
    _npz({'a': _with_header(_header('(-1, -2)'), bytes(8))}),
    'negative sizes in the shape of `a`: replace it',
  ),
  'dimensions': (
    _npz({'a': _with_header(_header(f'({"1," * 99})'), bytes(4))}),
    r'a file that cannot be read \(ValueError\): replace it',
  ),
  'text_array': (_npz({'a': ['x']}), 'strings in `a`: save numbers'),
  'bytes_array': (_npz({'a': [b'x']}), 'strings in `a`: save numbers'),
  'objects': (
    _npz({'a': np.array([{}, None])}),
    'Python objects in `a`: save numbers',
  ),
  'ragged': (
    _npz({'a': np.array([[1], [1, 2]], object)}),
    'Python objects in `a`: save numbers',
  ),
  'dates': (_npz({'a': np.array(['2020'], 'M8[D]')}), 'dates in `a`: save num'),
  'durations': (_npz({'a': np.array([1], 'm8[s]')}), 'durations in `a`: save'),
  'records': (
    _npz({'a': np.zeros(1, 'i4,f4')}),
    'records in `a`: save numbers',
  ),
  'complex': (_npz({'a': [1j]}), 'complex numbers in `a`: save numbers'),
  'no_bytes': (
    _npz({'a': np.zeros(3, 'V0')}),
    '(records in|broken header of) `a`',
  ),
}


class _TempDirTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())


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

  @parameterized.product(
    dtype=['?', 'u1', '<i2', '>i2', '<f4', '>f8', 'f2', 'g'],
    shape=[(), (0,), (3,), (2, 3), (2, 0, 3)],
    order=['C', 'F'],
    compression=[zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
  )
  def test_equals_numpy(self, dtype, shape, order, compression):
    rng = np.random.default_rng(0)
    a = np.asarray(rng.normal(size=shape), order=order).astype(dtype)
    pathlib.Path(self.path).write_bytes(_npz({'a': a}, compression))
    (read,) = npz_files.read_npz(self.path, ['a'])
    with np.load(self.path) as arrays:
      expected = arrays['a']
    self.assertEqual(read.dtype, expected.dtype)
    self.assertEqual(read.strides, expected.strides)
    np.testing.assert_array_equal(read, expected, strict=True)
    self.assertTrue(read.flags.writeable)

  @parameterized.parameters(1, 2, 3)
  def test_reads_versions_of_the_format(self, version):
    a = np.arange(3, dtype=np.float32)
    member = _with_header(_header('(3,)') + '\n', a.tobytes(), version)
    pathlib.Path(self.path).write_bytes(_npz({'a': member}))
    (read,) = npz_files.read_npz(self.path, ['a'])
    np.testing.assert_array_equal(read, a, strict=True)

  def test_reads_arrays_larger_than_a_chunk(self):
    a = np.arange(5_000_000, dtype=np.float32)
    np.savez(self.path, a=a)
    (read,) = npz_files.read_npz(self.path, ['a'])
    np.testing.assert_array_equal(read, a, strict=True)


class DamagedFilesTest(_TempDirTestCase):
  def _assert_refused(self, contents, message):
    path = os.path.join(self.dir, 'some.npz')
    pathlib.Path(path).write_bytes(contents)
    with self.assertRaisesRegex(ValueError, f'found .*{message}') as caught:
      npz_files.read_npz(path, ['a'])
    damage.check_message(self, str(caught.exception), path)

  @parameterized.named_parameters(
    (name, *row) for name, row in _DAMAGED_FILES.items()
  )
  def test_refused(self, contents, message):
    self._assert_refused(contents, message)

  def test_claims_allocate_nothing(self):
    contents, message = _DAMAGED_FILES['terabytes']
    tracemalloc.start()
    try:
      self._assert_refused(contents, message)
      _, peak = tracemalloc.get_traced_memory()
    finally:
      tracemalloc.stop()
    self.assertLess(peak, 2**22)

  def test_directory_that_claims_the_same(self):
    # Both the header and the directory of the zip file claim 2 GB.
    contents = bytearray(
      _npz(
        {'a': _with_header(_header('(500000000,)'), bytes(8))},
        zipfile.ZIP_STORED,
      )
    )
    claimed = len(_with_header(_header('(500000000,)'))) + 2_000_000_000
    directory = contents.rindex(b'PK\x01\x02')
    struct.pack_into('<I', contents, directory + 24, claimed)
    self._assert_refused(bytes(contents), r'`a` after 8|cannot be read')

  def test_files_that_cannot_be_opened(self):
    path = os.path.join(self.dir, 'some.npz')
    pathlib.Path(path).write_bytes(_SMALL)
    for context, message in (
      (damage.unreadable(path), 'found no permission: make it readable'),
    ):
      with context, self.assertRaisesRegex(ValueError, message):
        npz_files.read_npz(path, ['a'])
    with self.assertRaisesRegex(ValueError, 'found a directory: replace it'):
      npz_files.read_npz(self.dir, ['a'])
    with self.assertRaisesRegex(ValueError, 'found none: put it there'):
      npz_files.read_npz(f'{path}.no', ['a'])


class FuzzTest(absltest.TestCase):
  def _check(self, contents):
    with damage.temporary_file('some.npz', contents) as path:
      damage.reads_or_refuses(
        self, path, lambda: npz_files.read_npz(path, ['a', 'b'])
      )

  @damage.settings
  @hypothesis.given(damage.damaged(_SMALL))
  def test_damaged_zip_files(self, contents):
    self._check(contents)

  @damage.settings
  @hypothesis.given(
    damage.damaged(_npy(np.arange(6.0))), st.sampled_from([0, 8, 12, 14])
  )
  def test_damaged_members(self, member, compression):
    self._check(_npz({'a': member, 'b': member}, compression))

  @damage.settings
  @hypothesis.given(
    st.text(max_size=40)
    | st.builds(
      _header,
      st.lists(st.integers(-3, 2**65), max_size=40).map(tuple)
      | st.text(max_size=9),
      st.sampled_from(
        ["'<f4'", "'O'", "'<U9'", "'i4,'", "[('', '<f4')]", "'M8'"]
      )
      | st.text(max_size=9),
    ),
    st.binary(max_size=40),
    st.integers(0, 4),
  )
  def test_other_headers(self, header, data, version):
    header = header.encode('ascii', 'replace').decode()
    member = _with_header(header, data, version)
    self._check(_npz({'a': member, 'b': member}))


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
