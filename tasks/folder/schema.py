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
"""Schema of a folder of client data, from `schema.json`; no TensorFlow."""

from collections.abc import Mapping
import dataclasses
import json
import math
import os
import re
from typing import Any

from tasks import input_files

FILE_NAME = 'schema.json'
DTYPES = ('float32', 'int32', 'int64', 'uint8', 'string')
# Value of `classes` that takes the distinct labels of the data.
ALL_CLASSES = 'all'
MAX_CLASSES = 2**24
MAX_ELEMENTS = 2**31 - 1

_KEYS = ('files', 'client', 'delimiter', 'features', 'label')
_FEATURE_KEYS = ('column', 'columns', 'dtype', 'shape')
_LABEL_KEYS = ('column', 'columns', 'classes', 'shape')
# Names of features are names of Keras inputs.
_NAME = re.compile(r'[A-Za-z_]\w*')


class _SchemaError(Exception):
  """A fault. The message continues "Expected in FILE"."""


@dataclasses.dataclass(frozen=True)
class Column:
  """A tensor of each example, read from one or more columns of the files.

  Attributes:
    name: Name of the tensor.
    columns: Columns of the files. One that ends in `*` stands for all columns
      that begin so, in their order.
    dtype: One of `DTYPES`.
    shape: Shape of the tensor, without the axis of examples.
  """

  name: str
  columns: tuple[str, ...]
  dtype: str
  shape: tuple[int, ...]

  @property
  def size(self) -> int:
    """Number of elements of the tensor."""
    return math.prod(self.shape)


@dataclasses.dataclass(frozen=True)
class Schema:
  """Description of the client data of a folder.

  Attributes:
    path: Path of the schema's file.
    files: Pattern of the files, relative to the folder.
    client: Column with the ids of clients; `None` if each file is a client.
    delimiter: Character between the cells of `.csv` files.
    features: Tensors that the model takes.
    label: Tensor that it predicts: numbers, or classes.
    classes: Number of classes, or their names in the order of their numbers,
      or `ALL_CLASSES`; `None` if the label is a number.
  """

  path: str
  files: str
  client: str | None
  delimiter: str
  features: tuple[Column, ...]
  label: Column
  classes: int | tuple[str, ...] | str | None

  @property
  def column_names(self) -> tuple[str, ...]:
    """Columns that the files must have, without repetitions."""
    names = [
      c for column in (*self.features, self.label) for c in column.columns
    ]
    return tuple(dict.fromkeys([*names, *filter(None, [self.client])]))


def read_schema(data_dir: str) -> Schema:
  """Reads the schema of a folder.

  Args:
    data_dir: The folder, with a file `schema.json`.

  Returns:
    The schema.

  Raises:
    ValueError: If the file cannot be read, or describes no data.
  """
  path = os.path.join(os.path.abspath(os.path.expanduser(data_dir)), FILE_NAME)
  with input_files.open_file(path) as f:
    try:
      contents = json.loads(f.read().decode('utf-8-sig'))
    except (RecursionError, ValueError) as e:
      raise ValueError(
        f'Expected {path} to be JSON in UTF-8, found {" ".join(str(e).split())}'
        ': correct it.'
      ) from e
  try:
    return _parse(path, contents)
  except _SchemaError as e:
    raise ValueError(f'Expected in {path} {e}') from None


def _parse(path: str, contents: Any) -> Schema:
  _check_keys('the schema', contents, _KEYS, required=('features', 'label'))
  files = _string('files', contents.get('files', '*'))
  if os.path.isabs(files) or '..' in files.split('/'):
    raise _SchemaError(
      f'`files` below the folder, found {files!r}: give a relative pattern.'
    )
  delimiter = _string('delimiter', contents.get('delimiter', ','))
  if len(delimiter) != 1 or delimiter in '\r\n"':
    raise _SchemaError(
      f'one character as `delimiter`, found {delimiter!r}: give ",", ";" or '
      '"\\t".'
    )
  client = contents.get('client')
  features = contents['features']
  if not isinstance(features, dict) or not features:
    raise _SchemaError(
      f'`features` to be an object with a key for each feature, found '
      f'{features!r}: name at least one.'
    )
  for name in features:
    if not _NAME.fullmatch(name):
      raise _SchemaError(
        f'names of features from letters, digits and _, found {name!r}: rename '
        'it, and give its column.'
      )
  classes = _parse_classes(contents['label'])
  return Schema(
    path,
    files,
    None if client is None else _string('client', client),
    delimiter,
    tuple(_parse_feature(name, value) for name, value in features.items()),
    _parse_label(contents['label'], classes),
    classes,
  )


