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
"""Task of a user's own client data and Keras model."""

from collections.abc import Callable, Sequence
import os

import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import client_database
from tasks import input_files
from tasks import keras_models
from tasks import options as options_lib
from tasks import preprocessing
from tasks import row_task
from tasks import serving
from tasks.folder import client_files
from tasks.folder import examples as examples_lib
from tasks.folder import file_readers
from tasks.folder import folder_database
from tasks.folder import keras_rows
from tasks.folder import schema as schema_lib

_SOFTMAX = (tf.keras.activations.softmax, tf.nn.softmax)


def build_folder_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> tff.simulation.baselines.BaselineTask:
  """Builds the task of a folder of client data, described by its schema.

  Args:
    name: Name of the task.
    data_dir: The folder.
    cache_dir: Directory of cached client data.
    seed: Seed of all random choices.
    options: Resolved options of the task.

  Returns:
    A `RowTask` if the label is a class, whose `row_model` raises a `ValueError`
    if the model has no table of rows. Otherwise a task of regression.

  Raises:
    ValueError: If files are missing or damaged, or the model does not fit.
  """
  data_dir = options_lib.required(data_dir)
  schema = schema_lib.read_schema(data_dir)
  path = _ensure_database(name, data_dir, cache_dir, seed, options, schema)
  class_names = folder_database.load_class_names(path)

  def decode(serialized):
    features, label = folder_database.parse_examples(serialized, schema)
    if not class_names and not schema.label.shape:
      label = label[:, tf.newaxis]  # As the output of a layer of one unit.
    return _inputs(features), label

  datasets = tff.simulation.baselines.BaselineTaskDatasets(
    train_data=client_database.load_train_data(path),
    test_data=client_database.load_test_data(path),
    train_preprocess_fn=preprocessing.build_train_preprocess_fn(
      assembly.client_spec(options, client_database.largest_client(path)),
      decode,
      seed,
    ),
    eval_preprocess_fn=preprocessing.build_eval_preprocess_fn(decode),
  )
  input_spec = datasets.element_type_structure
  model = options_lib.required(options.keras_model)
  copies = keras_models.keras_copies(
    model,
    input_spec[0],
    {'seed': seed} | ({'num_classes': len(class_names)} if class_names else {}),
    seed,
  )
  _check_outputs(model, copies.outputs, schema, len(class_names))
  served = _serving(schema, input_spec[0], copies)
  if not class_names:
    return serving.ServedTask(
      datasets, _regression_model_fn(copies, input_spec), serving=served
    )
  rows = keras_rows.KerasRows(copies, options.output_layer, input_spec)
  return row_task.RowTask(
    datasets,
    _classification_model_fn(
      copies, input_spec, from_logits=not _ends_in_softmax(copies.template)
    ),
    rows.row_model,
    class_names=class_names,
    rows_model_fn=_classification_model_fn(rows.keras_model, input_spec),
    serving=served,
  )


def _ensure_database(
  name: str,
  data_dir: str,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
  schema: schema_lib.Schema,
) -> str:
  paths = client_files.find_files(data_dir, schema)
  files = input_files.InputFiles.hash([schema.path, *paths])
  names = [client_files.client_id(data_dir, path) for path in paths]

  def build(path: str) -> None:
    with files.reading():
      examples = examples_lib.read_examples(
        data_dir, paths, schema, file_readers.read_tables
      )
    split = examples_lib.split_examples(
      examples,
      options_lib.required(options.split),
      options_lib.required(options.test_fraction),
      seed,
    )
    folder_database.write_database(path, examples, split)

  return client_database.ensure_database(
    cache_dir,
    name,
    {
      'source': files.fingerprint,
      'names': names,
      'format': os.path.splitext(paths[0])[1],
      'split': options.split,
      'test_fraction': options.test_fraction,
      'seed': seed,
    },
    build,
  )


def _serving(
  schema: schema_lib.Schema, x_spec, copies: keras_models.KerasCopies
) -> serving.Serving:
  """Returns the inputs of the exported model: the features, by name."""
  names = [column.name for column in schema.features]
  return serving.Serving(
    x_spec if len(names) > 1 else {names[0]: x_spec},
    lambda **features: _inputs(features),
    lambda predictions: {'predictions': predictions},
    copies,
  )


def _inputs(features: dict[str, tf.Tensor]):
  """Returns the inputs of the model: one tensor, or a dictionary of several."""
  if len(features) > 1:
    return features
  (tensor,) = features.values()
  return tensor


def _check_outputs(
  model: str, outputs, schema: schema_lib.Schema, num_classes: int
) -> None:
  """Raises `ValueError` unless outputs have the shape of the label."""
  if num_classes:
    expected = [1, *schema.label.shape, num_classes]
    meaning = f'one of {num_classes} classes'
  else:
    expected, meaning = [1, *(schema.label.shape or [1])], 'a number'
  if list(getattr(outputs, 'shape', [])) != expected:
    found = tf.nest.map_structure(lambda t: list(t.shape), outputs)
    raise ValueError(
      f'Expected outputs of shape {expected} for one example, since the label '
      f'is {meaning}, found {found}: change the last layer of {model!r}, or '
      f'the label in {schema_lib.FILE_NAME}.'
    )


def _classification_model_fn(
  keras_model_fn: Callable[[], tf.keras.Model],
  input_spec: Sequence,
  *,
  from_logits: bool = True,
) -> Callable[[], tff.learning.models.VariableModel]:
  def model_fn():
    return tff.learning.models.from_keras_model(
      keras_model_fn(),
      loss=tf.keras.losses.SparseCategoricalCrossentropy(
        from_logits=from_logits
      ),
      input_spec=input_spec,
      metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
    )

  return model_fn


def _regression_model_fn(
  copies: keras_models.KerasCopies, input_spec: Sequence
) -> Callable[[], tff.learning.models.VariableModel]:
  def model_fn():
    return tff.learning.models.from_keras_model(
      copies(),
      loss=tf.keras.losses.MeanSquaredError(),
      input_spec=input_spec,
      metrics=[tf.keras.metrics.MeanAbsoluteError()],
    )

  return model_fn


def _ends_in_softmax(model: tf.keras.Model) -> bool:
  """Returns whether outputs are probabilities instead of logits."""
  last = model.layers[-1] if model.layers else None
  return isinstance(last, tf.keras.layers.Softmax) or (
    getattr(last, 'activation', None) in _SOFTMAX
  )
