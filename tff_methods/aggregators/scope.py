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
"""Layout of a model for encoding: one vector, or its tensors."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff


class Layout:
  """Tensors as which a model is encoded.

  Attributes:
    specs: List of `tf.TensorSpec`s of these tensors; with the scope `'model'`,
      that of one vector.
  """

  def __init__(self, model_specs: Any, scope: str):
    """Initializes the layout.

    Args:
      model_specs: Structure of `tf.TensorSpec`s of the model.
      scope: One of `options.SCOPES`.

    Raises:
      TypeError: If the scope is `'model'` and tensors have different dtypes.
    """
    self._model_specs = model_specs
    self._flat_specs = tf.nest.flatten(model_specs)
    # No tensors make no vector.
    self._is_vector = scope == 'model' and bool(self._flat_specs)
    self.specs = self._flat_specs
    if self._is_vector:
      check_one_dtype(self._flat_specs)
      num_elements = sum(map(_size, self._flat_specs))
      self.specs = [tf.TensorSpec([num_elements], self._flat_specs[0].dtype)]

  def to_tensors(self, model: Any) -> list[tf.Tensor]:
    """Returns the tensors as which a model is encoded."""
    tensors = tf.nest.flatten(model)
    if not self._is_vector:
      return tensors
    return [tf.concat([tf.reshape(x, [-1]) for x in tensors], axis=0)]

  def from_tensors(self, tensors: Sequence[tf.Tensor]) -> Any:
    """Inverts `to_tensors`."""
    if self._is_vector:
      (vector,) = tensors
      parts = tf.split(vector, [_size(spec) for spec in self._flat_specs])
      tensors = [
        tf.reshape(part, spec.shape)
        for part, spec in zip(parts, self._flat_specs, strict=True)
      ]
    return tf.nest.pack_sequence_as(self._model_specs, list(tensors))


def vector_layout(value_type: tff.Type) -> Layout:
  """Returns the layout of a value as one vector.

  Args:
    value_type: Type of one `float32` tensor or more: see
      `value_types.check_value_type`.

  Raises:
    TypeError: If there are no tensors.
  """
  layout = Layout(tff.types.type_to_tf_tensor_specs(value_type), 'model')
  if not layout.specs:
    raise TypeError(
      'Expected values of one tensor or more, found none: make weights '
      'trainable.'
    )
  return layout


def check_one_dtype(specs: Sequence[tf.TensorSpec]) -> None:
  """Checks that tensors can be one vector.

  Args:
    specs: `tf.TensorSpec`s of the tensors, one or more.

  Raises:
    TypeError: If the tensors have different dtypes.
  """
  dtypes = {spec.dtype.name for spec in specs}
  if len(dtypes) != 1:
    raise TypeError(
      "Expected tensors of one dtype with scope='model', found "
      f'{", ".join(sorted(dtypes))}: cast the model, or choose '
      "scope='tensor'."
    )


def _size(spec: tf.TensorSpec) -> int:
  return spec.shape.num_elements()
