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
"""Tests for parquet_files."""

import decimal
import os
import tempfile

from absl.testing import parameterized
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tasks.folder import parquet_files
from tasks.folder import schema as schema_lib
from tests.tasks.folder import folders

_SCHEMA = {'features': {'x': {}}, 'label': {'column': 'y'}}


class ReadParquetTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enterContext(tempfile.TemporaryDirectory())
    self.path = os.path.join(directory, 'a.parquet')
    self.schema = schema_lib.read_schema(folders.write(directory, {}, _SCHEMA))

  def _write(self, **columns) -> None:
    rows = len(next(iter(columns.values())))
    table = pa.table({'y': [0.0] * rows, **columns})
    parquet.write_table(table, self.path, row_group_size=3)

  def _read(self, rows_at_once: int = 100):
    return list(
      parquet_files.read_parquet(self.path, self.schema, rows_at_once)
    )

  def _check_refuses(self, message: str) -> None:
    with self.assertRaisesRegex(ValueError, message) as caught:
      self._read()
    self.assertNotIn('\n', str(caught.exception))

  @parameterized.named_parameters(
    ('bool', [True, False], pa.bool_(), [True, False]),
    ('uint8', [1, 255], pa.uint8(), np.array([1, 255], np.uint8)),
    ('int64', [-1, 2**60], pa.int64(), np.array([-1, 2**60])),
    ('float16', [0.5, 2.0], pa.float16(), np.array([0.5, 2], np.float16)),
    ('nan', [0.5, float('nan')], pa.float64(), [0.5, np.nan]),
    ('decimal', [decimal.Decimal('1.25')], pa.decimal128(5, 2), [1.25]),
    ('string', ['é', ''], pa.string(), np.array(['é', ''], object)),
    ('bytes', ['é'.encode()], pa.binary(), np.array(['é'], object)),
    (
      'dictionary',
      ['b', 'a', 'b'],
      pa.dictionary(pa.int8(), pa.string()),
      np.array(['b', 'a', 'b'], object),
    ),
    (
      'fixed_size_list',
      [[1, 2], [3, 4]],
      pa.list_(pa.int32(), 2),
      np.array([[1, 2], [3, 4]], np.int32),
    ),
    (
      'lists_of_lists',
      [[[1], [2]], [[3], [4]], [[5], [6]]],
      pa.large_list(pa.list_(pa.int32())),
      np.array([[[1], [2]], [[3], [4]], [[5], [6]]], np.int32),
    ),
  )
  def test_types(self, values, kind, expected):
    self._write(x=pa.array(values, kind))
    (table,) = self._read()
    array, expected = table.columns['x'], np.asarray(expected)
    self.assertEqual(array.dtype, expected.dtype)
    np.testing.assert_array_equal(array, expected)

  def test_parts(self):
    rows = np.arange(10).reshape(10, 1)
    self._write(x=list(rows), other=[None] * 10)
    parts = self._read(rows_at_once=4)
    self.assertEqual([p.num_rows for p in parts], [4, 4, 2])
    np.testing.assert_array_equal(
      np.concatenate([p.columns['x'] for p in parts]), rows
    )
    self.assertEqual(parts[1].place(2), 'row 6')
    self.assertSequenceEqual(list(parts[0].columns), ['y', 'x'])

  def test_no_rows(self):
    self._write(x=pa.array([], pa.list_(pa.int64())))
    self.assertEqual(sum(t.num_rows for t in self._read()), 0)

  @parameterized.named_parameters(
    ('null', [1, 2, None], None, "row 2, column 'x', found 'null'"),
    ('in_list', [[1, 2], [3, None]], None, "row 1, column 'x', found 'null'"),
    (
      'lengths',
      [[1, 2], [3, 4], [5]],
      None,
      "lists of one length in .*row 2, .*found 'lists of 2 and 1'",
    ),
    ('lengths_within', [[[1], [2, 3]]], None, "row 0, column 'x'"),
    (
      'time',
      [0],
      pa.timestamp('ms'),
      r'strings, .* found timestamp\[ms\]: conv',
    ),
    ('struct', [{'a': 1}], None, 'found struct<a: int64>: convert'),
    ('other_bytes', [b'a', b'\xff'], None, r'UTF-8 in .*row 1, .*\\xff'),
  )
  def test_refuses_values(self, values, kind, message):
    self._write(x=pa.array(values, kind))
    self._check_refuses(message)

  def test_refuses_other_columns(self):
    self._write(z=[1])
    self._check_refuses("column 'x' in .*a.parquet, found 'y', 'z'")

  def test_refuses_damaged_files(self):
    self._write(x=list(range(1000)))
    with open(self.path, 'rb') as f:
      contents = f.read()
    for damaged in (b'', contents[:-20], b'PAR1' * 4, contents[1000:]):
      with open(self.path, 'wb') as f:
        f.write(damaged)
      self._check_refuses('to be a .parquet file, found one that cannot')

  def test_refuses_damaged_names(self):
    self._write(x=[1])
    with open(self.path, 'rb') as f:
      contents = f.read()
    with open(self.path, 'wb') as f:
      f.write(contents.replace(b'\x01x', b'\x01\xff'))
    self._check_refuses('to be a .parquet file, found one that cannot')

  def test_refuses_changed_values(self):
    table = pa.table({'x': np.arange(1000.0), 'y': np.arange(1000.0)})
    parquet.write_table(
      table,
      self.path,
      compression='none',
      use_dictionary=False,
      write_page_checksum=True,
    )
    with open(self.path, 'r+b') as f:
      f.seek(2000)
      byte = f.read(1)
      f.seek(2000)
      f.write(bytes([byte[0] ^ 1]))
    self._check_refuses('to be a .parquet file, found one that cannot')
