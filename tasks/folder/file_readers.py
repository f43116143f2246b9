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
"""Readers of files of client data, by their extension."""

from collections.abc import Callable, Iterator, Mapping
import csv
import io
import os
import zipfile

import numpy as np
import tensorflow as tf

from tasks import input_files
from tasks import npz_files
from tasks.folder import parquet_files
from tasks.folder import schema as schema_lib
from tasks.folder import tables

_ROWS_AT_ONCE = 65_536
_MAX_CELL_LENGTH = 2**27
_Reader = Callable[[str, schema_lib.Schema], Iterator[tables.Table]]


def read_tables(path: str, schema: schema_lib.Schema) -> Iterator[tables.Table]:
  """Reads the columns of a file that a schema names.

  Args:
    path: Path of the file. Its extension is its format.
    schema: Schema of the folder.

  Returns:
    The rows, in parts of bounded size where the format has rows.

  Raises:
    ValueError: If the file cannot be read or is damaged, or lacks a column.
  """
  return _READERS[os.path.splitext(path)[1]](path, schema)


def _read_npz(path: str, schema: schema_lib.Schema) -> Iterator[tables.Table]:
  names = tables.find_columns(path, schema.column_names, _npz_names(path))
  arrays = npz_files.read_npz(path, names, has_text=True)
  columns = {
    name: _to_objects(path, name, array)
    for name, array in zip(names, arrays, strict=True)
  }
  sizes = {a.shape[0] if a.ndim else -1 for a in arrays}
  if len(sizes) != 1 or -1 in sizes:
    listed = ', '.join(f'{n} {list(a.shape)}' for n, a in columns.items())
    raise ValueError(
      f'Expected arrays with one first axis, of examples, in {path}, found '
      f'{listed}: correct it.'
    )
  yield tables.Table(path, columns, sizes.pop(), lambda row: f'row {row}')


def _npz_names(path: str) -> list[str]:
  with input_files.open_file(path) as f:
    try:
      with zipfile.ZipFile(f) as archive:
        return [name.removesuffix('.npy') for name in archive.namelist()]
    except (OSError, ValueError, zipfile.BadZipFile) as e:
      raise ValueError(
        f'Expected {path} to be an .npz file, found one that cannot be read '
        f'({type(e).__name__}): replace it.'
      ) from e


def _to_objects(path: str, name: str, array: np.ndarray) -> np.ndarray:
  """Returns text as objects of type `str`, and numbers as they are."""
  if array.dtype.kind == 'S':
    try:
      array = np.char.decode(array, 'utf-8')
    except UnicodeDecodeError as e:
      raise ValueError(
        f'Expected UTF-8 in {path}, array {name!r}, found other bytes: encode '
        'it as UTF-8.'
      ) from e
  return array.astype(object) if array.dtype.kind == 'U' else array


def _read_csv(path: str, schema: schema_lib.Schema) -> Iterator[tables.Table]:
  csv.field_size_limit(_MAX_CELL_LENGTH)
  with input_files.open_file(path) as f:
    text = io.TextIOWrapper(
      # Bytes that are not UTF-8 become surrogates, so that their line is known.
      f,
      encoding='utf-8-sig',
      errors='surrogateescape',
      newline='',
    )
    rows = _csv_rows(
      path, csv.reader(text, delimiter=schema.delimiter, strict=True)
    )
    _, header = next(rows, (0, []))
    names = tables.find_columns(path, schema.column_names, header)
    positions = [header.index(name) for name in names]
    lines: list[int] = []
    cells: list[list[str]] = [[] for _ in names]
    for line, row in rows:
      if len(row) != len(header):
        raise ValueError(
          f'Expected {len(header)} cells, as in the first line, in {path}, '
          f'line {line}, found {len(row)}: correct it.'
        )
      lines.append(line)
      for column, position in zip(cells, positions, strict=True):
        column.append(row[position])
      if len(lines) == _ROWS_AT_ONCE:
        yield _csv_table(path, names, cells, lines)
        lines, cells = [], [[] for _ in names]
    yield _csv_table(path, names, cells, lines)


