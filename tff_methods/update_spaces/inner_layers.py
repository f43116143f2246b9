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
  alone: the first and the last have few weights there. A layer is known by its
  kernel: the first and the last tensor of two or more dimensions, in the order
  of the model's trainable weights, are trained and sent whole.
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
    kernels = [i for i, spec in enumerate(specs) if spec.shape.rank >= 2]
    spaces = self._space.for_tensors(specs)
    for i in (*kernels[:1], *kernels[-1:]):
      spaces[i] = update_space.WholeTensor(specs[i])
    return spaces
