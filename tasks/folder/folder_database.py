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
"""Examples of a folder in TFF's SQLite format.

An example is a `tf.train.Example`. Each of its features is the bytes of a
tensor or, for text, its strings.
"""

from collections.abc import Iterator, Mapping
import contextlib
import sqlite3

import numpy as np
import tensorflow as tf

from tasks import client_database
from tasks import example_database
from tasks.folder import examples as examples_lib
from tasks.folder import schema as schema_lib

_CLASSES_SPLIT = 'classes'
_LABEL = 'label of the example'  # Not the name of any feature.


def write_database(
  path: str, examples: examples_lib.Examples, split: examples_lib.Split
) -> None:
  """Writes examples, and the names of their classes.

  Args:
    path: Path of the new file.
    examples: All examples.
    split: Those of training clients, and held-out ones.
  """
  columns = examples.features | {_LABEL: examples.labels.values}
  splits: dict[str, dict[str, Iterator[bytes]]] = {
    client_database.TRAIN_SPLIT: {
      client: _serialize(columns, indices)
      for client, indices in split.train.items()
    },
    client_database.TEST_SPLIT: {
      client_database.TEST_SPLIT: _serialize(columns, split.test)
    },
  }
  if examples.labels.class_names is not None:
    names = examples.labels.class_names
    splits[_CLASSES_SPLIT] = {_CLASSES_SPLIT: (n.encode() for n in names)}
  example_database.write_splits(path, splits)


def load_class_names(path: str) -> tuple[str, ...]:
  """Loads the names of the classes; none if the label is a number."""
  with contextlib.closing(sqlite3.connect(path)) as connection:
    rows = connection.execute(
      'SELECT serialized_example_proto FROM examples WHERE split_name = ? '
      'ORDER BY rowid',
      (_CLASSES_SPLIT,),
    )
    return tuple(name.decode() for (name,) in rows)


def parse_examples(
  serialized: tf.Tensor, schema: schema_lib.Schema
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
  """Parses a batch of examples.

  Args:
    serialized: `string[batch]`.
    schema: Schema of the folder.

  Returns:
    Features by name, `[batch, *shape]`, and labels, `[batch, *shape]`.
  """
  columns = {f.name: f for f in schema.features} | {_LABEL: schema.label}
  parsed = tf.io.parse_example(
    serialized,
    {
      name: tf.io.FixedLenFeature(
        [c.size] if c.dtype == 'string' else [], tf.string
      )
      for name, c in columns.items()
    },
  )
  tensors = {
    name: _decode(parsed[name], column) for name, column in columns.items()
  }
  return tensors, tensors.pop(_LABEL)


def _decode(stored: tf.Tensor, column: schema_lib.Column) -> tf.Tensor:
  if column.dtype != 'string':
    stored = tf.io.decode_raw(stored, tf.dtypes.as_dtype(column.dtype))
  return tf.reshape(stored, [-1, *column.shape])


def _serialize(
  columns: Mapping[str, np.ndarray], indices: np.ndarray
) -> Iterator[bytes]:
  for i in indices:
    features = {}
    for name, values in columns.items():
      if values.dtype.kind == 'O':
        stored = [v.encode() for v in values[i : i + 1].ravel()]
      else:
        stored = [values[i].tobytes()]
      features[name] = tf.train.Feature(
        bytes_list=tf.train.BytesList(value=stored)
      )
    yield tf.train.Example(
      features=tf.train.Features(feature=features)
    ).SerializeToString()
