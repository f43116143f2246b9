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
"""Updates of low rank. Konečný et al. (2016), section 2."""

from collections.abc import Callable

from absl import logging
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import seeds
from tff_methods.encoders import subsampling
from tff_methods.update_spaces import update_space

_DrawLeft = Callable[[tf.Tensor, int, int], tf.Tensor]


class LowRank(update_space.UpdateSpace):
  """Updates of matrices that are a product `A B`, with `A` fixed by the key.

  For a matrix of `d1` rows and `d2` columns, `A` has `d1` rows and `rank`
  columns; the parameters `B` have `rank` rows and `d2` columns. Other tensors
  are reshaped to matrices that keep the last dimension: the kernel of a
  convolution has (width * height * in) rows and `out` columns, as in the paper.
  Kernels of dense layers keep theirs, inputs by outputs, so that `A` is on the
  side of the inputs; the paper has it on that of the outputs.

  The paper leaves the distribution of `A` open. With `'signs'` its entries are
  random signs divided by `sqrt(rank)`, so that the mean over keys of `A Aᵀ` is
  the identity, and that of `expand(pull_back(g))` is `g`: a gradient step is on
  average the step without restriction. It moves along `rank` directions,
  `d1 / rank` times as far along each, which requires lower learning rates, and
  other ones for each shape of a matrix. With `'orthonormal'` its columns are
  orthonormal, uniformly at random, so that `A Aᵀ` is a projection, as that of a
  random mask is: a step moves along these directions as far as without
  restriction, in each matrix.

  Tensors of fewer than two dimensions or fewer than `min_elements` elements are
  trained and sent whole. So are matrices whose smaller dimension is at most the
  rank, which would not restrict them; this is logged as a warning.
  """

  def __init__(
    self,
    *,
    rank: int | None = None,
    fraction: float | None = None,
    left_factor: str = 'signs',
    min_elements: int = 256,
  ):
    """Initializes the space; give either `rank` or `fraction`.

    Args:
      rank: Rank of the updates, at least 1.
      fraction: Rank as a fraction of each matrix's smaller dimension, in
        (0, 1]: the paper's "mode". The rank is rounded, but at least 1.
      left_factor: Distribution of `A`, `'signs'` or `'orthonormal'`.
      min_elements: Tensors with fewer elements are trained and sent whole.

    Raises:
      TypeError: If `rank` or `min_elements` is not an int.
      ValueError: If an argument is out of range, or not exactly one of `rank`
        and `fraction` is given.
    """
    self._options = options_lib.LowRankOptions(
      rank=rank,
      fraction=fraction,
      left_factor=left_factor,
      min_elements=min_elements,
    )

  def for_tensor(self, spec: tf.TensorSpec) -> update_space.TensorSpace:
    """Returns the space of the updates of a tensor: see the class."""
    num_elements = spec.shape.num_elements()
    if num_elements < self._options.min_elements or spec.shape.rank < 2:
      return update_space.WholeTensor(spec)
    smaller = min(num_elements // spec.shape[-1], spec.shape[-1])
    rank = self._rank(smaller)
    if rank >= smaller:
      logging.warning(
        'A tensor of shape %s is trained and sent whole: rank %d would not '
        'restrict it.',
        tuple(spec.shape),
        rank,
      )
      return update_space.WholeTensor(spec)
    return _LowRankTensor(spec, rank, _DRAWS[self._options.left_factor])

  def _rank(self, smaller_dimension: int) -> int:
    rank, fraction = self._options.rank, self._options.fraction
    if fraction is not None:
      return subsampling.num_kept(smaller_dimension, fraction)
    assert rank is not None  # The options require one of them.
    return rank


class _LowRankTensor(update_space.TensorSpace):
  """Updates of one tensor, as a matrix, of a given rank."""

  def __init__(self, spec: tf.TensorSpec, rank: int, draw_left: _DrawLeft):
    super().__init__(spec, [rank, spec.shape[-1]])
    self._rank = rank
    self._draw_left = draw_left

  def draw(self, key: tf.Tensor) -> update_space.LinearMap:
    rows = self.spec.shape.num_elements() // self.spec.shape[-1]
    left = self._draw_left(key, rows, self._rank)
    return _LeftFactor(self.spec.shape, tf.cast(left, self.spec.dtype))


class _LeftFactor(update_space.LinearMap):
  """Multiplies parameters by `A`, and gradients by `Aᵀ`."""

  def __init__(self, shape: tf.TensorShape, left: tf.Tensor):
    self._shape = shape
    self._left = left

  def expand(self, parameters):
    return tf.reshape(self._left @ parameters, self._shape)

  def pull_back(self, gradient):
    matrix = tf.reshape(gradient, [-1, self._shape[-1]])
    return tf.matmul(self._left, matrix, transpose_a=True)


def _draw_signs(key: tf.Tensor, rows: int, rank: int) -> tf.Tensor:
  signs = seeds.random_signs(key, rows * rank)
  return tf.reshape(signs, [rows, rank]) * rank**-0.5


def _draw_orthonormal(key: tf.Tensor, rows: int, rank: int) -> tf.Tensor:
  normal = tf.reshape(seeds.random_normals(key, rows * rank), [rows, rank])
  q, r = tf.linalg.qr(normal)
  # Uniform among orthonormal columns only with these signs (Mezzadri, 2007,
  # "How to generate random matrices from the classical compact groups").
  return q * tf.sign(tf.linalg.diag_part(r))


_DRAWS = {'signs': _draw_signs, 'orthonormal': _draw_orthonormal}
