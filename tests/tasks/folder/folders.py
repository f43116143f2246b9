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
"""Folders of client data, and models, for tests."""

from collections.abc import Mapping
import json
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

NUM_CLASSES = 3
SCHEMA = {
  'features': {'x': {'shape': [2]}},
  'label': {'column': 'y', 'classes': NUM_CLASSES},
}
TWO_INPUTS = {
  'client': 'user',
  'features': {'x': {'columns': ['a', 'b']}, 'word': {'dtype': 'string'}},
  'label': {'column': 'y', 'classes': 'all'},
}


def write(directory: str, files: Mapping[str, Any], schema: Any = None) -> str:
  """Writes a folder: bytes, text, JSON or the arrays of .npz files, by name."""
  for name, contents in {'schema.json': schema or SCHEMA, **files}.items():
    path = pathlib.Path(directory) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith('.npz') and isinstance(contents, dict):
      np.savez(path, **contents)
    elif isinstance(contents, bytes):
      path.write_bytes(contents)
    else:
      is_text = isinstance(contents, str)
      path.write_text(contents if is_text else json.dumps(contents))
  return directory


def clients(sizes: Mapping[str, int]) -> dict[str, dict[str, np.ndarray]]:
  """Returns the arrays of clients; the label is that of the larger feature."""
  rng = np.random.default_rng(0)
  return {
    f'{name}.npz': {
      'x': (x := rng.normal(size=[size, 2])),
      'y': (x[:, 0] > x[:, 1]) * (NUM_CLASSES - 1),
    }
    for name, size in sizes.items()
  }


def two_inputs_csv(num_rows: int, num_users: int) -> str:
  """Returns a .csv file for `TWO_INPUTS`."""
  rng = np.random.default_rng(1)
  lines = ['user,a,b,word,y']
  for i in range(num_rows):
    a, b = rng.normal(size=2)
    word = ['up', 'down'][i % 2]
    lines.append(f'u{i % num_users},{a},{b},"{word}, quoted",{word}{a > b}')
  return '\n'.join(lines) + '\n'


def dense(num_classes: int) -> tf.keras.Model:
  """Model of `SCHEMA`."""
  return tf.keras.Sequential(
    [
      tf.keras.Input([2]),
      tf.keras.layers.Dense(4, 'relu'),
      tf.keras.layers.Dense(num_classes),
    ]
  )


def wide(num_classes: int) -> tf.keras.Model:
  """Model of `SCHEMA`, with tensors that methods compress by default."""
  return tf.keras.Sequential(
    [
      tf.keras.Input([2]),
      tf.keras.layers.Dense(300, 'relu'),
      tf.keras.layers.Dense(num_classes),
    ]
  )


def one_number() -> tf.keras.Model:
  """Model of one feature and a label that is a number."""
  return tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(1)])


def softmax(num_classes: int) -> tf.keras.Model:
  """Model that ends in probabilities."""
  return tf.keras.Sequential(
    [tf.keras.Input([2]), tf.keras.layers.Dense(num_classes, 'softmax')]
  )


def two_inputs(num_classes: int) -> tf.keras.Model:
  """Model of `TWO_INPUTS`, with a layer that is used twice, and dropout."""
  x = tf.keras.Input([2], name='x')
  word = tf.keras.Input([], dtype=tf.string, name='word')
  embedded = tf.keras.layers.Embedding(8, 2)(
    tf.keras.layers.Hashing(num_bins=8)(word)
  )
  shared = tf.keras.layers.Dense(4, 'relu')
  hidden = tf.keras.layers.Concatenate()([shared(embedded), shared(x)])
  hidden = tf.keras.layers.Dense(4)(tf.keras.layers.Dropout(0.5)(hidden))
  return tf.keras.Model(
    [x, word], tf.keras.layers.Dense(num_classes, name='scores')(hidden)
  )


_SHARED = []


def same_layers(num_classes: int) -> tf.keras.Model:
  """Model whose layers are made once, which TFF cannot use."""
  if not _SHARED:
    _SHARED.append(tf.keras.layers.Dense(num_classes))
  return tf.keras.Sequential([tf.keras.Input([2]), *_SHARED])


def sized_by_table(num_classes: int) -> tf.keras.Model:
  """Model with a layer that knows its size in eager mode only."""
  word = tf.keras.Input([1], dtype=tf.string, name='x')
  lookup = tf.keras.layers.StringLookup(
    vocabulary=['up', 'down'], output_mode='one_hot'
  )
  return tf.keras.Model(word, tf.keras.layers.Dense(num_classes)(lookup(word)))


def no_model() -> str:
  """Returns no model."""
  return 'model'


def fails() -> None:
  """Raises an exception."""
  raise KeyError('weights')


def takes_unknown(width: int) -> None:
  """Takes an argument that is not given."""
  del width
