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
"""Structured random rotation HD.

Konečný et al. (2016), section 3; Suresh et al. (2017), "Distributed Mean
Estimation with Limited Communication", section 3.

`D` flips random signs; `H` is a Walsh-Hadamard matrix scaled to be orthogonal.
It is applied in a few passes over memory, to any length, without padding.

**Lengths of a power of two.** A Hadamard matrix of size `2**k` is a Kronecker
product of smaller ones, so it is applied as products with matrices of up to
32 x 32. Let `flat(X)` be the rows of a matrix `X`, one after another. Then

    (A ⊗ Bᵀ) flat(X) = flat(A X B).

For, at the position of row `i` and column `j`, the right side is the sum over
`k` and `l` of `A[i, k] X[k, l] B[l, j]`; so is the left side, since
`(A ⊗ Bᵀ)[(i, j), (k, l)] = A[i, k] Bᵀ[j, l] = A[i, k] B[l, j]`. With `H = A ⊗
B`, `B` symmetric, and `x = flat(X)`, this gives `H x = flat(A X B)`: two
products with small matrices instead of one with a large one. With `A = I` it
says that `B` acts on the last axis alone, with `B = I`, that `A` acts on the
first axis alone. By induction, a product of factors of sizes `m1, ..., mr`
applies each factor to one axis of `x` as an `m1 x ... x mr` array, and takes
`n * (m1 + ... + mr)` multiplications instead of `n**2`.

**Other lengths.** Factors of other sizes are discrete Hartley transforms for
the odd primes of the length, up to 61 x 61: orthogonal, without zeros, and
nearly flat too. If the length has a larger prime, the largest smaller length
without one is rotated in this way, and the few coordinates after it are mixed
in by a Hadamard matrix over the end of the vector, before and after.

All factors are symmetric and orthogonal, so the transform is its own inverse.

A matrix is rotated row by row: the rows are one more axis, which the first
factors leave in place.
"""

from collections.abc import Callable, Sequence
import functools
import math

import numpy as np
import scipy.linalg
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding

