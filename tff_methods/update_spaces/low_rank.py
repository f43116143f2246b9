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
"""Low rank (Konecny et al. 2016, section 2): train one factor of a product."""

from absl import logging
import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.encoders import subsampling
from tff_methods.update_spaces import update_space


class LowRank(update_space.UpdateSpace):
  """Updates of matrices that are a product `A B`, with `A` fixed by the key.

  A matrix of `d1` rows and `d2` columns has an `A` of `d1` rows and `rank`
  columns, and parameters `B` of `rank` rows and `d2` columns. Other tensors
  count as matrices of their last dimension's columns: a kernel of a convolution
  is one of (width * height * in) rows and `out` columns, as in the paper.

  The paper says that `A` is random and no more. Here its entries are the signs
  of fair coins over `sqrt(rank)`, which makes the mean over keys of `A A^T`, so
  of `expand(pull_back(g))`, the identity: a step with a gradient is on average
  the step that it would be without restriction. It is that by moving `rank`
  directions `d1 / rank` times as far, so rates have to be lower.

  A tensor that is no matrix, or has fewer than `min_elements`, is trained and
  sent whole; so is one whose smaller dimension is `rank` or less, as this would
  not restrict it, which is logged as a warning.
  """

  def __init__(
    self,
    *,
    rank: int | None = None,
    fraction: float | None = None,
    min_elements: int = 256,
  ):
    """Initializes the space; give either `rank` or `fraction`.

    Args:
      rank: The largest rank of an update, at least 1.
      fraction: The rank as a part of the smaller dimension of each matrix, in
        (0, 1]: the paper's "mode". Rounded, but at least 1.
      min_elements: Tensors of fewer elements are trained and sent whole.

    Raises:
      TypeError: If `rank` or `min_elements` is not an int.
      ValueError: If an argument is out of range, or not exactly one of `rank`
        and `fraction` is given.
    """
    if (rank is None) == (fraction is None):
      raise ValueError(
        f'Expected either rank or fraction, found rank={rank} and '
        f'fraction={fraction}: give one of them.'
      )
    if fraction is not None:
      argument_checks.check_fraction(fraction)
    else:
      argument_checks.check_int('rank', rank, minimum=1)
    argument_checks.check_int('min_elements', min_elements, minimum=0)
    self._rank = rank
    self._fraction = fraction
    self._min_elements = min_elements

  def for_tensor(self, spec: tf.TensorSpec) -> update_space.TensorSpace:
    num_elements = spec.shape.num_elements()
    if num_elements < self._min_elements or spec.shape.rank < 2:
      return update_space.WholeTensor(spec)
    smaller = min(num_elements // spec.shape[-1], spec.shape[-1])
    rank = self._rank or subsampling.num_kept(smaller, self._fraction)
    if rank >= smaller:
      logging.warning(
        'A tensor of shape %s is trained and sent whole: rank %d would not '
        'restrict it.',
        tuple(spec.shape),
        rank,
      )
      return update_space.WholeTensor(spec)
    return _LowRankTensor(spec, rank)


class _LowRankTensor(update_space.TensorSpace):
  """The updates of one tensor, as a matrix, that have a given left factor."""

  def __init__(self, spec: tf.TensorSpec, rank: int):
    super().__init__(spec, [rank, spec.shape[-1]])
    self._rank = rank

  def draw(self, key: tf.Tensor) -> update_space.LinearMap:
    rows = self.spec.shape.num_elements() // self.spec.shape[-1]
    signs = seeds.random_signs(key, rows * self._rank)
    left = tf.reshape(signs, [rows, self._rank]) * self._rank**-0.5
    return _LeftFactor(self.spec.shape, tf.cast(left, self.spec.dtype))


class _LeftFactor(update_space.LinearMap):
  """Multiplies parameters by `A`, and gradients by its transpose."""

  def __init__(self, shape: tf.TensorShape, left: tf.Tensor):
    self._shape = shape
    self._left = left

  def expand(self, parameters):
    return tf.reshape(self._left @ parameters, self._shape)

  def pull_back(self, gradient):
    matrix = tf.reshape(gradient, [-1, self._shape[-1]])
    return tf.matmul(self._left, matrix, transpose_a=True)
