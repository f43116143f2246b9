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
"""Update spaces that leave the first and the last layer whole."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods.update_spaces import update_space


class InnerLayers(update_space.UpdateSpace):
  """An update space of the layers between the first and the last.

  Konečný et al. (2016), section 4.1, restrict the inner layers of a network
  alone: the first and the last have few weights there. The tensors of
  `outer_tensors` are trained and sent whole.
  """

  def __init__(self, space: update_space.UpdateSpace):
    """Initializes the space.

    Args:
      space: Space of the other tensors.
    """
    self._space = space

  def for_tensor(self, spec: tf.TensorSpec) -> update_space.TensorSpace:
    """Returns the space of the updates of a tensor of an inner layer."""
    return self._space.for_tensor(spec)

  def for_tensors(
    self, specs: Sequence[tf.TensorSpec]
  ) -> list[update_space.TensorSpace]:
    """Returns the spaces of all tensors: see the class."""
    spaces = self._space.for_tensors(specs)
    for i in outer_tensors(specs):
      spaces[i] = update_space.WholeTensor(specs[i])
    return spaces


def outer_tensors(specs: Sequence[tf.TensorSpec]) -> list[int]:
  """Returns the indices of the tensors of the first and the last layer.

  A layer begins with its kernel, a tensor of two or more dimensions, and its
  biases follow: the first layer ends before the second kernel, and the last
  begins with the last kernel.

  Args:
    specs: `tf.TensorSpec`s of all trainable weights, in order.
  """
  kernels = [i for i, spec in enumerate(specs) if spec.shape.rank >= 2]
  if len(kernels) < 3:
    return list(range(len(specs)))
  return [i for i in range(len(specs)) if not kernels[1] <= i < kernels[-1]]
