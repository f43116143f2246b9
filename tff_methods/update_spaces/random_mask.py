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
"""Updates at random coordinates. Konečný et al. (2016), section 2."""

import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import lookup
from tff_methods.encoders import subsampling
from tff_methods.update_spaces import random_subset
from tff_methods.update_spaces import update_space


class RandomMask(update_space.UpdateSpace):
  """Updates that are zero except at random coordinates of each tensor.

  Of `n` coordinates exactly `max(1, round(fraction * n))` are chosen, each with
  the same probability. Gradients are not scaled: `expand(pull_back(g))` is `g`
  at the chosen coordinates, so its mean over keys is `fraction * g`.
  """

  def __init__(self, fraction: float, *, min_elements: int = 256):
    """Initializes the space.

    Args:
      fraction: Fraction of each tensor's coordinates that is trained and sent,
        in (0, 1].
      min_elements: Tensors with fewer elements are trained and sent whole.

    Raises:
      TypeError: If `min_elements` is not an int.
      ValueError: If an argument is out of range.
    """
    fraction = argument_checks.check_fraction(fraction)
    min_elements = argument_checks.check_int(
      'min_elements', min_elements, minimum=0
    )
    self._fraction = fraction
    self._min_elements = min_elements

  def for_tensor(self, spec: tf.TensorSpec) -> update_space.TensorSpace:
    """Returns the space of the updates of a tensor: see the class."""
    num_elements = spec.shape.num_elements()
    num_chosen = subsampling.num_kept(num_elements, self._fraction)
    if num_elements < self._min_elements or num_chosen == num_elements:
      return update_space.WholeTensor(spec)
    return _MaskedTensor(spec, num_chosen)


class _MaskedTensor(update_space.TensorSpace):
  """Updates of one tensor at a number of coordinates, in flat order."""

  def __init__(self, spec: tf.TensorSpec, num_chosen: int):
    super().__init__(spec, [num_chosen])

  def draw(self, key: tf.Tensor) -> update_space.LinearMap:
    length = self.spec.shape.num_elements()
    coordinates = random_subset.draw(key, length, self.num_parameters)
    return _Mask(self.spec.shape, coordinates)


class _Mask(update_space.LinearMap):
  """Scatters parameters to coordinates, and gathers gradients from them."""

  def __init__(self, shape: tf.TensorShape, coordinates: tf.Tensor):
    self._shape = shape
    self._coordinates = coordinates

  def expand(self, parameters):
    # Three to five times as fast as a scatter.
    dense = tf.raw_ops.SparseToDense(
      sparse_indices=self._coordinates,
      output_shape=[self._shape.num_elements()],
      sparse_values=parameters,
      default_value=tf.zeros([], parameters.dtype),
      validate_indices=False,  # Valid by construction.
    )
    return tf.reshape(dense, self._shape)

  def pull_back(self, gradient):
    return lookup.take(tf.reshape(gradient, [-1]), self._coordinates)