# Factor of contractive rotations, see `RotationStage`.
CONTRACTION = 1.0 - 2.0**-10
_FACTOR_SIZE = 32  # The fastest on CPU.
_PRIMES = (61, 59, 53, 47, 43, 41, 37, 31, 29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
# The window that mixes in the rest is this many times larger than the rest, so
# that the first pass leaves hardly any energy outside the main transform.
_WINDOW_PER_REST = 32


class RotationStage(tensor_encoding.SeededStage):
  """Rotates a tensor; all clients of a round use the same rotation.

  `ClientRotationStage` has a rotation for each client.

  Rotation commutes with the sum: the server inverts it once, on the sum.
  Rotated values beyond the largest `float32` saturate. Values below the
  smallest normal `float32`, 1.2e-38, become zero: TensorFlow flushes them.

  With `scale='contractive'`, rotated values are multiplied by `1 - 2**-10`, so
  that neither rounding nor a stage in between that is contractive, too, can
  make the decoded value longer than the value. Proof: in `float32`, the product
  with an orthogonal matrix of size `m` has an error of norm at most `(m + 2)
  2**-24 sqrt(m) |x|`, since the sums of the magnitudes in its rows and columns
  are at most `sqrt(m)`. Of all factorizations of lengths below `2**31` into
  sizes up to 61, `(m + 2) sqrt(m)` summed over the factors is largest if all
  sizes are 61, where it is below 2,600 (5.23 factors of 492); the two windows,
  of at most six factors of size 32 each, add 2,310. Both directions together
  have a relative error below `2 * 4,910 * 2**-24 < 2**-10 * 0.6`. This does not
  hold for TensorFloat-32, of which TensorFlow makes use on newer GPUs: call
  `tf.config.experimental.enable_tensor_float_32_execution(False)` there.

  Encode and decode params: `key`, `int32[2]`. Encoded tensors: `rotated`,
  `float32[n]`. Raises `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'rotation'
  compressible_tensors_keys = ['rotated']
  commutes_with_sum = True
  decode_needs_input_shape = True

  def __init__(self, seed: Sequence[int], scale: str = 'unbiased'):
    """Initializes the stage.

    Args:
      seed: See `SeededStage`.
      scale: Scale of decoded values. `'unbiased'` or `'contractive'`: never
        longer than the value.

    Raises:
      ValueError: If `scale` is unknown.
    """
    super().__init__(seed)
    argument_checks.check_choice('scale', scale, options_lib.SCALES)
    self._scale = scale

  def get_params(
    self, state: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Returns the key of the round, for encoding and for decoding."""
    encode_params, _ = super().get_params(state)
    return encode_params, encode_params

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    rotated = rotate(tf.reshape(x, [-1]), encode_params['key'])
    if self._scale == 'contractive':
      rotated *= CONTRACTION
    return {'rotated': rotated}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del num_summands  # Linear: the sum needs no correction.
    x = unrotate(encoded_tensors['rotated'], decode_params['key'])
    return tf.reshape(x, shape)


def rotate(x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
  """Returns `H D x`.

  Args:
    x: `float32[n]`, of a static `n`.
    key: `int32[2]`, fixes the signs `D`.

  Returns:
    `float32[n]`.

  Raises:
    tf.errors.InvalidArgumentError: When run, if `x` has NaN or Inf.
  """
  if not x.shape[0]:
    return x
  z, scale, _ = scaling.well_scaled(x)
  return scaling.saturating_multiply(rotate_rows(z, key), scale)


def unrotate(y: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
  """Inverts `rotate`, given the same key."""
  if not y.shape[0]:
    return y
  z, scale, _ = scaling.well_scaled(y)
  return scaling.saturating_multiply(unrotate_rows(z, key), scale)


def rotate_rows(z: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
  """Returns `H D` times each row; the caller guards against overflow.

  Args:
    z: `float32[n]`, one row, or `float32[k, n]`, static, of an `n` above 0.
    key: `int32[2]`, fixes the signs `D`, the same for all rows.
  """
  length = z.shape[-1]
  size, factors = _main_transform(length)
  window = _window(length, size)
  if window:
    z = _on_window(z, window, lambda w: _hadamard(_flip(w, key, 1), window))
  z = _flip(z, key, 0)
  z = _on_start(z, size, lambda m: _apply_factors(m, factors))
  if window:
    z = _on_window(z, window, lambda w: _hadamard(_flip(w, key, 2), window))
  return z


def unrotate_rows(z: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
  """Inverts `rotate_rows`, given the same key."""
  length = z.shape[-1]
  size, factors = _main_transform(length)
  window = _window(length, size)
  if window:
    z = _on_window(z, window, lambda w: _flip(_hadamard(w, window), key, 2))
  z = _on_start(z, size, lambda m: _apply_factors(m, factors))
  z = _flip(z, key, 0)
  if window:
    z = _on_window(z, window, lambda w: _flip(_hadamard(w, window), key, 1))
  return z


def _flip(x: tf.Tensor, key: tf.Tensor, use: int) -> tf.Tensor:
  """Multiplies elements by random signs, drawn from a key for each use."""
  length = x.shape[-1]
  # Not before x is computed, or memory would hold the signs of all tensors.
  with tf.control_dependencies([x]):
    key = seeds.fold_in(key, tf.constant(use, tf.int32))
  return x * seeds.random_signs(key, length)


def _apply_factors(x: tf.Tensor, factors: Sequence[np.ndarray]) -> tf.Tensor:
  """Applies the Kronecker product of symmetric `factors` to each row.

  Each step computes `Xᵀ A = (A X)ᵀ`: it applies one factor to the first axis
  and moves that axis to the end. After the last step the axes are in order
  again; the axis of the rows, which starts at the end, comes first.
  """
  shape = x.shape
  if shape.rank == 2:
    x = tf.transpose(x)
  for factor in factors:
    x = tf.reshape(x, [len(factor), -1])
    x = tf.matmul(x, tf.constant(factor, tf.float32), transpose_a=True)
  return tf.reshape(x, shape)


def _hadamard(x: tf.Tensor, size: int) -> tf.Tensor:
  """Applies the Hadamard matrix of a power of two."""
  return _apply_factors(x, _factors(size))


def _on_start(
  x: tf.Tensor, size: int, fn: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
  """Applies `fn` to the first `size` elements of each row."""
  if size == x.shape[-1]:
    return fn(x)
  return tf.concat([fn(x[..., :size]), x[..., size:]], axis=-1)


def _on_window(
  x: tf.Tensor, size: int, fn: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
  """Applies `fn` to the last `size` elements of each row."""
  return tf.concat([x[..., :-size], fn(x[..., -size:])], axis=-1)


def _window(length: int, size: int) -> int:
  """Returns the size, a power of two, of the window that mixes in the rest."""
  rest = length - size
  if not rest:
    return 0
  largest = 2 ** (length.bit_length() - 1)
  return min(2 ** math.ceil(math.log2(_WINDOW_PER_REST * rest)), largest)


@functools.cache
def _main_transform(length: int) -> tuple[int, tuple[np.ndarray, ...]]:
  """Returns the largest size without large primes, and its factors."""
  size = length
  while not (factors := _factors(size)):
    size -= 1
  return size, factors


@functools.cache
def _factors(size: int) -> tuple[np.ndarray, ...]:
  """Returns small orthogonal matrices whose Kronecker product has a size.

  Empty if the size has a prime above 61.
  """
  sizes = [1]
  for prime in _PRIMES:
    while size % prime == 0:
      size //= prime
      # The first factor that stays small enough is multiplied by this prime.
      for i, product in enumerate(sizes):
        if product * prime <= _FACTOR_SIZE:
          sizes[i] *= prime
          break
      else:
        sizes.append(prime)
  return tuple(_orthogonal(n) for n in sizes) if size == 1 else ()


def _orthogonal(size: int) -> np.ndarray:
  """Returns a symmetric orthogonal matrix, entries at most `sqrt(2 / size)`."""
  power = size & -size
  odd = size // power
  hadamard = scipy.linalg.hadamard(power) / math.sqrt(power)
  angles = 2 * math.pi / odd * np.outer(np.arange(odd), np.arange(odd))
  hartley = (np.cos(angles) + np.sin(angles)) / math.sqrt(odd)
  return np.kron(hadamard, hartley)
