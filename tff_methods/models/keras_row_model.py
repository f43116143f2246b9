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
"""Row models from Keras models."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.models import input_table as input_table_lib
from tff_methods.models import label_roles as label_roles_lib
from tff_methods.models import row_layer
from tff_methods.models import row_model

_ROW_LAYERS = (
  row_layer.RowLayer,
  tf.keras.layers.Dense,
  tf.keras.layers.Embedding,
)
_ACTIVATIONS = (
  tf.keras.layers.Activation,
  tf.keras.layers.Softmax,
  tf.keras.layers.ReLU,
)


def row_model_from_keras(
  body: tf.keras.Model | Callable[[], tf.keras.Model],
  rows: tf.keras.layers.Layer,
  *,
  input_spec: Any,
  rows_embed_input: bool = False,
  input_tables: Mapping[str, input_table_lib.InputTable] | None = None,
  label_roles: label_roles_lib.LabelRoles | None = None,
) -> row_model.RowModel:
  """Builds a `RowModel` from a Keras model and the layer that follows it.

  Args:
    body: Model from examples to embeddings, or a function that returns it, as
      for `tff.learning.models.functional_model_from_keras`. The current weights
      of a model are the initial ones; a function creates new ones, and no
      variables but the model's. The model has weights, no batch normalization
      (group normalization works), no vocabulary (as of `StringLookup`;
      `Hashing` works), and no losses of layers; its recurrent layers are
      unrolled. With `rows_embed_input`, its input are the rows of an example's
      classes; with `input_tables`, rows are in the place of ids.
    rows: A built layer: a `RowLayer`; a `Dense` layer without activation, whose
      kernel's columns and bias become the rows; or an `Embedding`, whose rows
      are scored by their dot product.
    input_spec: `tf.TensorSpec`s of a batch: see `RowModel`.
    rows_embed_input: If true, the rows also embed the input: see `RowModel`.
    input_tables: Tables that embed ids in the input: see `RowModel`. The rows
      of an `Embedding` layer are `layer.embeddings.numpy()`.
    label_roles: Labels that are padding, or count differently in the accuracy.

  Returns:
    A `RowModel`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If body and rows do not fit together.
  """
  weights = _layer_weights(rows)
  x, y = input_table_lib.examples_and_labels(input_spec)
  if rows_embed_input:
    x = _embedded(x, weights['rows'])
  for table in (input_tables or {}).values():
    x = table.replace_ids(x, _embedded(table.ids(x), table.rows))
  return row_model.RowModel(
    tff.learning.models.functional_model_from_keras(
      _checked_body(body),
      # Required by TFF, but not used.
      loss_fn=tf.keras.losses.MeanSquaredError(),
      input_spec=(x, y),
    ),
    **weights,
    rows_embed_input=rows_embed_input,
    input_tables=input_tables,
    label_roles=label_roles,
    input_spec=input_spec,
  )


def _embedded(ids: tf.TensorSpec, rows: np.ndarray) -> tf.TensorSpec:
  """Returns the spec of the rows of ids."""
  return tf.TensorSpec([*ids.shape, rows.shape[1]], tf.float32)


def _checked_body(body: Any) -> Any:
  """Returns the body; a function's model is checked when it is called."""
  if not isinstance(body, tf.keras.Model):
    return (lambda: _checked_call(body)) if callable(body) else body
  for layer in body.submodules:
    if isinstance(layer, tf.keras.layers.RNN) and not layer.unroll:
      raise ValueError(
        'Expected recurrent layers that are unrolled in the body, found '
        f'{type(layer).__name__} {layer.name!r}: make it with unroll=True, '
        'since functional models of TFF cannot run its loop.'
      )
    if isinstance(layer, tf.keras.layers.BatchNormalization):
      raise ValueError(
        'Expected no batch normalization in the body, found '
        f'{layer.name!r}: functional models of TFF cannot update its means; '
        'take GroupNormalization.'
      )
    if _has_table(layer):
      # Keras also calls layers on placeholders, and lookups run there, too.
      raise ValueError(
        'Expected no vocabulary in the body, found one in '
        f'{layer.name!r} of type {type(layer).__name__}: functional models of '
        'TFF cannot look words up; take a Hashing layer, or numbers as input.'
      )
  return body


def _checked_call(body_fn: Callable[[], Any]) -> Any:
  """Calls the function; raises if it creates variables that its model lacks."""
  created = []

  def record(next_creator: Callable[..., Any], **kwargs: Any) -> Any:
    created.append(next_creator(**kwargs))
    return created[-1]

  with tf.variable_creator_scope(record):
    body = _checked_body(body_fn())
  if tf.executing_eagerly() or not isinstance(body, tf.keras.Model):
    return body  # Eagerly, Keras creates variables of its own, too.
  # TFF calls the function in a graph first, then puts tensors in the place of
  # variables, in the order of creation.
  num_created = sum(isinstance(value, tf.Variable) for value in created)
  if num_created > len(body.variables):
    raise ValueError(
      'Expected a function that creates only the variables of the body, '
      f'{len(body.variables)}, found {num_created}: create other layers, such '
      'as that of the rows, outside of it, and none that the body leaves out.'
    )
  return body


def _has_table(layer: tf.Module) -> bool:
  """Returns true for a layer with a lookup table, such as StringLookup."""
  resource = tf.saved_model.experimental.TrackableResource
  return any(isinstance(value, resource) for value in vars(layer).values())


def _layer_weights(layer: tf.keras.layers.Layer) -> dict[str, Any]:
  """Returns the arguments of `RowModel` that a layer determines."""
  is_row_layer = isinstance(layer, _ROW_LAYERS)
  if isinstance(layer, _ACTIVATIONS):
    raise TypeError(
      'Expected a RowLayer, Dense or Embedding layer for the rows, found '
      f'{type(layer).__name__}: give the layer before it, since the loss takes '
      'logits.'
    )
  if not is_row_layer or not layer.built:
    raise TypeError(
      'Expected a built RowLayer, Dense or Embedding layer for the rows, found '
      f'{type(layer).__name__}{", not built" if is_row_layer else ""}: make '
      'one, and call its build() with the shape of its input.'
    )
  if isinstance(layer, row_layer.RowLayer):
    return dict(rows=layer.rows.numpy(), similarity=layer.similarity)
  if isinstance(layer, tf.keras.layers.Embedding):
    return dict(rows=layer.embeddings.numpy())
  if layer.activation is not tf.keras.activations.linear:
    found = getattr(layer.activation, '__name__', layer.activation)
    raise ValueError(
      'Expected a Dense layer without activation for the rows, found '
      f'{found}: make it with activation=None, since the loss takes logits.'
    )
  biases = layer.bias.numpy() if layer.use_bias else None
  return dict(rows=layer.kernel.numpy().T, biases=biases)