def _csv_table(path, names, cells, lines) -> tables.Table:
  columns = {
    name: np.array(column, object)
    for name, column in zip(names, cells, strict=True)
  }
  return tables.Table(
    path, columns, len(lines), lambda row: f'line {lines[row]}'
  )


def _csv_rows(path: str, reader) -> Iterator[tuple[int, list[str]]]:
  """Yields the number of the first line of each row, and its cells."""
  while True:
    line = reader.line_num + 1
    try:
      row = next(reader)
    except StopIteration:
      return
    except csv.Error as e:
      raise ValueError(
        f'Expected {path}, line {line}, to be a row of a .csv file, found '
        f'{e}: correct it.'
      ) from e
    except OSError as e:
      raise input_files.cannot_read(path, e) from e
    try:
      ''.join(row).encode()
    except UnicodeEncodeError:
      raise ValueError(
        f'Expected UTF-8 in {path}, line {line}, found other bytes: encode the '
        'file as UTF-8.'
      ) from None
    if row:  # Blank lines are none.
      yield line, row


def _read_tfrecord(
  path: str, schema: schema_lib.Schema
) -> Iterator[tables.Table]:
  with input_files.open_file(path):
    pass  # For the messages of files that cannot be opened.
  records: list[Mapping[str, np.ndarray]] = []
  start = 0
  for record in _tf_records(path):
    records.append(_parse_record(path, schema, start + len(records), record))
    if len(records) == _ROWS_AT_ONCE:
      yield _record_table(path, records, start)
      start, records = start + len(records), []
  if records:
    yield _record_table(path, records, start)


def _tf_records(path: str) -> Iterator[bytes]:
  try:
    yield from tf.data.TFRecordDataset(path).as_numpy_iterator()
  except tf.errors.OpError as e:
    raise ValueError(
      f'Expected {path} to be a TFRecord file, found one that cannot be read '
      f'({type(e).__name__}): replace it.'
    ) from e


def _parse_record(path, schema, number: int, record: bytes):
  try:
    example = tf.train.Example.FromString(record)
  except Exception as e:  # Of the protobuf implementation.
    raise ValueError(
      f'Expected a tf.train.Example in {path}, record {number}, found other '
      'bytes: replace it.'
    ) from e
  features = example.features.feature
  names = tables.find_columns(
    f'{path}, record {number},', schema.column_names, sorted(features)
  )
  return {n: _feature_values(path, number, n, features[n]) for n in names}


def _feature_values(path, number, name, feature) -> np.ndarray:
  kind = feature.WhichOneof('kind')
  if kind != 'bytes_list':
    values = getattr(feature, kind).value if kind else []
    return np.array(values, np.float32 if kind == 'float_list' else np.int64)
  try:
    return np.array([v.decode() for v in feature.bytes_list.value], object)
  except UnicodeDecodeError as e:
    raise ValueError(
      f'Expected UTF-8 in {path}, record {number}, feature {name!r}, found '
      'other bytes: encode it as UTF-8, or store numbers as int64 or float.'
    ) from e


def _record_table(path, records, start: int) -> tables.Table:
  columns = {}
  for name in records[0]:
    values = [record.get(name) for record in records]
    expected = (values[0].shape, values[0].dtype)
    for i, v in enumerate(values):
      if v is None or (v.shape, v.dtype) != expected:
        found = 'none' if v is None else f'{v.dtype} {list(v.shape)}'
        raise ValueError(
          f'Expected {name!r} of {expected[1]} {list(expected[0])}, as before, '
          f'in {path}, record {start + i}, found {found}: correct it.'
        )
    stacked = np.stack(values)
    columns[name] = stacked[:, 0] if expected[0] == (1,) else stacked
  return tables.Table(
    path, columns, len(records), lambda row: f'record {start + row}'
  )


def _read_parquet(
  path: str, schema: schema_lib.Schema
) -> Iterator[tables.Table]:
  return parquet_files.read_parquet(path, schema, _ROWS_AT_ONCE)


_READERS: Mapping[str, _Reader] = {
  '.npz': _read_npz,
  '.csv': _read_csv,
  '.parquet': _read_parquet,
  '.tfrecord': _read_tfrecord,
}
