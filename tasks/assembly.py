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
"""Assembly of data, preprocessing and model to a `BaselineTask`."""

from collections.abc import Callable
import dataclasses

import tensorflow as tf
import tensorflow_federated as tff

from tasks import options as options_lib
from tasks import preprocessing
from tasks import row_task
from tasks import serving as serving_lib
from tff_methods import models


def client_spec(
  options: options_lib.TaskOptions, largest_client: int
) -> tff.simulation.baselines.ClientSpec:
  """Returns the `ClientSpec` of clients that shuffle all of their data.

  Args:
    options: Resolved options.
    largest_client: Number of examples of the largest client.
  """
  return tff.simulation.baselines.ClientSpec(
    num_epochs=options.epochs,
    batch_size=options.batch_size,
    max_elements=options.max_client_examples,
    shuffle_buffer_size=largest_client,
  )


def assemble_task(
  *,
  train_data: tff.simulation.datasets.ClientData,
  test_data: tf.data.Dataset,
  decode_fn: preprocessing.DecodeFn,
  keras_model_fn: Callable[[], tf.keras.Model],
  client_spec: tff.simulation.baselines.ClientSpec,
  seed: int,
  serving: serving_lib.Serving,
) -> serving_lib.ServedTask:
  """Builds an image classification task.

  Args:
    train_data: Stored examples of the clients.
    test_data: Held-out examples, stored in the same format.
    decode_fn: Maps a batch of stored examples to `(x, y)`: float32 images and
      int32 labels.
    keras_model_fn: Builds the model, which returns logits.
    client_spec: Epochs, batch size and limit on clients.
    seed: Seed of the order of training examples.
    serving: Inputs of the exported model.

  Returns:
    A task with cross-entropy loss and accuracy as its metric.
  """
  datasets = _datasets(train_data, test_data, decode_fn, client_spec, seed)
  return serving_lib.ServedTask(
    datasets,
    _model_fn(keras_model_fn, datasets.element_type_structure),
    serving=dataclasses.replace(serving, keras_model_fn=keras_model_fn),
  )


def assemble_row_task(
  *,
  train_data: tff.simulation.datasets.ClientData,
  test_data: tf.data.Dataset,
  retrieval_data: tf.data.Dataset | None = None,
  decode_fn: preprocessing.DecodeFn,
  eval_decode_fn: preprocessing.DecodeFn | None = None,
  body_fn: Callable[[], tf.keras.Model],
  rows_fn: Callable[[], models.RowLayer],
  client_spec: tff.simulation.baselines.ClientSpec,
  seed: int,
  serving: serving_lib.Serving,
) -> row_task.RowTask:
  """Builds an image classification task with a row for each class.

  Args:
    train_data: Stored examples of the clients.
    test_data: Held-out examples, stored in the same format.
    retrieval_data: Stored examples of classes that training does not see.
    decode_fn: Maps a batch of stored examples to `(x, y)`: float32 images and
      int32 labels.
    eval_decode_fn: Decodes held-out examples; `None` decodes them like training
      examples.
    body_fn: Builds the model from images to embeddings.
    rows_fn: Builds the layer from embeddings to logits.
    client_spec: Epochs, batch size and limit on clients.
    seed: Seed of the order of training examples.
    serving: Inputs of the exported model.

  Returns:
    A task with cross-entropy loss and accuracy as its metric.
  """
  datasets = _datasets(
    train_data, test_data, decode_fn, client_spec, seed, eval_decode_fn
  )
  input_spec = datasets.element_type_structure

  def row_model_fn() -> models.RowModel:
    rows = rows_fn()
    rows.build(body_fn().output_shape)
    return models.row_model_from_keras(body_fn, rows, input_spec=input_spec)

  held_out_classes = None
  if retrieval_data is not None:
    held_out_classes = row_task.RetrievalData(
      datasets.eval_preprocess_fn(retrieval_data), body_fn
    )
  return row_task.RowTask(
    datasets,
    _model_fn(lambda: _stack(body_fn(), rows_fn()), input_spec),
    row_model_fn,
    held_out_classes,
    serving=serving,
  )


def _stack(body: tf.keras.Model, rows: models.RowLayer) -> tf.keras.Model:
  # As one layer, the body keeps the order of its weights.
  return tf.keras.Sequential(
    [tf.keras.layers.InputLayer(body.input_shape[1:]), body, rows]
  )


def _datasets(
  train_data: tff.simulation.datasets.ClientData,
  test_data: tf.data.Dataset,
  decode_fn: preprocessing.DecodeFn,
  client_spec: tff.simulation.baselines.ClientSpec,
  seed: int,
  eval_decode_fn: preprocessing.DecodeFn | None = None,
) -> tff.simulation.baselines.BaselineTaskDatasets:
  return tff.simulation.baselines.BaselineTaskDatasets(
    train_data=train_data,
    test_data=test_data,
    train_preprocess_fn=preprocessing.build_train_preprocess_fn(
      client_spec, decode_fn, seed
    ),
    eval_preprocess_fn=preprocessing.build_eval_preprocess_fn(
      eval_decode_fn or decode_fn
    ),
  )


def _model_fn(
  keras_model_fn: Callable[[], tf.keras.Model], input_spec: object
) -> Callable[[], tff.learning.models.VariableModel]:
  def model_fn() -> tff.learning.models.VariableModel:
    return tff.learning.models.from_keras_model(
      keras_model_fn(),
      loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      input_spec=input_spec,
      metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
    )

  return model_fn
