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
"""Spaces that updates of a model are restricted to, and their linear maps.

A structured update (Konečný et al. 2016, section 2) is trained in a space of
fewer dimensions than the model. For each tensor, a key fixes a linear map from
a few parameters to an update of the tensor. Only the parameters are trained and
sent; the server draws the same map from the key.
"""

import abc
from collections.abc import Sequence

import tensorflow as tf


class LinearMap(abc.ABC):
  """Linear map from the parameters to the update of one tensor, for one key.

  `expand` and `pull_back` are linear and adjoint to each other: the dot product
  of `expand(p)` and `g` equals that of `p` and `pull_back(g)`.
  """

  @abc.abstractmethod
  def expand(self, parameters: tf.Tensor) -> tf.Tensor:
    """Returns the update of parameters, of the shape of the tensor."""

  @abc.abstractmethod
  def pull_back(self, gradient: tf.Tensor) -> tf.Tensor:
    """Returns the gradient of the parameters, given that of the tensor."""


class TensorSpace(abc.ABC):
  """Space of the updates of one tensor.

  Attributes:
    spec: `tf.TensorSpec` of the tensor.
    parameter_spec: `tf.TensorSpec` of the parameters of an update.
  """

  def __init__(self, spec: tf.TensorSpec, parameter_shape: Sequence[int]):
    """Initializes the space.

    Args:
      spec: `tf.TensorSpec` of the tensor.
      parameter_shape: Shape of the parameters, which have the tensor's dtype.
    """
    self.spec = spec
    self.parameter_spec = tf.TensorSpec(parameter_shape, spec.dtype)

  @property
  def num_parameters(self) -> int:
    """Number of parameters of an update."""
    return self.parameter_spec.shape.num_elements()

  @abc.abstractmethod
  def draw(self, key: tf.Tensor) -> LinearMap:
    """Draws the linear map of an `int32[2]` key."""


class UpdateSpace(abc.ABC):
  """Kind of restriction, such as a random mask, for tensors of any shape."""

  @abc.abstractmethod
  def for_tensor(self, spec: tf.TensorSpec) -> TensorSpace:
    """Returns the space of the updates of a tensor.

    Args:
      spec: `tf.TensorSpec` of the tensor, of a floating dtype and a fully
        defined shape.
    """

  def for_tensors(self, specs: Sequence[tf.TensorSpec]) -> list[TensorSpace]:
    """Returns the spaces of the updates of all tensors of a model, in order.

    Args:
      specs: `tf.TensorSpec`s of the tensors: see `for_tensor`.
    """
    return [self.for_tensor(spec) for spec in specs]


class WholeTensor(TensorSpace):
  """Updates without restriction: the parameters are the update itself."""

  def __init__(self, spec: tf.TensorSpec):
    """Initializes the space of a tensor.

    Args:
      spec: `tf.TensorSpec` of the tensor.
    """
    super().__init__(spec, spec.shape)

  def draw(self, key: tf.Tensor) -> LinearMap:
    """Returns the identity, independent of the key."""
    del key  # Unused.
    return _Identity()


class _Identity(LinearMap):
  def expand(self, parameters):
    return parameters

  def pull_back(self, gradient):
    return gradient
