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
"""Scaling of tensors against overflow and underflow; checks for NaN and Inf."""

import math

import tensorflow as tf

_NOT_FINITE = (
  'Expected finite values, found NaN or Inf: lower the client learning rate, '
  'or zero such updates (tff.aggregators.zeroing_factory) before encoding.'
)
# Between these squared norms, squares, sums and quotients stay within float32.
_SMALLEST_SQUARED_NORM = 1e-20
_LARGEST_SQUARED_NORM = 1e30


def well_scaled(
  x: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Scales a tensor so that its squares do not over- or underflow.

  A tensor of ordinary scale is returned unchanged, at the cost of reading it
  once; any other is divided by a power of two, which is exact.

  Args:
    x: A `float32` tensor of any shape.

  Returns:
    `(z, scale, squared_norm)` with `x == z * scale`; `scale` is a positive
    power of two, and `squared_norm` that of `z`.

  Raises:
    tf.errors.InvalidArgumentError: When run, if `x` has NaN or Inf.
  """
  squared_norm = 2.0 * tf.nn.l2_loss(x)
  ordinary = tf.logical_and(
    squared_norm > _SMALLEST_SQUARED_NORM, squared_norm < _LARGEST_SQUARED_NORM
  )

  def rescale():
    finite = tf.debugging.check_numerics(x, _NOT_FINITE)
    peak = tf.reduce_max(tf.abs(finite)) if x.shape.num_elements() else 0.0
    scale = power_of_two_near(peak)
    z = finite / scale
    return z, scale, 2.0 * tf.nn.l2_loss(z)

  return tf.cond(ordinary, lambda: (x, 1.0, squared_norm), rescale)


def check_finite(x: tf.Tensor) -> tf.Tensor:
  """Returns a tensor unchanged if it is finite.

  Args:
    x: A tensor of any shape and dtype.

  Returns:
    `x`.

  Raises:
    tf.errors.InvalidArgumentError: When run, if `x` has NaN or Inf.
  """
  if not x.dtype.is_floating:
    return x
  # Reads a finite tensor once. If its sum of squares overflows, the exact check
  # follows.
  return tf.cond(
    tf.math.is_finite(tf.nn.l2_loss(x)),
    lambda: x,
    lambda: tf.debugging.check_numerics(x, _NOT_FINITE),
  )


def contractive_scale(
  x: tf.Tensor, quantized: tf.Tensor, scale: tf.Tensor
) -> tf.Tensor:
  """Returns the least-squares scale of quantized values, and slightly less.

  With `s = max(0, <x, q> / <q, q>)`, the vector `s * q` is the projection of
  `x` on the ray of `q`, so `|s * q| <= |x|` by the Cauchy-Schwarz inequality.
  The result is `(1 - m) * s`, with the margin `m = 2**-18 + 2**-21 * sqrt(n)`,
  against the rounding errors of this function and of decoding:

  *   Sums are in float64, with a relative error below `n * 2**-53 < 2**-22` of
      `|x| |q|` for `n < 2**31`. The results of rounding the scale and its
      products with `q` to `float32` are within `2**-22`. Together these are
      below `2**-18`.
  *   A decoder that computes levels as weighted means `low * (1 - u) + high *
      u` of two scaled ends of magnitude `M` or less has an error below `5 *
      2**-24 * M` for each value: below `2**-21 * sqrt(n) * |x|` for all of
      them, since the end of magnitude `M` is an element of `x`.
  *   Products below 2**-126 are flushed to zero. That is within the margin for
      values above 2**-80; smaller ones get a scale of zero.

  Args:
    x: `float32[n]`, well scaled (see `well_scaled`).
    quantized: `float32[n]`, the values `q` that `x` is decoded to.
    scale: `float32[]`, that of `well_scaled`: `x * scale` is decoded.

  Returns:
    `float32[]`, at least 0; 0 if `quantized` is zero.
  """
  x, quantized = tf.cast(x, tf.float64), tf.cast(quantized, tf.float64)
  factor = tf.math.divide_no_nan(
    tf.reduce_sum(x * quantized), tf.reduce_sum(tf.square(quantized))
  )
  margin = 2.0**-18 + 2.0**-21 * math.sqrt(x.shape[0])
  factor = tf.cast(tf.maximum(factor, 0.0) * (1.0 - margin), tf.float32)
  return tf.where(scale < 2.0**-80, 0.0, factor)


def saturating_multiply(x: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
  """Returns `x * scale`, with `float32`'s largest values in place of Inf."""

  def multiply():
    limit = x.dtype.max
    return tf.clip_by_value(x * scale, -limit, limit)

  return tf.cond(tf.equal(scale, 1.0), lambda: x, multiply)


def power_of_two_near(peak: tf.Tensor) -> tf.Tensor:
  """Returns the largest power of two up to `peak`, in [2**-126, 2**126]."""
  # The exponent field of an IEEE float. The limits keep it and its reciprocal
  # among the normal numbers.
  peak = tf.clip_by_value(peak, 2.0**-126, 2.0**126)
  bits = tf.bitwise.bitwise_and(tf.bitcast(peak, tf.int32), 0x7F800000)
  return tf.bitcast(bits, tf.float32)
