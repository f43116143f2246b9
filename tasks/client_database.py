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
"""Client data in TFF's SQLite format, built once and cached in a directory.

A database is written under a temporary name in the same directory, then
renamed, and never changed afterwards. So concurrent programs see either no
database or a complete one. Its name has a hash of everything that determines
its contents.
"""

from collections.abc import Callable, Mapping, Sequence
import contextlib
import functools
import hashlib
import json
import os
import sqlite3
import tempfile

from absl import logging
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import cache

TRAIN_SPLIT = 'train'
TEST_SPLIT = 'test'
RETRIEVAL_SPLIT = 'retrieval'

# Part of every hash. Raise it when the contents written below change.
_FORMAT_VERSION = 1


def ensure_database(
  cache_dir: str,
  name: str,
  contents_key: Mapping[str, object],
  build: Callable[[str], None],
) -> str:
  """Builds a database unless the directory has it, complete and unaltered.

  Args:
    cache_dir: Directory of databases; created if missing.
    name: Prefix of the file name.
    contents_key: Everything that determines the contents, as JSON values.
    build: Writes the database to the path that it is given.

  Returns:
    Path of the database.

  Raises:
    ValueError: If the directory cannot be written to.
  """
  key = json.dumps([_FORMAT_VERSION, dict(contents_key)], sort_keys=True)
  key_hash = hashlib.sha256(key.encode()).hexdigest()[:20]
  path = os.path.join(cache_dir, f'{name}-{key_hash}.sqlite')
  if os.path.exists(path):
    if _is_intact(path):
      return path
    logging.warning('Rebuilding %s, which is damaged.', path)
  try:
    os.makedirs(cache_dir, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.building-', dir=cache_dir) as d:
      logging.info('Building %s, once for all runs.', path)
      unnamed_path = os.path.join(d, 'clients.sqlite')
      build(unnamed_path)
      _seal(unnamed_path)
      # TFF makes the file private, but caches are shared.
      os.chmod(unnamed_path, 0o644)
      os.replace(unnamed_path, path)
  except (OSError, sqlite3.Error, tf.errors.OpError) as e:
    raise ValueError(
      f'Expected to write client data to {cache_dir}, found {e}: {cache.REMEDY}'
    ) from e
  return path


def write_database(
  path: str,
  train: tuple[np.ndarray, np.ndarray],
  test: tuple[np.ndarray, np.ndarray],
  partition: Sequence[np.ndarray],
  retrieval: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
  """Writes labelled images as TFF's SQLite client data.

  The id of a training client is its index in the partition; each other split
  is one client, whose id is the name of the split. Images are stored as bytes,
  a quarter of the size of a list of floats.

  Args:
    path: Path of the new file.
    train: Training images, uint8, and labels.
    test: Held-out images, uint8, and labels.
    partition: For each client the indices of its training examples.
    retrieval: Images, uint8, and labels of classes that occur in neither.
  """
  held_out = {TEST_SPLIT: test}
  if retrieval is not None:
    held_out[RETRIEVAL_SPLIT] = retrieval
  width = len(str(len(partition) - 1))
  clients = {f'{i:0{width}}': (*train, p) for i, p in enumerate(partition)}
  splits = dict.fromkeys(clients, TRAIN_SPLIT)
  for split, (x, y) in held_out.items():
    clients[split] = (x, y, np.arange(len(y)))
    splits[split] = split

  def client_dataset(client_id):
    x, y, indices = clients[client_id]
    return tf.data.Dataset.from_tensor_slices(
      {
        'image': [x[i].tobytes() for i in indices],
        'label': y[indices].astype(np.int64),
      }
    )

  tff.simulation.datasets.save_to_sql_client_data(
    list(clients), client_dataset, path, split_names_by_client_id=splits
  )


def load_train_data(path: str) -> tff.simulation.datasets.ClientData:
  """Loads the training clients, with serialized `tf.train.Example`s."""
  return tff.simulation.datasets.SqlClientData(path, TRAIN_SPLIT)


def load_held_out(path: str, split: str) -> tf.data.Dataset:
  """Loads the examples of a split that is one client of the same name."""
  data = tff.simulation.datasets.SqlClientData(path, split)
  return data.create_tf_dataset_for_client(split)


def load_test_data(path: str) -> tf.data.Dataset:
  """Loads the held-out examples, serialized `tf.train.Example`s."""
  return load_held_out(path, TEST_SPLIT)


def load_retrieval_data(path: str) -> tf.data.Dataset:
  """Loads the examples for retrieval, serialized `tf.train.Example`s."""
  return load_held_out(path, RETRIEVAL_SPLIT)


def parse_examples(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Parses a batch of examples at once.

  TFF's `load_and_parse_sql_client_data` parses one example at a time, which
  more than doubles the time of a client's entire preprocessing.

  Args:
    serialized: string `[batch]`.

  Returns:
    Pixels, uint8 `[batch, pixels]`, and labels, int64 `[batch]`.
  """
  scalar = functools.partial(tf.io.FixedLenFeature, shape=())
  features = tf.io.parse_example(
    serialized,
    {'image': scalar(dtype=tf.string), 'label': scalar(dtype=tf.int64)},
  )
  return tf.io.decode_raw(features['image'], tf.uint8), features['label']


def largest_client(path: str) -> int:
  """Returns the number of examples of the largest training client."""
  with contextlib.closing(sqlite3.connect(path)) as connection:
    ((largest,),) = connection.execute(
      'SELECT max(num_examples) FROM client_metadata WHERE split_name = ?',
      (TRAIN_SPLIT,),
    )
  return largest


def _seal(path: str) -> None:
  """Adds an index for fast lookup of clients, and a hash of all rows."""
  with contextlib.closing(sqlite3.connect(path)) as connection, connection:
    connection.execute('CREATE INDEX client_index ON examples (client_id)')
    connection.execute('CREATE TABLE seal (hash TEXT NOT NULL)')
    connection.execute('INSERT INTO seal VALUES (?)', (_hash_rows(connection),))


def _is_intact(path: str) -> bool:
  try:
    with contextlib.closing(sqlite3.connect(path)) as connection:
      ((expected,),) = connection.execute('SELECT hash FROM seal')
      return expected == _hash_rows(connection)
  except (sqlite3.Error, ValueError):  # ValueError: not exactly one row.
    return False


def _hash_rows(connection: sqlite3.Connection) -> str:
  digest = hashlib.sha256()
  for query in (
    'SELECT * FROM client_metadata ORDER BY rowid',
    # Through the index, by which the examples of a client are read.
    'SELECT * FROM examples ORDER BY client_id, rowid',
  ):
    for row in connection.execute(query):
      for value in row:
        data = value if isinstance(value, bytes) else str(value).encode()
        digest.update(len(data).to_bytes(8, 'little') + data)
  return digest.hexdigest()
