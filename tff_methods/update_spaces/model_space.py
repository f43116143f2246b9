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
"""The spaces of all tensors of a model."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.update_spaces import update_space

KEY_SPEC = tf.TensorSpec([2], tf.int32)


class ModelSpace:
  """The space of the updates of a model, tensor by tensor.

  One key of a client fixes the maps of all tensors: each tensor's is folded
  from it and the tensor's index. Tensors are in the order of `tf.nest.flatten`.

  Attributes:
    specs: The structure of the `tf.TensorSpec`s of the model's trainable
      weights.
    tensor_spaces: The `TensorSpace` of each tensor.
    parameter_specs: The `tf.TensorSpec` of the parameters of each tensor.
  """

  def __init__(self, space: update_space.UpdateSpace, specs):
    """Initializes the space.

    Args:
      space: How to restrict each tensor.
      specs: A structure of `tf.TensorSpec`.

    Raises:
      TypeError: If a tensor is not of a floating dtype.
      ValueError: If the shape of a tensor is not fully defined.
    """
    self.specs = specs
    for spec in tf.nest.flatten(specs):
      if not spec.dtype.is_floating:
        raise TypeError(
          f'Expected weights of a floating dtype, found {spec}: make what is '
          'not trained non-trainable.'
        )
      if not spec.shape.is_fully_defined():
        raise ValueError(
          f'Expected weights of fully defined shapes, found {spec}: give every '
          'layer its input shape.'
        )
    self.tensor_spaces = tuple(map(space.for_tensor, tf.nest.flatten(specs)))
    self.parameter_specs = tuple(s.parameter_spec for s in self.tensor_spaces)

  @property
  def num_parameters(self) -> int:
    return sum(space.num_parameters for space in self.tensor_spaces)

  @property
  def payload_bytes(self) -> int:
    """The bytes that a client sends: parameters, as they are, and the key."""
    specs = [KEY_SPEC, *self.parameter_specs]
    return sum(spec.shape.num_elements() * spec.dtype.size for spec in specs)

  def zeros(self) -> tuple[tf.Tensor, ...]:
    """The parameters of no update."""
    return tuple(tf.zeros(s.shape, s.dtype) for s in self.parameter_specs)

  def draw(self, key: tf.Tensor) -> list[update_space.LinearMap]:
    """Draws the maps of all tensors that an `int32[2]` key fixes."""
    return [
      space.draw(seeds.fold_in(key, index))
      for index, space in enumerate(self.tensor_spaces)
    ]

  def expand(self, key: tf.Tensor, parameters: Sequence[tf.Tensor]):
    """Returns the update, structured as `specs`, of parameters under a key."""
    maps = self.draw(key)
    updates = [m.expand(p) for m, p in zip(maps, parameters, strict=True)]
    return tf.nest.pack_sequence_as(self.specs, updates)

  def pull_back(self, key: tf.Tensor, gradients) -> tuple[tf.Tensor, ...]:
    """Returns the parameters' gradients, given those of the weights."""
    gradients = tf.nest.flatten(gradients)
    maps = self.draw(key)
    return tuple(m.pull_back(g) for m, g in zip(maps, gradients, strict=True))
