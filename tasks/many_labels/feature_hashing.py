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
"""Feature hashing: many sparse features to a short dense vector."""

import tensorflow as tf

from tff_methods import label_hashing

_PADDING = -1


class FeatureHash:
  """Hash of features to positions and signs, without a table of all features.

  Weinberger et al. (2009), "Feature Hashing for Large Scale Multitask
  Learning", equation 2: coordinate i of an example is the sum of the values of
  the features j with h(j) = i, each times its sign xi(j) of -1 or 1. The inner
  product of two examples is unbiased over the draws of h and xi.

  If there are no more features than coordinates, each feature has its own
  coordinate, and no sign.

  Attributes:
    width: Number of coordinates.
  """

  def __init__(self, num_features: int, width: int, seed: int = 0) -> None:
    """Draws the hash functions.

    Args:
      num_features: Number of features.
      width: Largest number of coordinates.
      seed: Seed of the hash functions.
    """
    self.width = min(num_features, width)
    self._num_features = num_features
    self._hashes = None
    if num_features > width:
      draw = label_hashing.LabelHash.draw
      self._hashes = (
        draw(num_features, 1, width, 2 * seed),
        draw(num_features, 1, 2, 2 * seed + 1),
      )

  def __call__(
    self, features: tf.RaggedTensor, values: tf.RaggedTensor
  ) -> tf.Tensor:
    """Hashes the features of a batch of examples.

    Args:
      features: int64 `[batch, (features)]`.
      values: float32, of the same shape.

    Returns:
      float32 `[batch, width]`.
    """
    positions, numbers = features.flat_values, values.flat_values
    if self._hashes is not None:
      position_hash, sign_hash = self._hashes
      numbers *= tf.cast(2 * sign_hash(positions)[0] - 1, numbers.dtype)
      positions = tf.cast(position_hash(positions)[0], positions.dtype)
    rows = features.value_rowids()
    hashed = tf.scatter_nd(
      tf.stack([rows, tf.cast(positions, rows.dtype)], axis=1),
      numbers,
      tf.stack([features.nrows(), tf.constant(self.width, rows.dtype)]),
    )
    return tf.ensure_shape(hashed, [None, self.width])

  def hash_padded(self, features: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Hashes features of padded examples.

    Args:
      features: int64 `[batch, n]`, in any order, padded by -1.
      values: float32, of the same shape.

    Returns:
      float32 `[batch, width]`.

    Raises:
      InvalidArgumentError: If the shapes differ, or a number is no feature.
    """
    of_one_shape = tf.debugging.assert_equal(
      tf.shape(features),
      tf.shape(values),
      'Expected features and values of one shape; pad features by -1.',
    )
    in_range = tf.debugging.Assert(
      tf.reduce_all((features >= _PADDING) & (features < self._num_features)),
      [
        f'Expected features from 0 to {self._num_features - 1}, or -1 as '
        'padding, found others; correct them.'
      ],
    )
    with tf.control_dependencies([of_one_shape, in_range]):
      is_feature = tf.not_equal(features, _PADDING)
    return self(
      tf.ragged.boolean_mask(features, is_feature),
      tf.ragged.boolean_mask(values, is_feature),
    )
