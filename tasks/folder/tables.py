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
"""Rows of a file of client data, and their conversion to tensors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import dataclasses
from typing import NoReturn

import numpy as np

from tasks.folder import schema as schema_lib

_NUMBERS = 'biuf'
_MAX_EXCERPT = 60


@dataclasses.dataclass(frozen=True)
class Table:
  """Rows of a file.

  Attributes:
    path: Path of the file.
    columns: Columns by name, in the order of the file, each with an axis of
      rows first: numbers, or objects of type `str`.
    num_rows: Number of rows.
    place: Function from the index of a row to its place in the file, as
      "line 3".
  """

  path: str
  columns: Mapping[str, np.ndarray]
  num_rows: int
  place: Callable[[int], str]

  def refuse(
    self, row: int, name: str, expected: str, found: object
  ) -> NoReturn:
    """Raises `ValueError` for a value.

    Args:
      row: Index of the row.
      name: Name of the column.
      expected: Description of valid values.
      found: The value.
    """
    excerpt = found if isinstance(found, str) else str(found)
    excerpt = repr(excerpt[:_MAX_EXCERPT]) if excerpt else 'an empty cell'
    raise ValueError(
      f'Expected {expected} in {self.path}, {self.place(row)}, column '
      f'{name!r}, found {excerpt}: correct it, or leave the row out.'
    )


def find_columns(
  path: str, wanted: Iterable[str], available: Sequence[str]
) -> list[str]:
  """Finds the columns to read from a file.

  Args:
    path: Path of the file, for messages.
    wanted: Names of columns, or the beginnings of names and `*`.
    available: Columns of the file.

  Returns:
    Names of columns, in the order of the file.

  Raises:
    ValueError: If a column is missing, or two have the same name.
  """
  found = set()
  for name in wanted:
    matching = expand(name, available)
    if not matching:
      listed = ', '.join(map(repr, available[:20])) or 'none'
      raise ValueError(
        f'Expected the column {name!r} in {path}, found {listed}: correct the '
        f'file, or the name in {schema_lib.FILE_NAME}.'
      )
    found.update(matching)
  for name in found:
    if list(available).count(name) > 1:
      raise ValueError(
        f'Expected one column {name!r} in {path}, found several: rename them.'
      )
  return [name for name in available if name in found]


def expand(name: str, available: Iterable[str]) -> list[str]:
  """Returns the columns that a name, or the beginning of names, stands for."""
  if schema_lib.is_pattern(name):
    return [c for c in available if c.startswith(name[:-1])]
  return [c for c in available if c == name]


def to_tensor(table: Table, column: schema_lib.Column) -> np.ndarray:
  """Converts columns to a tensor.

  Args:
    table: Rows of a file.
    column: Name, type and shape of the tensor, and its columns.

  Returns:
    An array `[num_rows, *shape]`, of objects of type `str` if `dtype` is
    `'string'`.

  Raises:
    ValueError: If a value is not of the type, or not finite, or the shape
      differs.
  """
  names = [n for c in column.columns for n in expand(c, table.columns)]
  parts = [_convert(table, n, column.dtype) for n in names]
  return _stack(table, column, parts)


def raw_tensor(table: Table, column: schema_lib.Column) -> np.ndarray:
  """Returns columns as a tensor `[num_rows, *shape]`, without conversion."""
  names = [n for c in column.columns for n in expand(c, table.columns)]
  return _stack(table, column, [table.columns[n] for n in names])


def to_text(table: Table, name: str) -> list[str]:
  """Returns the values of a column of ids: strings, or integers as strings.

  Args:
    table: Rows of a file.
    name: Name of the column.

  Raises:
    ValueError: If the column has no strings or integers, or is no vector, or a
      string is empty or has a NUL character.
  """
  values = table.columns[name]
  if values.ndim != 1 or values.dtype.kind == 'f':
    raise ValueError(
      f'Expected a string or an integer in each row of column {name!r} of '
      f'{table.path}, found {_describe(values)}: correct it.'
    )
  if values.dtype.kind in _NUMBERS:
    return [str(int(v)) for v in values]
  for i, value in enumerate(values):
    if not value or '\0' in value:
      table.refuse(i, name, 'the id of a client', value)
  return list(values)


def _stack(table, column, parts: list[np.ndarray]) -> np.ndarray:
  shape = (table.num_rows, *column.shape)
  if len(parts) > 1:
    for part in parts:
      if part.ndim > 1:
        _refuse_shape(table, column, part.shape[1:])
    if len(parts) != column.size:
      _refuse_shape(table, column, (len(parts),))
    return np.stack(parts, axis=1).reshape(shape)
  if parts[0].shape == shape:
    return parts[0]
  # TFRecord files have flat tensors.
  if parts[0].ndim <= 2 and parts[0].size == np.prod(shape, dtype=np.int64):
    return parts[0].reshape(shape)
  _refuse_shape(table, column, parts[0].shape[1:])


def _refuse_shape(table, column, found: tuple[int, ...]) -> NoReturn:
  raise ValueError(
    f'Expected {column.name!r} of shape {list(column.shape)} in {table.path}, '
    f'found {list(found)}: give "shape": {list(found)} in '
    f'{schema_lib.FILE_NAME}, or correct the file.'
  )


def _convert(table: Table, name: str, dtype: str) -> np.ndarray:
  values = table.columns[name]
  is_text = values.dtype.kind not in _NUMBERS
  if dtype == 'string':
    if not is_text:
      raise ValueError(
        f'Expected strings in column {name!r} of {table.path}, found '
        f'{_describe(values)}: set its `dtype` in {schema_lib.FILE_NAME}.'
      )
    return values
  if is_text:
    values = _parse(table, name, values, dtype)
  if dtype == 'float32':
    return _to_float(table, name, values)
  return _to_integer(table, name, values, np.dtype(dtype))


def _parse(table, name, values: np.ndarray, dtype: str) -> np.ndarray:
  """Parses text as numbers, row by row where one is none."""
  parse = float if dtype == 'float32' else int
  flat = values.ravel()
  # Integers beyond int64 become objects, which the range check refuses.
  try:
    return np.array(list(map(parse, flat))).reshape(values.shape)
  except (OverflowError, ValueError):
    pass
  per_row = max(flat.size // max(table.num_rows, 1), 1)
  for i, value in enumerate(flat):
    try:
      parse(value)
    except ValueError:
      kind = 'a number' if parse is float else 'an integer'
      table.refuse(i // per_row, name, kind, value)
  raise AssertionError('One of the values is no number.')


def _to_float(table, name, values: np.ndarray) -> np.ndarray:
  with np.errstate(over='ignore', invalid='ignore'):
    result = values.astype(np.float32)
  if not np.isfinite(result).all():
    index = np.argwhere(~np.isfinite(result))[0]
    table.refuse(index[0], name, 'a finite number', values[tuple(index)])
  return result


def _to_integer(table, name, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
  limits = np.iinfo(dtype)
  if values.dtype == bool:
    return values.astype(dtype)
  is_valid = (values >= limits.min) & (values <= limits.max)
  if values.dtype.kind == 'f':
    is_valid &= np.floor(values) == values
  if not np.asarray(is_valid, bool).all():
    index = np.argwhere(~np.asarray(is_valid, bool))[0]
    table.refuse(
      index[0], name, f'an integer of type {dtype}', values[tuple(index)]
    )
  return values.astype(dtype)


def _describe(values: np.ndarray) -> str:
  kind = 'strings' if values.dtype.kind not in _NUMBERS else str(values.dtype)
  return f'{kind} of shape {list(values.shape)}'
