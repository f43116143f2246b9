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
"""Puts data, preprocessing and model together to a `BaselineTask`."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_federated as tff

from tasks import options as options_lib
from tasks import preprocessing


def client_spec(
  options: options_lib.TaskOptions, largest_client: int
) -> tff.simulation.baselines.ClientSpec:
  """How clients go over their data, which they shuffle as a whole."""
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
) -> tff.simulation.baselines.BaselineTask:
  """Builds an image classification task.

  Args:
    train_data: The clients' stored examples.
    test_data: The held-out examples, stored in the same way.
    decode_fn: From a batch of stored examples to `(x, y)`: float32 images and
      int32 labels.
    keras_model_fn: Makes the model, which ends in logits.
    client_spec: How clients go over their data.
    seed: Of the order in which they do.

  Returns:
    A task with cross-entropy loss and accuracy as its metric.
  """
  datasets = tff.simulation.baselines.BaselineTaskDatasets(
    train_data=train_data,
    test_data=test_data,
    train_preprocess_fn=preprocessing.build_train_preprocess_fn(
      client_spec, decode_fn, seed
    ),
    eval_preprocess_fn=preprocessing.build_eval_preprocess_fn(decode_fn),
  )

  def model_fn() -> tff.learning.models.VariableModel:
    return tff.learning.models.from_keras_model(
      keras_model_fn(),
      loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      input_spec=datasets.element_type_structure,
      metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
    )

  return tff.simulation.baselines.BaselineTask(datasets, model_fn)
