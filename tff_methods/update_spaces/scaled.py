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
"""Update spaces whose restricted tensors take longer or shorter steps."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.update_spaces import update_space


class Scaled(update_space.UpdateSpace):
  """An update space in which gradient steps of restricted tensors are scaled.

  Both `expand` and `pull_back` are multiplied by `sqrt(scale)`: a step of SGD
  moves a restricted tensor as with a learning rate that is `scale` times as
  large, while whole tensors keep the learning rate.
  """

  def __init__(self, space: update_space.UpdateSpace, scale: float):
    """Initializes the space.

    Args:
      space: The space.
      scale: Factor of the steps of restricted tensors.

    Raises:
      TypeError: If `scale` is not a number.
      ValueError: If `scale` is not positive and finite as a `float32`.
    """
    self._space = space
    self._scale = argument_checks.check_positive_float32('step_scale', scale)

  def for_tensor(self, spec: tf.TensorSpec) -> update_space.TensorSpace:
    """Returns the scaled space of a tensor's updates, or the tensor whole."""
    return self._scaled(self._space.for_tensor(spec))

  def for_tensors(
    self, specs: Sequence[tf.TensorSpec]
  ) -> list[update_space.TensorSpace]:
    """Returns the scaled spaces of all tensors: see `UpdateSpace`."""
    return [self._scaled(space) for space in self._space.for_tensors(specs)]

  def _scaled(
    self, space: update_space.TensorSpace
  ) -> update_space.TensorSpace:
    if self._scale == 1 or isinstance(space, update_space.WholeTensor):
      return space
    return _ScaledTensor(space, self._scale**0.5)


class _ScaledTensor(update_space.TensorSpace):
  def __init__(self, space: update_space.TensorSpace, factor: float):
    super().__init__(space.spec, space.parameter_spec.shape)
    self._space = space
    self._factor = factor

  def draw(self, key: tf.Tensor) -> update_space.LinearMap:
    return _ScaledMap(self._space.draw(key), self._factor)


class _ScaledMap(update_space.LinearMap):
  def __init__(self, linear_map: update_space.LinearMap, factor: float):
    self._map = linear_map
    self._factor = factor

  def expand(self, parameters):
    return self._map.expand(parameters * self._factor)

  def pull_back(self, gradient):
    return self._map.pull_back(gradient) * self._factor
