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
"""Tests for scaled."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import update_spaces


class ScaledTest(parameterized.TestCase):
  def test_steps_of_restricted_tensors_are_longer(self):
    mask = update_spaces.RandomMask(0.5, min_elements=1)
    key, spec = tf.constant([1, 2]), tf.TensorSpec([30], tf.float32)
    gradient = tf.random.stateless_normal([30], [3, 4])

    def step(space):
      linear_map = space.for_tensor(spec).draw(key)
      return linear_map.expand(linear_map.pull_back(gradient)).numpy()

    np.testing.assert_allclose(
      step(update_spaces.Scaled(mask, 3)), 3 * step(mask), rtol=1e-6
    )
    np.testing.assert_array_equal(
      step(update_spaces.Scaled(mask, 1)), step(mask)
    )

  def test_whole_tensors_are_left_alone(self):
    mask = update_spaces.RandomMask(0.5, min_elements=100)
    spec = tf.TensorSpec([30], tf.float32)
    space = update_spaces.Scaled(mask, 3).for_tensor(spec)
    self.assertIsInstance(space, update_spaces.WholeTensor)

  @parameterized.parameters(
    (0.0, ValueError, 'found 0'),
    (float('inf'), ValueError, 'found inf'),
    ('1', TypeError, 'found str'),
  )
  def test_bad_scales_raise(self, scale, error, message):
    with self.assertRaisesRegex(error, f'step_scale.*{message}'):
      update_spaces.Scaled(update_spaces.RandomMask(0.5), scale)


if __name__ == '__main__':
  absltest.main()
