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
"""Hashing of many sparse features into few numbers."""

import tensorflow as tf

from tff_methods import label_hashing


class FeatureHash:
  """From features to places and signs, without a table of all features.

  Weinberger et al. (2009), "Feature Hashing for Large Scale Multitask
  Learning", equation 2: an example's number in a place is the sum of the values
  of the features that h puts there, each with its sign xi of -1 or 1. Over the
  draws of both, inner products of examples stay as they are on average.

  Where features are no more than places, each has its own, and no sign.

  Attributes:
    width: The number of places.
  """

  def __init__(self, num_features: int, width: int, seed: int = 0):
    """Draws the hash functions.

    Args:
      num_features: All features are below.
      width: The most places.
      seed: Same seed, same functions.
    """
    self.width = min(num_features, width)
    self._places = self._signs = None
    if num_features > width:
      draw = label_hashing.LabelHash.draw
      self._places = draw(num_features, 1, width, 2 * seed)
      self._signs = draw(num_features, 1, 2, 2 * seed + 1)

  def __call__(
    self, features: tf.RaggedTensor, values: tf.RaggedTensor
  ) -> tf.Tensor:
    """Hashes the features of examples.

    Args:
      features: int64 `[batch, (features)]`.
      values: float32, of the same shape.

    Returns:
      float32 `[batch, width]`.
    """
    places, numbers = features.flat_values, values.flat_values
    if self._places is not None:
      numbers *= tf.cast(2 * self._signs(places)[0] - 1, numbers.dtype)
      places = tf.cast(self._places(places)[0], places.dtype)
    rows = features.value_rowids()
    hashed = tf.scatter_nd(
      tf.stack([rows, tf.cast(places, rows.dtype)], axis=1),
      numbers,
      tf.stack([features.nrows(), tf.constant(self.width, rows.dtype)]),
    )
    return tf.ensure_shape(hashed, [None, self.width])
