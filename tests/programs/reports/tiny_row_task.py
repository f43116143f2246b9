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
"""A small row task for tests of reports."""

import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks
from tests.tff_methods import row_models
from tff_methods import models


@functools.cache
def build_task() -> tasks.RowTask:
  """Builds a task of three clients and 12 classes, some without examples."""
  clients = {f'c{i}': client for i, client in enumerate(row_models.arrays(40))}
  kernel, bias = row_models.body().initial_weights[0]

  def model_fn():
    initializer = tf.keras.initializers.Constant
    return tff.learning.models.from_keras_model(
      tf.keras.Sequential(
        [
          tf.keras.layers.InputLayer([row_models.NUM_FEATURES]),
          tf.keras.layers.Lambda(_reject_empty),
          tf.keras.layers.Dense(
            row_models.DIMENSION, 'tanh', True, initializer(kernel)
          ),
          models.RowLayer(row_models.NUM_CLASSES, models.DotProduct()),
        ]
      ),
      loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      input_spec=row_models.body().input_spec,
    )

  def preprocess(dataset):
    return dataset.batch(9)

  return tasks.RowTask(
    tff.simulation.baselines.BaselineTaskDatasets(
      tff.simulation.datasets.TestClientData(clients),
      tf.data.Dataset.from_tensor_slices(test_arrays()),
      train_preprocess_fn=preprocess,
      eval_preprocess_fn=preprocess,
    ),
    model_fn,
    row_models.row_model,
  )


def _reject_empty(x: tf.Tensor) -> tf.Tensor:
  # Some layers of large models reject empty batches too.
  with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(x)[0])]):
    return tf.identity(x)


def test_arrays() -> tuple[np.ndarray, np.ndarray]:
  """Returns the test examples and their classes."""
  x, y = zip(*row_models.arrays(20), strict=True)
  return np.concatenate(x), np.concatenate(y)


def initial_weights() -> tff.learning.models.ModelWeights:
  """Returns the initial weights of the task's model."""
  return tff.learning.models.ModelWeights(
    *row_models.row_model().full_model().initial_weights
  )
