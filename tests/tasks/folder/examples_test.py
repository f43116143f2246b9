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
import itertools
import os
import tempfile
import time
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import pyarrow as pa
from pyarrow import parquet
import tensorflow as tf

from tasks.folder import client_files
from tasks.folder import examples
from tasks.folder import file_readers
from tasks.folder import schema as schema_lib
from tests.tasks.folder import folders

_NUMBERS = {
  'client': 'user',
  'features': {'x': {}, 'n': {'dtype': 'int32'}},
  'label': {'column': 'y', 'classes': 3},
}
_HEADER = 'user,x,n,y\n'


def _read(directory):
  schema = schema_lib.read_schema(directory)
  paths = client_files.find_files(directory, schema)
  return examples.read_examples(
    directory, paths, schema, file_readers.read_tables
  )


def _tfrecord(path, rows):
  with tf.io.TFRecordWriter(path) as writer:
    for row in rows:
      features = {}
      for name, value in row.items():
        values = np.atleast_1d(value)
        match values.dtype.kind:
          case 'f':
            kind = dict(float_list=tf.train.FloatList(value=values))
          case 'i':
            kind = dict(int64_list=tf.train.Int64List(value=values))
          case _:
            value = [str(v).encode() for v in values]
            kind = dict(bytes_list=tf.train.BytesList(value=value))
        features[name] = tf.train.Feature(**kind)
      message = tf.train.Example(features=tf.train.Features(feature=features))
      writer.write(message.SerializeToString())


class _FolderTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())


