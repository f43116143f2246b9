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
from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.aggregators import clipping


def _norm(tensors):
  return np.sqrt(
    sum((np.asarray(x).astype(np.longdouble) ** 2).sum() for x in tensors)
  )


class ClipByNormTest(parameterized.TestCase):
  @parameterized.parameters(1e-30, 1e-3, 1.0, 1e3, 1e30)
  def test_norm_is_at_most_the_limit(self, scale):
    rng = np.random.default_rng(0)
    for clip in np.float32([1e-3, 0.1, 5.0]):
      for _ in range(100):
        tensors = [
          np.float32(scale * rng.standard_t(2, size=s)) for s in ([40, 3], [9])
        ]
        clipped, norm = clipping.clip_by_norm(
          [tf.constant(x) for x in tensors], tf.constant(clip)
        )
        self.assertLessEqual(_norm(clipped), clip)
        np.testing.assert_allclose(norm, float(_norm(tensors)), rtol=1e-6)
        expected = min(1.0, clip / _norm(tensors))
        for x, y in zip(tensors, clipped, strict=True):
          np.testing.assert_allclose(
            y, x * np.float64(expected), rtol=1e-4, atol=1e-37
          )

  def test_short_values_are_unchanged(self):
    x = tf.constant([0.3, -0.4])
    (clipped,), norm = clipping.clip_by_norm([x], tf.constant(0.6))
    np.testing.assert_array_equal(clipped, x)
    self.assertAlmostEqual(float(norm), 0.5, places=6)

  def test_zeros_and_nothing(self):
    (clipped,), norm = clipping.clip_by_norm([tf.zeros([3])], tf.constant(1.0))
    np.testing.assert_array_equal(clipped, np.zeros(3))
    self.assertEqual(norm, 0.0)
    self.assertEqual(clipping.clip_by_norm([], tf.constant(1.0))[0], [])


class BoundingFactorTest(parameterized.TestCase):
  @parameterized.parameters(
    ({'clip': 2.0}, 1.0, 1.0),
    ({'clip': 2.0}, 8.0, 0.25),
    ({'zero_above': 2.0}, 1.9, 1.0),
    ({'zero_above': 2.0}, 2.1, 0.0),
    ({'clip': 2.0, 'zero_above': 10.0}, 4.0, 0.5),
    ({'clip': 2.0, 'zero_above': 10.0}, 11.0, 0.0),
    *(
      (bounds, norm, 0.0)
      for bounds in ({'clip': 2.0}, {'zero_above': 10.0})
      for norm in (np.inf, np.nan)
    ),
  )
  def test_factor(self, bounds, norm, expected):
    factor = clipping.bounding_factor(
      tf.constant(norm, tf.float64), options_lib.UpdateBounds(**bounds)
    )
    self.assertAlmostEqual(float(factor), expected, places=4)
    self.assertLessEqual(float(factor), expected)


if __name__ == '__main__':
  absltest.main()
