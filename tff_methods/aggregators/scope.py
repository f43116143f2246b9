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
"""Whether a model is encoded as one vector, or tensor by tensor."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods.common import argument_checks

SCOPES = ('model', 'tensor')


def check_scope(scope: str, min_elements: int) -> None:
  """Raises `TypeError` or `ValueError` unless the two go together."""
  argument_checks.check_int('min_elements', min_elements, minimum=0)
  if scope not in SCOPES:
    raise ValueError(f'Expected scope to be one of {SCOPES}, found {scope!r}.')
  if scope == 'model' and min_elements:
    raise ValueError(
      "Expected min_elements of 0 with scope='model', which makes all tensors "
      f"one, found {min_elements}: take scope='tensor'."
    )


class Layout:
  """The tensors that a model is encoded as.

  Attributes:
    specs: Theirs, a list: of one vector with the scope `'model'`.
  """

  def __init__(self, model_specs, scope: str):
    """Initializes the layout.

    Args:
      model_specs: The structure of `tf.TensorSpec`s of the model.
      scope: One of `SCOPES`.

    Raises:
      TypeError: If tensors of different dtypes are to become one vector.
    """
    self._model_specs = model_specs
    self._flat_specs = tf.nest.flatten(model_specs)
    self._is_vector = scope == 'model'
    self.specs = self._flat_specs
    if self._is_vector:
      self.specs = [_vector_spec(self._flat_specs)]

  def to_tensors(self, model) -> list[tf.Tensor]:
    """Returns the tensors that a model is encoded as."""
    tensors = tf.nest.flatten(model)
    if not self._is_vector:
      return tensors
    return [tf.concat([tf.reshape(x, [-1]) for x in tensors], axis=0)]

  def from_tensors(self, tensors: Sequence[tf.Tensor]):
    """Inverts `to_tensors`."""
    if self._is_vector:
      (vector,) = tensors
      parts = tf.split(vector, [_size(spec) for spec in self._flat_specs])
      tensors = [
        tf.reshape(part, spec.shape)
        for part, spec in zip(parts, self._flat_specs, strict=True)
      ]
    return tf.nest.pack_sequence_as(self._model_specs, list(tensors))


def _vector_spec(specs: Sequence[tf.TensorSpec]) -> tf.TensorSpec:
  dtypes = {spec.dtype.name for spec in specs}
  if len(dtypes) != 1:
    raise TypeError(
      "Expected tensors of one dtype with scope='model', found "
      f'{", ".join(sorted(dtypes))}: cast the model, or take '
      "scope='tensor'."
    )
  return tf.TensorSpec([sum(map(_size, specs))], specs[0].dtype)


def _size(spec: tf.TensorSpec) -> int:
  return spec.shape.num_elements()
