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
"""Division of a user's Keras model into a body and a table of rows."""

from collections.abc import Callable
import functools
from typing import Any

import tensorflow as tf

from tasks import keras_models
from tasks import references
from tff_methods import models

_ROW_LAYERS = (tf.keras.layers.Dense, models.RowLayer)


class _Rows(tf.keras.layers.Layer):
  """Output layer with the table of a row model."""

  def __init__(self, row_model: models.RowModel, **kwargs: Any) -> None:
    """Initializes the layer, for a model's rows and similarity."""
    super().__init__(**kwargs)
    self._row_model = row_model

  def build(self, input_shape: tf.TensorShape) -> None:
    """Creates the table."""
    shape = (self._row_model.num_classes, self._row_model.row_size)
    self.table = self.add_weight('rows', shape)
    super().build(input_shape)

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Maps embeddings `float32[..., d]` to `float32[..., num_classes]`."""
    dimension = self._row_model.dimension
    scores = self._row_model.similarity(inputs, self.table[:, :dimension])
    has_biases = self._row_model.row_size > dimension
    return scores + self.table[:, -1] if has_biases else scores


class KerasRows:
  """A user's Keras model as a `RowModel`, built when it is first needed.

  The rows are those of the output layer: the one with a given name, or else the
  last one, a `Dense` layer without activation or a `RowLayer`.
  """

  def __init__(
    self,
    copies: keras_models.KerasCopies,
    layer_name: str | None,
    input_spec: Any,
  ) -> None:
    """Initializes the division.

    Args:
      copies: Builds copies of the model.
      layer_name: Name of the output layer; `None` takes the last layer.
      input_spec: `tf.TensorSpec`s of a batch.

    Raises:
      ValueError: If a name is given, and no layer of that name is the output.
    """
    self._copies = copies
    self._input_spec = input_spec
    self._layer_name = layer_name
    if layer_name is not None:
      self._find_layer()

  @functools.cached_property
  def _body_fn(self) -> Callable[[], tf.keras.Model]:
    return self._build_body_fn(self._find_layer())

  @functools.cached_property
  def _row_model(self) -> models.RowModel:
    rows = self._copies.template.layers[self._find_layer()]
    try:
      return models.row_model_from_keras(
        self._body_fn, rows, input_spec=self._input_spec
      )
    except Exception as e:  # TFF and Keras raise a dozen types.
      raise ValueError(
        'Expected a model that TFF can divide into a body and rows for this '
        f'method, found {references.describe_error(e)}: change the model, or '
        'choose a method without rows.'
      ) from e

  def row_model(self) -> models.RowModel:
    """Returns the row model.

    Raises:
      ValueError: If the model cannot be divided.
    """
    return self._row_model

  def keras_model(self) -> tf.keras.Model:
    """Builds the Keras model with the weights of the row model, in its order.

    Its initial weights are arbitrary.
    """
    row_model = self._row_model
    body = self._body_fn()
    rows = _Rows(row_model)
    # As one layer, the body keeps the order of its weights.
    inputs = tf.nest.map_structure(
      lambda t: tf.keras.Input(t.shape[1:], dtype=t.dtype, name=t.name),
      body.input,
    )
    return tf.keras.Model(inputs, rows(body(inputs)))

  def _find_layer(self) -> int:
    """Returns the index of the output layer."""
    template = self._copies.template
    names = [layer.name for layer in template.layers]
    if self._layer_name is not None and self._layer_name not in names:
      raise ValueError(
        f'Expected --output_layer to be one of {", ".join(names)}, found '
        f'{self._layer_name!r}: choose one, or leave it out.'
      )
    index = len(names) - 1
    if self._layer_name is not None:
      index = names.index(self._layer_name)
    layer = template.layers[index]
    # Subclassed models have no graph of layers.
    outputs = getattr(template, 'outputs', None) or [None]
    is_output = outputs[0] is not None and outputs[0] is getattr(
      layer, 'output', None
    )
    if not is_output or not isinstance(layer, _ROW_LAYERS):
      raise ValueError(
        'Expected a functional or sequential Keras model whose output is that '
        f'of a Dense layer, with a row for each class, found {layer.name!r} of '
        f'type {type(layer).__name__}: end the model in one, or choose a '
        'method without rows.'
      )
    return index

  def _build_body_fn(self, index: int) -> Callable[[], tf.keras.Model]:
    """Returns a function that builds the layers below the output layer."""
    template = self._copies.template
    body = tf.keras.Model(template.input, template.layers[index].input)
    config, values = body.get_config(), body.get_weights()

    # TFF calls it where AutoGraph converts functions.
    @tf.autograph.experimental.do_not_convert
    def body_fn() -> tf.keras.Model:
      with self._copies.seeded():
        copy = tf.keras.Model.from_config(config)
      if tf.executing_eagerly():
        for variable, value in zip(copy.weights, values, strict=True):
          variable.assign(value)
      return copy

    return body_fn
