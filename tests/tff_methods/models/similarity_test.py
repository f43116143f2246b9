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
"""Tests for similarity."""

import math

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import models

_RNG = np.random.default_rng(0)
_EMBEDDINGS = _RNG.normal(size=[2, 3, 4]).astype(np.float32)
_ROWS = _RNG.normal(size=[5, 4]).astype(np.float32)


class SimilarityTest(parameterized.TestCase, tf.test.TestCase):
  def test_dot_product_of_each_pair(self):
    scores = models.DotProduct()(_EMBEDDINGS, _ROWS)
    self.assertEqual(scores.shape, [2, 3, 5])
    for index in np.ndindex(2, 3, 5):
      expected = np.dot(_EMBEDDINGS[index[:2]], _ROWS[index[2]])
      self.assertNear(scores[index], expected, 1e-5)

  def test_scaled_cosine_is_the_cosine_of_the_angle(self):
    # Angles of 0, 90, 180 and 45 degrees, at any length.
    embeddings = np.float32([[3.0, 0.0]])
    rows = np.float32([[0.1, 0.0], [0.0, 7.0], [-2.0, 0.0], [5.0, 5.0]])
    scores = models.ScaledCosine(10.0)(embeddings, rows)
    expected = [[10.0, 0.0, -10.0, 10.0 * math.sqrt(0.5)]]
    self.assertAllClose(scores, expected)

  def test_scaled_cosine_equals_that_of_keras(self):
    scores = models.ScaledCosine()(_EMBEDDINGS, _ROWS)
    expected = 20.0 * tf.keras.layers.Dot(axes=-1, normalize=True)(
      [_EMBEDDINGS.reshape([1, 6, 4]), _ROWS[np.newaxis]]
    )
    self.assertAllClose(scores, tf.reshape(expected, [2, 3, 5]), atol=1e-5)

  def test_zero_row_has_a_finite_gradient(self):
    rows = tf.zeros([1, 4])
    with tf.GradientTape() as tape:
      tape.watch(rows)
      scores = models.ScaledCosine()(_EMBEDDINGS, rows)
    self.assertAllEqual(scores, np.zeros([2, 3, 1]))
    self.assertTrue(np.isfinite(tape.gradient(scores, rows)).all())

  @parameterized.parameters(0.0, -1.0, math.inf, math.nan)
  def test_wrong_scale(self, scale):
    with self.assertRaisesRegex(
      ValueError, f'scale to be positive and finite, found {scale}'
    ):
      models.ScaledCosine(scale)


if __name__ == '__main__':
  tf.test.main()
