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
"""Reader of `.parquet` files of client data."""

from collections.abc import Callable, Iterator
import math

import numpy as np
import pyarrow as pa
from pyarrow import compute
from pyarrow import parquet

from tasks import input_files
from tasks.folder import schema as schema_lib
from tasks.folder import tables

_Test = Callable[[pa.DataType], bool]
_LISTS: tuple[_Test, ...] = (
  pa.types.is_list,
  pa.types.is_large_list,
  pa.types.is_fixed_size_list,
)
_NUMBERS: tuple[_Test, ...] = (
  pa.types.is_boolean,
  pa.types.is_integer,
  pa.types.is_floating,
  pa.types.is_decimal,
)
_TEXT: tuple[_Test, ...] = (
  pa.types.is_string,
  pa.types.is_large_string,
  pa.types.is_string_view,
  pa.types.is_binary,
  pa.types.is_large_binary,
)


def read_parquet(
  path: str, schema: schema_lib.Schema, rows_at_once: int
) -> Iterator[tables.Table]:
  """Reads the columns of a file that a schema names.

  Numbers, booleans and strings are read, also as decimals, dictionaries
  (pandas' categories) and UTF-8 bytes, and lists of them of one length.

  Args:
    path: Path of the file.
    schema: Schema of the folder.
    rows_at_once: Largest number of rows of a part.

  Returns:
    The rows, in parts.

  Raises:
    ValueError: If the file cannot be read or is damaged, or a column is
      missing, or of another type, or has nulls or lists of several lengths.
  """
  start = 0
  with input_files.open_file(path) as f:
    try:
      file = parquet.ParquetFile(f, page_checksum_verification=True)
      names = tables.find_columns(
        path, schema.column_names, file.schema_arrow.names
      )
      for batch in file.iter_batches(rows_at_once, columns=names):
        yield _to_table(path, batch, names, start)
        start += batch.num_rows
    # What Arrow raises for damaged files, those with other names included.
    except (OSError, UnicodeDecodeError, pa.ArrowException) as e:
      raise ValueError(
        f'Expected {path} to be a .parquet file, found one that cannot be read '
        f'({type(e).__name__}): replace it.'
      ) from e


def _to_table(
  path: str, batch: pa.RecordBatch, names: list[str], start: int
) -> tables.Table:
  columns: dict[str, np.ndarray] = {}
  table = tables.Table(
    path, columns, batch.num_rows, lambda row: f'row {start + row}'
  )
  for name in names:
    columns[name] = _to_numpy(table, name, batch.column(name), ())
  return table


def _to_numpy(
  table: tables.Table, name: str, values: pa.Array, shape: tuple[int, ...]
) -> np.ndarray:
  """Converts values of a column, which have that shape in each row."""
  if pa.types.is_dictionary(values.type):
    values = values.dictionary_decode()
  if values.null_count:
    row = _row_of(values.is_null(), shape)
    table.refuse(row, name, 'a value', 'null')
  if _is_any(values.type, _LISTS):
    lengths = np.asarray(compute.list_value_length(values))
    length = int(lengths[0]) if lengths.size else 0
    if (lengths != length).any():
      row = _row_of(lengths != length, shape)
      found = f'lists of {length} and {lengths[lengths != length][0]}'
      table.refuse(row, name, 'lists of one length', found)
    return _to_numpy(table, name, values.flatten(), (*shape, length))
  if _is_any(values.type, _TEXT):
    array = _decode(table, name, values, shape)
  elif _is_any(values.type, _NUMBERS):
    if pa.types.is_decimal(values.type):
      values = values.cast(pa.float64())
    array = values.to_numpy(zero_copy_only=False)
  else:
    raise ValueError(
      f'Expected numbers or strings, or lists of them, in column {name!r} of '
      f'{table.path}, found {values.type}: convert it.'
    )
  return array.reshape(table.num_rows, *shape)


def _decode(
  table: tables.Table, name: str, values: pa.Array, shape: tuple[int, ...]
) -> np.ndarray:
  texts = np.empty(len(values), object)
  for i, value in enumerate(values.cast(pa.large_binary()).to_pylist()):
    try:
      texts[i] = value.decode()
    except UnicodeDecodeError:
      table.refuse(i // math.prod(shape), name, 'UTF-8', value)
  return texts


def _is_any(kind: pa.DataType, tests: tuple[_Test, ...]) -> bool:
  return any(test(kind) for test in tests)


def _row_of(is_wrong, shape: tuple[int, ...]) -> int:
  """Returns the row of the first true value, of those of all rows."""
  return int(np.argmax(is_wrong)) // math.prod(shape)
