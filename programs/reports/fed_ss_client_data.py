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
"""Examples and classes of the clients of a row task."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

import tasks

# The examples `x` and their classes `y`.
Batch = tuple[np.ndarray, np.ndarray]


def build_classes_fn(task: tasks.RowTask) -> Callable[[str], np.ndarray]:
  """Builds a function from a client id to the client's classes.

  Args:
    task: The task whose training data are read.

  Returns:
    A function from a client id to `int64[k]`, the distinct classes of the
    client's examples, ascending.
  """
  row_model = task.row_model
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)

  @tf.function
  def collect(client_id):
    classes = tf.zeros([0], tf.int64)
    for batch in data.serializable_dataset_fn(client_id):
      tf.autograph.experimental.set_loop_options(
        shape_invariants=[(classes, tf.TensorShape([None]))]
      )
      in_batch = tf.cast(row_model.classes_in(batch), tf.int64)
      classes = tf.concat([classes, in_batch], 0)
    return classes

  # A tensor: a Python string would be retraced for each client.
  return lambda client_id: np.unique(collect(tf.constant(client_id)))


def client_batches(task: tasks.RowTask, size: int) -> Iterator[Batch]:
  """Yields the first batch of each client that has enough examples.

  Args:
    task: The task whose training data are read.
    size: Batch size, in examples; clients with fewer examples are skipped.
  """
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)
  for client_id in data.client_ids:
    dataset = data.create_tf_dataset_for_client(client_id).unbatch()
    yield from (
      dataset.batch(size, drop_remainder=True).take(1).as_numpy_iterator()
    )
