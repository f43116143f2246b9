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
"""Clipping of updates by their Euclidean norm, on clients."""

from collections.abc import Sequence

import tensorflow as tf

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
  # In float64: squares of `float32` do not overflow, and rounding errors of the
  # sum stay below the margin.
  squares = [tf.reduce_sum(tf.square(tf.cast(x, tf.float64))) for x in tensors]
  norm = tf.sqrt(tf.add_n(squares) if squares else tf.constant(0.0, tf.float64))
  limit = tf.cast(clip, tf.float64) * (1.0 - MARGIN)
  factor = tf.where(norm > limit, limit / norm, 1.0)
  clipped = [x * tf.cast(factor, tf.float32) for x in tensors]
  return clipped, tf.cast(norm, tf.float32)