class ReadTest(_FolderTestCase):
  def test_a_file_for_each_client(self):
    clients = folders.clients({'a': 3, 'b/c': 2})
    read = _read(
      folders.write(
        self.dir,
        clients,
        {
          'files': '**/*',
          **folders.SCHEMA,
        },
      )
    )
    self.assertSequenceEqual(list(read.clients), ['a', 'b/c'])
    for name, indices in read.clients.items():
      arrays = clients[f'{name}.npz']
      np.testing.assert_array_equal(
        read.features['x'][indices], arrays['x'].astype(np.float32)
      )
      np.testing.assert_array_equal(read.labels.values[indices], arrays['y'])
    self.assertEqual(read.labels.class_names, ('0', '1', '2'))

  def test_formats_agree(self):
    rows = [
      dict(
        user=['u1', 'u0'][i % 2], a=i / 4, b=-i / 8, word=f'w{i}', y=f'c{i % 3}'
      )
      for i in range(7)
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    csv = ','.join(columns) + '\n'
    csv += '\n'.join(','.join(map(str, row.values())) for row in rows)
    contents = []
    for name in ('csv', 'npz', 'parquet', 'tfrecord'):
      directory = os.path.join(self.dir, name)
      files = {'all.csv': csv} if name == 'csv' else {}
      if name == 'npz':
        files = {'all.npz': columns}
      folders.write(directory, files, folders.TWO_INPUTS)
      if name == 'tfrecord':
        _tfrecord(os.path.join(directory, 'all.tfrecord'), rows)
      if name == 'parquet':
        path = os.path.join(directory, 'all.parquet')
        parquet.write_table(pa.table(columns), path)
      contents.append(_read(directory))
    for read in contents:
      self.assertEqual(read.labels.class_names, ('c0', 'c1', 'c2'))
      self.assertSequenceEqual(list(read.clients), ['u0', 'u1'])
      np.testing.assert_array_equal(read.clients['u1'], [0, 2, 4, 6])
      np.testing.assert_array_equal(
        read.features['x'], np.stack([columns['a'], columns['b']], 1)
      )
      self.assertSequenceEqual(list(read.features['word']), columns['word'])
      np.testing.assert_array_equal(read.labels.values, np.arange(7) % 3)

  def test_csv_of_several_lines_and_parts(self):
    rows = ''.join(f'{i % 3},{i},{i},{i % 3}\n' for i in range(10))
    with mock.patch.object(file_readers, '_ROWS_AT_ONCE', 4):
      read = _read(
        folders.write(self.dir, {'a.csv': '\ufeff' + _HEADER + rows}, _NUMBERS)
      )
    np.testing.assert_array_equal(read.features['x'], np.arange(10))
    self.assertLen(read.clients, 3)

  def test_classes_of_numbers_are_in_their_order(self):
    schema = {'features': {'x': {}}, 'label': {'column': 'y', 'classes': 'all'}}
    read = _read(
      folders.write(self.dir, {'a.csv': 'x,y\n1,10\n2,9\n3,10\n'}, schema)
    )
    self.assertEqual(read.labels.class_names, ('9', '10'))
    np.testing.assert_array_equal(read.labels.values, [1, 0, 1])

  def test_columns_by_their_beginning(self):
    schema = {
      'features': {'x': {'columns': 'p*', 'shape': [2, 1], 'dtype': 'uint8'}},
      'label': {'column': 'y'},
    }
    read = _read(
      folders.write(self.dir, {'a.csv': 'p1,y,p0\n1,0.5,255\n'}, schema)
    )
    np.testing.assert_array_equal(read.features['x'], [[[1], [255]]])
    np.testing.assert_array_equal(read.labels.values, np.float32([0.5]))

  def test_leaves_out_clients_without_examples(self):
    files = folders.clients({'a': 3, 'none': 0})
    with self.assertLogs(level='WARNING') as logs:
      read = _read(folders.write(self.dir, files))
    self.assertSequenceEqual(list(read.clients), ['a'])
    self.assertIn('Left out 1 files without examples', logs.output[0])

  def test_takes_linear_time(self):
    # Of 1e5 clients with an example each, as in one minute at most.
    def seconds(num_clients):
      rows = ''.join(f'u{i},{i},{i},{i % 3}\n' for i in range(num_clients))
      folders.write(self.dir, {'a.csv': _HEADER + rows}, _NUMBERS)
      start = time.process_time()
      read = _read(self.dir)
      self.assertLen(read.clients, num_clients)
      return time.process_time() - start

    few, many = seconds(10_000), seconds(100_000)
    self.assertLess(many, 40 * few)


class RefusalTest(_FolderTestCase):
  @parameterized.named_parameters(
    (
      'missing_column',
      'user,x,y\n',
      "column 'n' in .*a.csv, found 'user', 'x'",
    ),
    ('no_header', '', "column 'x' in .*a.csv, found none"),
    ('twice', 'user,x,x,n,y\n', "one column 'x' in .*, found several"),
    (
      'text',
      _HEADER + 'u,one,1,1\n',
      "number in .*line 2, column 'x', found 'one'",
    ),
    (
      'empty',
      _HEADER + 'u,1,1,1\nu,,1,1\n',
      "line 3, column 'x', found an empty",
    ),
    (
      'nan',
      _HEADER + 'u,1,1,1\nu,nan,1,1\n',
      "finite number in .*line 3.*'nan'",
    ),
    ('inf', _HEADER + 'u,1e99,1,1\n', "finite number in .*line 2.*'1e\\+99'"),
    ('mixed', _HEADER + 'u,1,1,1\nu,1,1.5,1\n', "integer in .*line 3.*'1.5'"),
    (
      'large',
      _HEADER + 'u,1,3000000000,1\n',
      'integer of type int32 in .*line 2',
    ),
    (
      'huge',
      _HEADER + f'u,1,{10**30},1\n',
      'integer of type int32 in .*line 2',
    ),
    ('class', _HEADER + 'u,1,1,3\n', 'a class from 0 to 2 in .*line 2'),
    ('client', _HEADER + ',1,1,1\n', 'id of a client in .*line 2.*empty cell'),
    ('cells', _HEADER + 'u,1,1\n', 'Expected 4 cells.*line 2, found 3'),
    ('quote', _HEADER + 'u,"1,1,1\n', 'line 2, to be a row of a .csv'),
    ('lines', _HEADER + '"u\nv",1,1,1\nu,x,1,1\n', "line 4, column 'x'"),
    ('no_rows', _HEADER, 'Expected examples in the files of'),
  )
  def test_csv(self, contents, message):
    folders.write(self.dir, {'a.csv': contents}, _NUMBERS)
    self._check_refuses(message)

  def test_csv_that_is_not_utf_8(self):
    contents = _HEADER.encode() + b'u,1,1,1\nm\xfcller,1,1,1\n'
    folders.write(self.dir, {'a.csv': contents}, _NUMBERS)
    self._check_refuses('UTF-8 in .*a.csv, line 3, found other bytes')

  @parameterized.named_parameters(
    ('missing', {'x': [[0.0, 1.0]]}, "column 'y' in .*b.npz, found 'x'"),
    (
      'shape',
      {'x': [[1.0]], 'y': [0]},
      r"'x' of shape \[2\] in .*, found \[1\]",
    ),
    ('rows', {'x': [[1.0, 2.0]], 'y': [0, 1]}, r'one first axis.*y \[2\]'),
    ('nan', {'x': [[1, np.nan]], 'y': [0]}, "row 0, column 'x', found 'nan'"),
    (
      'label',
      {'x': [[1, 1]], 'y': [0.5]},
      "integer .* row 0.*'y', found '0.5'",
    ),
    ('class', {'x': [[1, 1]], 'y': [-1]}, "class from 0 to 2.*found '-1'"),
    ('objects', {'x': [[1, 1]], 'y': [None]}, 'b.npz .*found Python objects'),
    ('scalar', {'x': [[1, 1]], 'y': 0}, 'one first axis'),
    ('no_npz', b'text', 'b.npz to be an .npz file'),
  )
  def test_npz(self, contents, message):
    files = folders.clients({'a': 2}) | {'b.npz': contents}
    folders.write(self.dir, files)
    self._check_refuses(message)

  def test_strings_where_numbers_are_expected_and_the_reverse(self):
    schema = {
      'features': {'x': {'dtype': 'string'}},
      'label': {'column': 'y', 'classes': ['a', 'b']},
    }
    folders.write(self.dir, {'a.npz': {'x': [1], 'y': ['a']}}, schema)
    self._check_refuses("strings in column 'x' of .*found int64 of shape")
    folders.write(self.dir, {'a.npz': {'x': ['t'], 'y': ['c']}}, schema)
    self._check_refuses("one of the 2 classes .*row 0, column 'y', found 'c'")

  def test_labels_that_are_numbers_and_strings(self):
    schema = {'features': {'x': {}}, 'label': {'column': 'y', 'classes': 'all'}}
    files = {'a.npz': {'x': [1], 'y': ['a']}, 'b.npz': {'x': [1], 'y': [1]}}
    folders.write(self.dir, files, schema)
    self._check_refuses('numbers in all files, or strings .*found both')

  def test_missing_label(self):
    schema = {'features': {'x': {}}, 'label': {'column': 'y', 'classes': 'all'}}
    folders.write(self.dir, {'a.csv': 'x,y\n1,a\n1,\n'}, schema)
    self._check_refuses(
      "a label in .*, line 3, column 'y', found an empty cell"
    )

  def test_one_label(self):
    schema = {'features': {'x': {}}, 'label': {'column': 'y', 'classes': 'all'}}
    folders.write(self.dir, {'a.npz': {'x': [1], 'y': ['a']}}, schema)
    self._check_refuses('from 2 to .* distinct labels .*found 1')

  @parameterized.named_parameters(
    ('none', {}, 'files .* in .*found none'),
    ('two_formats', {'a.csv': '', 'b.npz': b''}, 'found .csv and .npz'),
  )
  def test_files(self, files, message):
    folders.write(self.dir, files)
    self._check_refuses(message)

  def test_damaged_tfrecord(self):
    path = os.path.join(self.dir, 'a.tfrecord')
    folders.write(self.dir, {})
    _tfrecord(path, [dict(x=[1.0, 2.0], y=1), dict(x=[1.0], y=1)])
    self._check_refuses(r"'x' of float32 \[2\], as before, .*record 1")
    _tfrecord(path, [dict(x=[1.0, 2.0])])
    self._check_refuses("column 'y' in .*a.tfrecord, record 0")
    with tf.io.TFRecordWriter(path) as writer:
      writer.write(b'no example')
    self._check_refuses('tf.train.Example in .*record 0')
    with open(path, 'wb') as f:
      f.write(b'no records, but more than twelve bytes')
    self._check_refuses('to be a TFRecord file, found .*DataLossError')

  def _check_refuses(self, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      _read(self.dir)
    self.assertNotIn('\n', str(caught.exception))


class SplitTest(_FolderTestCase):
  def _examples(self, sizes):
    stops = np.cumsum(sizes)
    clients = {
      f'c{i}': np.arange(stop - size, stop)
      for i, (size, stop) in enumerate(zip(sizes, stops, strict=True))
    }
    return examples.Examples({}, mock.ANY, clients)

  @parameterized.parameters(*itertools.product(['example', 'client'], range(3)))
  def test_each_example_is_in_one_part(self, split, seed):
    read = self._examples([1, 5, 40, 2, 1, 11])
    parts = examples.split_examples(read, split, 0.3, seed)
    everything = np.concatenate([*parts.train.values(), parts.test])
    np.testing.assert_array_equal(np.sort(everything), np.arange(60))
    self.assertNotEmpty(parts.test)
    self.assertTrue(all(map(len, parts.train.values())))
    self.assertLen(parts.train, 6 if split == 'example' else 4)
    again = examples.split_examples(read, split, 0.3, seed)
    np.testing.assert_array_equal(parts.test, again.test)

  def test_holds_out_the_fraction_of_small_clients(self):
    # 2000 draws of 1 with probability 0.2: 400, standard deviation 18.
    read = self._examples([2] * 1000)
    parts = examples.split_examples(read, 'example', 0.2, 0)
    self.assertBetween(len(parts.test), 400 - 90, 400 + 90)

  @parameterized.parameters(
    ('example', [1, 1, 1], 'split "client"'),
    ('client', [9], 'split "example"'),
  )
  def test_nothing_to_hold_out(self, split, sizes, remedy):
    with self.assertRaisesRegex(ValueError, remedy):
      examples.split_examples(self._examples(sizes), split, 0.1, 0)


if __name__ == '__main__':
  absltest.main()
