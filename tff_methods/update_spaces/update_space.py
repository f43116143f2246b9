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
"""A space that updates of a model are restricted to, and its linear maps.

A structured update (Konecny et al. 2016, section 2) lives from the start in a
space of fewer dimensions than the model. A key fixes, for each tensor, a linear
map from a few parameters to an update of the tensor; only the parameters are
trained and sent, and whoever has the key can draw the map again.
"""

import abc

import tensorflow as tf


class LinearMap(abc.ABC):
  """The linear map of one tensor that one key fixes.

  Both directions are linear and adjoint to each other: the dot product of
  `expand(p)` and `g` is that of `p` and `pull_back(g)`.
  """

  @abc.abstractmethod
  def expand(self, parameters: tf.Tensor) -> tf.Tensor:
    """Returns the update, of the tensor's shape, that parameters stand for."""

  @abc.abstractmethod
  def pull_back(self, gradient: tf.Tensor) -> tf.Tensor:
    """Returns the parameters' gradient, given that of the tensor."""


class TensorSpace(abc.ABC):
  """The space of the updates of one tensor.

  Attributes:
    spec: The `tf.TensorSpec` of the tensor.
    parameter_spec: The `tf.TensorSpec` of its parameters.
  """

  def __init__(self, spec: tf.TensorSpec, parameter_shape):
    self.spec = spec
    self.parameter_spec = tf.TensorSpec(parameter_shape, spec.dtype)

  @property
  def num_parameters(self) -> int:
    return self.parameter_spec.shape.num_elements()

  @abc.abstractmethod
  def draw(self, key: tf.Tensor) -> LinearMap:
    """Draws the map that an `int32[2]` key fixes."""


class UpdateSpace(abc.ABC):
  """How to restrict the updates of a tensor, given its shape."""

  @abc.abstractmethod
  def for_tensor(self, spec: tf.TensorSpec) -> TensorSpace:
    """Returns the space of the updates of a tensor.

    Args:
      spec: Of a floating dtype and a fully defined shape.
    """


class WholeTensor(TensorSpace):
  """Updates without restriction: the parameters are the update itself."""

  def __init__(self, spec: tf.TensorSpec):
    super().__init__(spec, spec.shape)

  def draw(self, key: tf.Tensor) -> LinearMap:
    del key  # Nothing here is random.
    return _Identity()


class _Identity(LinearMap):
  def expand(self, parameters):
    return parameters

  def pull_back(self, gradient):
    return gradient
