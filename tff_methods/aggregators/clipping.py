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
"""Clipping of updates by their Euclidean norm."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods import options as options_lib

# Clipped values are shorter than the norm by this fraction. It exceeds the
# rounding errors of clipping, below 2**-22. Those of a `float32` sum of many
# clipped values have no useful bound; in practice they are far smaller.
MARGIN = 2.0**-16


def clip_by_norm(
  tensors: Sequence[tf.Tensor], clip: tf.Tensor
) -> tuple[list[tf.Tensor], tf.Tensor]:
  """Scales tensors so that their common Euclidean norm is at most `clip`.

  Args:
    tensors: `float32` tensors. With NaN or Inf, so is the result.
    clip: `float32[]`, above 0.

  Returns:
    `(clipped, norm)`: the scaled tensors, in exact arithmetic of a norm of at
    most `clip`, and the norm before, `float32[]`.
  """
  norm = global_norm(tensors)
  factor = clip_factor(norm, clip)
  clipped = [x * tf.cast(factor, tf.float32) for x in tensors]
  return clipped, tf.cast(norm, tf.float32)


def global_norm(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
  """Returns the common Euclidean norm of floating tensors, `float64[]`."""
  # In float64: squares of `float32` do not overflow, and rounding errors of the
  # sum stay below the margin.
  squares = [tf.reduce_sum(tf.square(tf.cast(x, tf.float64))) for x in tensors]
  return tf.sqrt(tf.add_n(squares) if squares else tf.constant(0.0, tf.float64))


def clip_factor(norm: tf.Tensor, clip: tf.Tensor) -> tf.Tensor:
  """Returns the factor by which tensors of a norm are clipped, `float64[]`.

  Args:
    norm: `float64[]`, see `global_norm`.
    clip: `float32[]`, above 0.

  Returns:
    At most 1: factor times norm is at most `clip * (1 - MARGIN)`. 0 for a norm
    that is not finite.
  """
  limit = tf.cast(clip, tf.float64) * (1.0 - MARGIN)
  factor = tf.where(norm > limit, limit / norm, tf.constant(1.0, tf.float64))
  return tf.where(tf.math.is_finite(norm), factor, tf.zeros_like(factor))


def bounding_factor(
  norm: tf.Tensor, bounds: options_lib.UpdateBounds
) -> tf.Tensor:
  """Returns the factor that keeps an update within bounds, `float64[]`.

  Args:
    norm: `float64[]`, see `global_norm`.
    bounds: The bounds.
  """
  factor = tf.cast(tf.math.is_finite(norm), tf.float64)
  if bounds.clip is not None:
    factor = clip_factor(norm, tf.constant(bounds.clip, tf.float32))
  if bounds.zero_above is not None:
    factor = tf.where(norm > bounds.zero_above, tf.zeros_like(factor), factor)
  return factor
