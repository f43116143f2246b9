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
"""Trains your own Keras model with a method that selects rows, FedSS.

  python -m examples.rows_method

The task is the result of a function, `--task=examples.rows_method:build_task`:
clients and a Keras model of two inputs, divided into a body and a table with a
row for each class. A client receives and trains the rows of its own classes and
of 16 others only.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks
from tff_methods import models

_NUM_CLASSES = 200
_CLIENTS = [f'client_{i:02}' for i in range(20)]
_INPUT_SPEC = (
  {
    'position': tf.TensorSpec([None, 8]),
    'bias': tf.TensorSpec([None, 2]),
  },
  tf.TensorSpec([None], tf.int32),
)


def main() -> None:
  """Trains with FedSS."""
  with tempfile.TemporaryDirectory() as directory:
    subprocess.run(
      [
        *(sys.executable, '-m', 'programs.train'),
        *('--task=examples.rows_method:build_task', '--method=fed_ss'),
        *('--num_sampled_classes=16', '--rounds=15', '--clients_per_round=5'),
        '--client_learning_rate=0.5',
        f'--output_dir={os.path.join(directory, "run")}',
      ],
      check=True,
    )


def build_task(seed: int) -> tasks.RowTask:
  """Builds the task.

  Args:
    seed: Seed of all random choices.

  Returns:
    A task whose model has a row for each class.
  """
  centers = np.random.default_rng(seed).normal(size=[_NUM_CLASSES, 8])
  centers = centers.astype(np.float32)

  def client_examples(client: tf.Tensor) -> tf.data.Dataset:
    # Any TensorFlow ops, such as those that read your files.
    key = tf.stack([tf.strings.to_hash_bucket_fast(client, 2**31 - 1), seed])
    own = tf.random.stateless_uniform([8], key, 0, _NUM_CLASSES, tf.int32)
    y = tf.tile(own, [10])
    noise = tf.random.stateless_normal([80, 10], key)
    x = {
      'position': tf.gather(tf.constant(centers), y) + 0.3 * noise[:, :8],
      'bias': noise[:, 8:],
    }
    return tf.data.Dataset.from_tensor_slices((x, y))

  train_data = tff.simulation.datasets.ClientData.from_clients_and_tf_fn(
    _CLIENTS, client_examples
  )
  test_data = client_examples(tf.constant(_CLIENTS[0]))
  for client in _CLIENTS[1:]:
    test_data = test_data.concatenate(client_examples(tf.constant(client)))
  return tasks.RowTask(
    tff.simulation.baselines.BaselineTaskDatasets(
      train_data=train_data,
      test_data=test_data.shuffle(2_000, seed=seed + 1).take(400),
      train_preprocess_fn=lambda d: d.shuffle(80, seed=seed).batch(10),
      eval_preprocess_fn=lambda d: d.batch(100),
    ),
    lambda: tff.learning.models.from_keras_model(
      tf.keras.Model(*_layers(seed)),
      tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      _INPUT_SPEC,
      metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
    ),
    lambda: row_model(seed),
  )


def row_model(seed: int) -> models.RowModel:
  """Returns the model in two parts, body and rows.

  Args:
    seed: Seed of the initial weights.
  """
  inputs, embedding = _body(seed)
  rows = _rows(seed)
  rows.build(embedding.shape)
  return models.row_model_from_keras(
    lambda: tf.keras.Model(*_body(seed)), rows, input_spec=_INPUT_SPEC
  )


def _body(seed: int):
  inputs = {
    name: tf.keras.Input(spec.shape[1:], name=name)
    for name, spec in _INPUT_SPEC[0].items()
  }
  joined = tf.keras.layers.Concatenate()(list(inputs.values()))
  initializer = tf.keras.initializers.GlorotUniform(seed)
  dense = tf.keras.layers.Dense(16, kernel_initializer=initializer)
  return inputs, dense(joined)


def _rows(seed: int) -> models.RowLayer:
  return models.RowLayer(
    _NUM_CLASSES,
    models.DotProduct(),
    initializer=tf.keras.initializers.GlorotUniform(seed),
  )


def _layers(seed: int):
  inputs, embedding = _body(seed)
  return inputs, _rows(seed)(embedding)


if __name__ == '__main__':
  main()
