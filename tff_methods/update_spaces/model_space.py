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
"""Space of the updates of all tensors of a model."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.update_spaces import update_space

# Key of a client, which fixes its linear maps.
KEY_SPEC = tf.TensorSpec([2], tf.int32)


class ModelSpace:
  """Space of the updates of a model, tensor by tensor.

  One key of a client fixes the linear maps of all tensors: the key of a tensor
  is folded from it and the tensor's index. Tensors are in the order of
  `tf.nest.flatten`.

  Attributes:
    specs: Structure of `tf.TensorSpec`s of the model's trainable weights.
    tensor_spaces: The `TensorSpace` of each tensor.
    parameter_specs: The `tf.TensorSpec` of the parameters of each tensor.
  """

  def __init__(self, space: update_space.UpdateSpace, specs: Any):
    """Initializes the space.

    Args:
      space: Restriction of each tensor.
      specs: Structure of `tf.TensorSpec`s of the model's trainable weights.

    Raises:
      TypeError: If a tensor is not of a floating dtype.
      ValueError: If the shape of a tensor is not fully defined.
    """
    self.specs = specs
    for spec in tf.nest.flatten(specs):
      if not spec.dtype.is_floating:
        raise TypeError(
          f'Expected weights of a floating dtype, found {spec}: make weights '
          'of other dtypes non-trainable.'
        )
      if not spec.shape.is_fully_defined():
        raise ValueError(
          f'Expected weights of fully defined shapes, found {spec}: give every '
          'layer its input shape.'
        )
    self.tensor_spaces = tuple(space.for_tensors(tf.nest.flatten(specs)))
    self.parameter_specs = tuple(s.parameter_spec for s in self.tensor_spaces)

  @property
  def num_parameters(self) -> int:
    """Number of parameters of an update, of all tensors together."""
    return sum(space.num_parameters for space in self.tensor_spaces)

  @property
  def payload_bytes(self) -> int:
    """Bytes that a client sends: unencoded parameters, and the key."""
    specs = [KEY_SPEC, *self.parameter_specs]
    return sum(spec.shape.num_elements() * spec.dtype.size for spec in specs)

  def zeros(self) -> tuple[tf.Tensor, ...]:
    """Returns the parameters of an update of zeros."""
    return tuple(tf.zeros(s.shape, s.dtype) for s in self.parameter_specs)

  def draw(self, key: tf.Tensor) -> list[update_space.LinearMap]:
    """Draws the linear maps of all tensors of an `int32[2]` key."""
    return [
      space.draw(seeds.fold_in(key, index))
      for index, space in enumerate(self.tensor_spaces)
    ]

  def expand(self, key: tf.Tensor, parameters: Sequence[tf.Tensor]) -> Any:
    """Returns the update, structured as `specs`, of parameters under a key."""
    maps = self.draw(key)
    updates = [m.expand(p) for m, p in zip(maps, parameters, strict=True)]
    return tf.nest.pack_sequence_as(self.specs, updates)

  def pull_back(self, key: tf.Tensor, gradients: Any) -> tuple[tf.Tensor, ...]:
    """Returns the gradients of the parameters, given those of the weights."""
    gradients = tf.nest.flatten(gradients)
    maps = self.draw(key)
    return tuple(m.pull_back(g) for m, g in zip(maps, gradients, strict=True))
