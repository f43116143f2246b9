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
"""Metrics of predictions that need no training, kept beside the data."""

from collections.abc import Callable
import contextlib
import json
import os
import sqlite3
import tempfile

import tensorflow as tf

from tasks import client_database


def load_train_examples(path: str) -> tf.data.Dataset:
  """Loads the serialized examples of all training clients, in any order.

  TFF's data sets of all clients query the file for each client.

  Args:
    path: Path of a client database.
  """
  with contextlib.closing(sqlite3.connect(path)) as connection:
    rows = connection.execute(
      'SELECT serialized_example_proto FROM examples WHERE split_name = ?',
      (client_database.TRAIN_SPLIT,),
    )
    examples = [serialized for (serialized,) in rows]
  return tf.data.Dataset.from_tensor_slices(examples)


def load_or_compute(
  path: str, compute: Callable[[], dict[str, float]]
) -> dict[str, float]:
  """Loads metrics from a file; where it is missing or damaged, writes it.

  Args:
    path: Path of a JSON file, whose name identifies all inputs. A failed write
      is ignored.
    compute: Function without arguments that returns the metrics.
  """
  with contextlib.suppress(FileNotFoundError, ValueError):
    with open(path, encoding='utf-8') as f:
      return json.load(f)
  found = compute()
  directory = os.path.dirname(path)
  with (
    contextlib.suppress(OSError),
    tempfile.TemporaryDirectory(prefix='.building-', dir=directory) as d,
  ):
    unnamed_path = os.path.join(d, 'metrics.json')
    with open(unnamed_path, 'w', encoding='utf-8') as f:
      json.dump(found, f)
    os.replace(unnamed_path, path)
  return found
