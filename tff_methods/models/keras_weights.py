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

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.models import row_layer


def assign_to_keras(
  model_weights: tff.learning.models.ModelWeights,
  body: tf.keras.Model,
  rows: tf.keras.layers.Layer,
  input_layers: Mapping[str, tf.keras.layers.Embedding] | None = None,
) -> None:
  """Assigns the weights of a row model to the layers that it was built of.

  The counterpart of `row_model_from_keras`: a Keras model with these layers
  then predicts as the trained model does.

  Args:
    model_weights: Weights of the full model, as of `process.get_model_weights`.
    body: The body, a model and not a function.
    rows: The layer of the rows: a `RowLayer`, `Dense` or `Embedding` layer.
    input_layers: `Embedding` layer of each input table, by name, in the order
      of the tables.

  Raises:
    ValueError: If the weights are not those of these layers.
  """
  layers = [*(input_layers or {}).values(), rows]
  trainable = list(model_weights.trainable)
  num_body = len(trainable) - len(layers)
  if num_body != len(body.trainable_variables):
    raise ValueError(
      f'Expected {len(body.trainable_variables)} tensors of the body and '
      f'{len(layers)} tables, found {len(trainable)} trainable tensors: give '
      'the layers that the row model was built of.'
    )
  _assign(body.trainable_variables, trainable[:num_body])
  _assign(body.non_trainable_variables, model_weights.non_trainable)
  for layer, table in zip(layers, trainable[num_body:], strict=True):
    _assign(*_variables_and_values(layer, np.asarray(table)))


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


def _assign(variables: Any, values: Any) -> None:
  for variable, value in zip(variables, values, strict=True):
    if tuple(variable.shape) != np.shape(value):
      raise ValueError(
        f'Expected a tensor of shape {list(variable.shape)} for '
        f'{variable.name}, found {list(np.shape(value))}: give the layers that '
        'the row model was built of.'
      )
    variable.assign(value)