def _parse_feature(name: str, value: Any) -> Column:
  where = f'feature {name!r}'
  _check_keys(where, value, _FEATURE_KEYS)
  dtype = value.get('dtype', 'float32')
  if dtype not in DTYPES:
    raise _SchemaError(
      f'`dtype` of {where} to be one of {", ".join(DTYPES)}, found {dtype!r}: '
      'choose one.'
    )
  columns = _parse_columns(where, value, default=name)
  return Column(name, columns, dtype, _parse_shape(where, value, columns))


def _parse_label(value: Any, classes: Any) -> Column:
  columns = _parse_columns('the label', value)
  dtype = 'float32' if classes is None else 'int32'
  shape = _parse_shape('the label', value, columns)
  return Column('label', columns, dtype, shape)


def _parse_columns(
  where: str, value: Mapping[str, Any], default: str | None = None
) -> tuple[str, ...]:
  if 'column' in value and 'columns' in value:
    raise _SchemaError(
      f'`column` or `columns` of {where}, found both: leave one out.'
    )
  found = value.get('columns', [value.get('column', default)])
  columns = found if isinstance(found, list) else [found]
  if not columns or not all(isinstance(c, str) and c for c in columns):
    raise _SchemaError(
      f'names of columns for {where}, found {found!r}: give `column`, a string.'
    )
  return tuple(columns)


def _parse_shape(
  where: str, value: Mapping[str, Any], columns: tuple[str, ...]
) -> tuple[int, ...]:
  has_pattern = any(map(is_pattern, columns))
  default = [len(columns)] if 'columns' in value and not has_pattern else []
  shape = value.get('shape', default)
  if not isinstance(shape, list) or not all(
    type(n) is int and n > 0 for n in shape
  ):
    raise _SchemaError(
      f'`shape` of {where} to be a list of positive integers, found {shape!r}: '
      'correct it, without the axis of examples.'
    )
  if math.prod(shape) > MAX_ELEMENTS:
    raise _SchemaError(
      f'`shape` of {where} of at most {MAX_ELEMENTS} elements, found {shape}: '
      'lower it.'
    )
  if has_pattern and 'shape' not in value:
    raise _SchemaError(
      f'`shape` of {where} with the columns {list(columns)}, found none: give '
      'the number of columns, as [784].'
    )
  is_list = len(columns) > 1
  if is_list and not has_pattern and math.prod(shape) != len(columns):
    raise _SchemaError(
      f'`shape` of {where} with {len(columns)} elements, the number of its '
      f'columns, found {shape}: correct it.'
    )
  return tuple(shape)


def _parse_classes(label: Any) -> int | tuple[str, ...] | str | None:
  _check_keys('the label', label, _LABEL_KEYS)
  classes = label.get('classes')
  if classes is None or classes == ALL_CLASSES:
    return classes
  if type(classes) is int and 2 <= classes <= MAX_CLASSES:
    return classes
  if (
    isinstance(classes, list)
    and 2 <= len(classes) <= MAX_CLASSES
    and all(isinstance(name, str) for name in classes)
    and len(set(classes)) == len(classes)
  ):
    return tuple(classes)
  raise _SchemaError(
    f'`classes` of the label to be a number from 2 to {MAX_CLASSES}, a list of '
    f'distinct names, or "{ALL_CLASSES}", found {json.dumps(classes)[:60]}: '
    'correct it, or leave it out for a label that is a number.'
  )


def is_pattern(column: str) -> bool:
  """Returns whether a name stands for all columns that begin so."""
  return column.endswith('*')


def _check_keys(
  where: str, value: Any, keys: tuple[str, ...], required: tuple[str, ...] = ()
) -> None:
  if not isinstance(value, dict):
    raise _SchemaError(f'{where} to be an object, found {value!r}: correct it.')
  for key in required:
    if key not in value:
      raise _SchemaError(f'`{key}`, found none: add it.')
  for key in value:
    if key not in keys:
      raise _SchemaError(
        f'the keys {", ".join(keys)} of {where}, found {key!r}: leave it out.'
      )


def _string(key: str, value: Any) -> str:
  if not isinstance(value, str) or not value:
    raise _SchemaError(f'`{key}` to be a string, found {value!r}: correct it.')
  return value
