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
"""Trained weights of a row model, back in the Keras layers that it is of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.models import row_layer
from tff_methods.models import row_model as row_model_lib


def assign_to_keras(
  model_weights: tff.learning.models.ModelWeights,
  row_model: row_model_lib.RowModel,
  body: tf.keras.Model,
  rows: tf.keras.layers.Layer,
  input_layers: Mapping[str, tf.keras.layers.Embedding] | None = None,
) -> None:
  """Assigns the weights of a row model to the layers that it was built of.

  The counterpart of `row_model_from_keras`: a Keras model with these layers
  then predicts as the trained model does (its embeddings have no padding, so
  give it no ids of -1). Either all weights are assigned, or none.

  Keras refuses to call a model after TFF has built another one of its layers'
  classes. After this function it does not, until TFF builds one again.

  Args:
    model_weights: Weights of the full model, as of `process.get_model_weights`.
    row_model: The row model.
    body: The body, a model and not a function.
    rows: The layer of the rows: a `RowLayer`, `Dense` or `Embedding` layer.
    input_layers: `Embedding` layer of each input table, by name.

  Raises:
    TypeError: If `model_weights` are not weights of a model.
    ValueError: If the weights are not those of these layers.
  """
  if not isinstance(model_weights, tff.learning.models.ModelWeights):
    raise TypeError(
      'Expected model_weights to be ModelWeights, found '
      f'{type(model_weights).__name__}: give '
      'process.get_model_weights(state).'
    )
  input_layers = input_layers or {}
  if set(input_layers) != set(row_model.input_tables):
    raise ValueError(
      'Expected input_layers of the tables '
      f'{sorted(row_model.input_tables)}, found {sorted(input_layers)}: give '
      'the layer of each table.'
    )
  layers = [*(input_layers[name] for name in row_model.input_tables), rows]
  trainable = list(model_weights.trainable)
  non_trainable = list(model_weights.non_trainable)
  variables = [*body.trainable_variables, *body.non_trainable_variables]
  num_body = len(body.trainable_variables)
  expected = num_body + len(layers), len(body.non_trainable_variables)
  found = len(trainable), len(non_trainable)
  if found != expected:
    raise ValueError(
      f'Expected {expected[0]} trainable tensors, {len(layers)} of them '
      f'tables, and {expected[1]} that are not, found {found[0]} and '
      f'{found[1]}: give the layers that the row model was built of.'
    )
  values = [*trainable[:num_body], *non_trainable]
  for layer, table in zip(layers, trainable[num_body:], strict=True):
    of_layer, parts = _variables_and_values(layer, np.asarray(table))
    variables += of_layer
    values += parts
  _check_shapes(variables, values)
  for variable, value in zip(variables, values, strict=True):
    variable.assign(value)
  _restore_classes([body, rows, *input_layers.values()])


def _restore_classes(modules: Iterable[tf.Module]) -> None:
  """Makes Keras call existing layers again.

  A layer that is made in a graph, as those of TFF's models, changes the base
  classes of its class to those of TensorFlow 1, and one that is made outside
  changes them back.

  Args:
    modules: Models and layers.
  """
  with tf.init_scope():
    for module in modules:
      for part in (module, *module.submodules):
        if isinstance(part, tf.keras.layers.Layer):
          layer_class: Any = type(part)
          layer_class.__new__(layer_class)


def _variables_and_values(
  layer: tf.keras.layers.Layer, table: np.ndarray
) -> tuple[list[tf.Variable], list[np.ndarray]]:
  """Returns the variables of a layer of rows, and their values."""
  if isinstance(layer, row_layer.RowLayer):
    return [layer.rows], [table]
  if isinstance(layer, tf.keras.layers.Embedding):
    return [layer.embeddings], [table]
  if not layer.use_bias:
    return [layer.kernel], [table.T]
  return [layer.kernel, layer.bias], [table[:, :-1].T, table[:, -1]]


def _check_shapes(
  variables: Sequence[tf.Variable], values: Sequence[np.ndarray]
) -> None:
  for variable, value in zip(variables, values, strict=True):
    if tuple(variable.shape) != np.shape(value):
      raise ValueError(
        f'Expected a tensor of shape {list(variable.shape)} for '
        f'{variable.name}, found {list(np.shape(value))}: give the layers that '
        'the row model was built of.'
      )
