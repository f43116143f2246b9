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
"""Structured random rotation HD (Konecny et al., section 3; Suresh et al.).

`D` flips random signs, `H` is a Walsh-Hadamard matrix scaled to be orthogonal.
Two things let this run at the speed of a few passes over memory, for any
length and without padding:

*   A Hadamard matrix of size `2**k` is a Kronecker product of small ones, so it
    is applied as a few matrix products with matrices of up to 32 x 32.
*   Another length takes factors of other sizes, discrete Hartley transforms for
    its odd primes, up to 61 x 61: orthogonal, without zeros, nearly flat too.
    Where the length has a larger prime, the largest smaller length that has
    none is rotated so, and the few coordinates behind it are mixed in by a
    Hadamard matrix over the end of the vector, before and after.

All of the factors are symmetric, so the transform is its own inverse.
"""

import functools
import math

import numpy as np
import scipy.linalg
import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding

_FACTOR_SIZE = 32  # The fastest on CPU.
_PRIMES = (61, 59, 53, 47, 43, 41, 37, 31, 29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
# The window that mixes the rest in is this much larger than the rest, so that
# after the first pass hardly any energy is left outside the main transform.
_WINDOW_PER_REST = 32


class RotationStage(tensor_encoding.SeededStage):
  """Rotates a tensor; all clients of a round by the same rotation.

  It commutes with the sum: the server undoes the rotation once, on the sum.
  Rotated values beyond the largest `float32` saturate; those below the smallest
  normal one, 1.2e-38, become zero, as TensorFlow has it everywhere.

  Encode and decode params: `key`, `int32[2]`. Encoded tensors: `rotated`,
  `float32[n]`. Raises `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'rotation'
  compressible_tensors_keys = ['rotated']
  commutes_with_sum = True
  decode_needs_input_shape = True

  def get_params(self, state):
    encode_params, _ = super().get_params(state)
    return encode_params, encode_params

  def encode(self, x, encode_params):
    return {'rotated': rotate(tf.reshape(x, [-1]), encode_params['key'])}, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    del num_summands  # Linear: the sum needs no correction.
    x = unrotate(encoded_tensors['rotated'], decode_params['key'])
    return tf.reshape(x, shape)


def rotate(x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
  """Returns `H D x`, `float32[n]`, of `float32[n]` and an `int32[2]` key."""
  length = x.shape[0]
  if not length:
    return x
  z, scale, _ = scaling.well_scaled(x)
  size, factors = _main_transform(length)
  window = _window(length, size)
  if window:
    z = _on_window(z, window, lambda w: _hadamard(_flip(w, key, 1), window))
  z = _flip(z, key, 0)
  z = _on_start(z, size, lambda m: _apply_factors(m, factors))
  if window:
    z = _on_window(z, window, lambda w: _hadamard(_flip(w, key, 2), window))
  return scaling.saturating_multiply(z, scale)


def unrotate(y: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
  """Inverts `rotate`."""
  length = y.shape[0]
  if not length:
    return y
  z, scale, _ = scaling.well_scaled(y)
  size, factors = _main_transform(length)
  window = _window(length, size)
  if window:
    z = _on_window(z, window, lambda w: _flip(_hadamard(w, window), key, 2))
  z = _on_start(z, size, lambda m: _apply_factors(m, factors))
  z = _flip(z, key, 0)
  if window:
    z = _on_window(z, window, lambda w: _flip(_hadamard(w, window), key, 1))
  return scaling.saturating_multiply(z, scale)


def _flip(x: tf.Tensor, key: tf.Tensor, use: int) -> tf.Tensor:
  """Flips random signs: one random bit an element, never a zero."""
  length = x.shape[0]
  # Not before x is there, or the signs of all tensors would wait in memory.
  with tf.control_dependencies([x]):
    key = seeds.fold_in(key, tf.constant(use, tf.int32))
  return x * seeds.random_signs(key, length)


def _apply_factors(x: tf.Tensor, factors) -> tf.Tensor:
  """Applies the Kronecker product of symmetric `factors` to a vector.

  Each step applies one factor along the first axis and moves that axis to the
  end; after the last step the axes are in order again.
  """
  length = x.shape[0]
  for factor in factors:
    x = tf.reshape(x, [len(factor), -1])
    x = tf.matmul(x, tf.constant(factor, tf.float32), transpose_a=True)
  return tf.reshape(x, [length])


def _hadamard(x: tf.Tensor, size: int) -> tf.Tensor:
  return _apply_factors(x, _factors(size))


def _on_start(x: tf.Tensor, size: int, fn) -> tf.Tensor:
  if size == x.shape[0]:
    return fn(x)
  return tf.concat([fn(x[:size]), x[size:]], axis=0)


def _on_window(x: tf.Tensor, size: int, fn) -> tf.Tensor:
  """Applies `fn` to the last `size` elements."""
  return tf.concat([x[:-size], fn(x[-size:])], axis=0)


def _window(length: int, size: int) -> int:
  """Returns the size, a power of two, of the window that mixes the rest in."""
  rest = length - size
  if not rest:
    return 0
  largest = 2 ** (length.bit_length() - 1)
  return min(2 ** math.ceil(math.log2(_WINDOW_PER_REST * rest)), largest)


@functools.cache
def _main_transform(length: int) -> tuple[int, tuple[np.ndarray, ...]]:
  """Returns the largest size up to `length` without large primes, factored."""
  size = length
  while not (factors := _factors(size)):
    size -= 1
  return size, factors


@functools.cache
def _factors(size: int) -> tuple[np.ndarray, ...]:
  """Returns small orthogonal matrices whose Kronecker product has that size.

  None at all if the size has a large prime.
  """
  sizes = [1]
  for prime in _PRIMES:
    while size % prime == 0:
      size //= prime
      # The first of the sizes with room for this prime takes it.
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
