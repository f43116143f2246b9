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
"""Labels of examples: numbers, or classes by number or name."""

from collections.abc import Sequence
import dataclasses

import numpy as np

from tasks.folder import schema as schema_lib
from tasks.folder import tables


@dataclasses.dataclass(frozen=True)
class Labels:
  """Labels of all examples.

  Attributes:
    values: `float32` or `int32`, `[num_examples, *shape]`.
    class_names: Names of the classes; `None` if the label is a number.
  """

  values: np.ndarray
  class_names: tuple[str, ...] | None


def read_labels(table: tables.Table, schema: schema_lib.Schema) -> np.ndarray:
  """Returns the labels of a table, for `finish`.

  Args:
    table: Rows of a file.
    schema: Schema of the folder.

  Returns:
    `[num_rows, *shape]`: numbers or, with `classes="all"`, numbers or strings.

  Raises:
    ValueError: If a label is no number, or not one of the classes.
  """
  column = schema.label
  if schema.classes is None:
    return tables.to_tensor(table, column)
  if isinstance(schema.classes, str):  # All classes.
    raw = tables.raw_tensor(table, column)
    if raw.dtype.kind == 'O':
      missing = np.argwhere(raw == '')
      if len(missing):
        table.refuse(missing[0][0], column.columns[0], 'a label', '')
      return raw
    return tables.to_tensor(table, dataclasses.replace(column, dtype='int64'))
  if isinstance(schema.classes, int):
    values = tables.to_tensor(table, column)
    outside = np.argwhere((values < 0) | (values >= schema.classes))
    if len(outside):
      table.refuse(
        outside[0][0],
        column.columns[0],
        f'a class from 0 to {schema.classes - 1}',
        values[tuple(outside[0])],
      )
    return values
  return _number_by_names(table, column, schema.classes)


def finish(chunks: Sequence[np.ndarray], schema: schema_lib.Schema) -> Labels:
  """Concatenates labels, and numbers the classes that are not listed.

  Args:
    chunks: Results of `read_labels`, at least one.
    schema: Schema of the folder.

  Raises:
    ValueError: If there is only one class, or labels are both numbers and
      strings.
  """
  if schema.classes is None:
    return Labels(np.concatenate(chunks), None)
  if isinstance(schema.classes, int):
    return Labels(
      np.concatenate(chunks), tuple(map(str, range(schema.classes)))
    )
  if schema.classes != schema_lib.ALL_CLASSES:
    return Labels(np.concatenate(chunks), tuple(schema.classes))
  if len({chunk.dtype.kind for chunk in chunks}) > 1:
    raise ValueError(
      'Expected labels to be numbers in all files, or strings in all of them, '
      f'found both: correct the files that {schema.path} names.'
    )
  return _number_all(np.concatenate(chunks), schema)


def _number_all(values: np.ndarray, schema: schema_lib.Schema) -> Labels:
  flat = values.ravel().tolist()
  distinct = sorted(set(flat), key=_sort_key(set(flat)))
  if not 2 <= len(distinct) <= schema_lib.MAX_CLASSES:
    raise ValueError(
      f'Expected from 2 to {schema_lib.MAX_CLASSES} distinct labels with '
      f'"classes": "all" in {schema.path}, found {len(distinct)}: correct the '
      'column of the label.'
    )
  numbers = {value: i for i, value in enumerate(distinct)}
  result = np.array([numbers[v] for v in flat], np.int32)
  return Labels(result.reshape(values.shape), tuple(map(str, distinct)))


def _sort_key(distinct: set):
  """Orders text like numbers if all of it is integers."""
  try:
    for value in distinct:
      int(value)
  except ValueError:
    return str
  return lambda value: (int(value), str(value))


def _number_by_names(
  table: tables.Table, column: schema_lib.Column, names: tuple[str, ...]
) -> np.ndarray:
  raw = tables.raw_tensor(table, column)
  if raw.dtype.kind != 'O':
    raw = tables.to_tensor(table, dataclasses.replace(column, dtype='int64'))
  numbers = {name: i for i, name in enumerate(names)}
  flat = [numbers.get(str(value), -1) for value in raw.ravel()]
  result = np.array(flat, np.int32).reshape(raw.shape)
  unknown = np.argwhere(result < 0)
  if len(unknown):
    table.refuse(
      unknown[0][0],
      column.columns[0],
      f'one of the {len(names)} classes of {schema_lib.FILE_NAME}',
      raw[tuple(unknown[0])],
    )
  return result
