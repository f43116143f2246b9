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
"""Rows of a `RowModel` as a Keras layer, to train and evaluate all of them."""

from typing import Any

import tensorflow as tf

from tff_methods.models import similarity as similarity_lib


class RowLayer(tf.keras.layers.Layer):
  """Output layer that scores each class by the similarity to its row.

  Attributes:
    rows: `float32[num_classes, d]`, once the layer is built.
    similarity: Similarity of embedding and row.
  """

  def __init__(
    self,
    num_classes: int,
    similarity: similarity_lib.Similarity,
    *,
    initializer: tf.keras.initializers.Initializer | str = 'glorot_uniform',
    **kwargs: Any,
  ) -> None:
    """Initializes the layer.

    Args:
      num_classes: Number of rows.
      similarity: Similarity of embedding and row.
      initializer: Initializer of the rows.
      **kwargs: Keyword arguments of `tf.keras.layers.Layer`.
    """
    super().__init__(**kwargs)
    self.similarity = similarity
    self._num_classes = num_classes
    self._initializer = initializer

  def build(self, input_shape: tf.TensorShape) -> None:
    """Creates the rows, of the dimension of the last axis of the input."""
    self.rows = self.add_weight(
      'rows',
      (self._num_classes, input_shape[-1]),
      initializer=self._initializer,
    )
    super().build(input_shape)

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Maps embeddings `float32[..., d]` to `float32[..., num_classes]`."""
    return self.similarity(inputs, self.rows)

  def get_config(self) -> dict[str, Any]:
    """Returns the arguments, so that Keras and TFF can clone the layer."""
    return super().get_config() | dict(
      num_classes=self._num_classes,
      similarity=self.similarity,
      initializer=self._initializer,
    )
