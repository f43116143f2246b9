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
"""Properties of all update spaces."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import update_spaces

_SPACES = (
  ('a_mask', update_spaces.RandomMask(0.3, min_elements=8)),
  ('most_of_a_mask', update_spaces.RandomMask(0.8, min_elements=8)),
  ('low_rank', update_spaces.LowRank(rank=2, min_elements=8)),
  (
    'orthonormal',
    update_spaces.LowRank(rank=2, left_factor='orthonormal', min_elements=8),
  ),
  (
    'scaled',
    update_spaces.Scaled(update_spaces.RandomMask(0.3, min_elements=8), 2.5),
  ),
  ('half_rank', update_spaces.LowRank(fraction=0.5, min_elements=8)),
)
_SHAPES = ([3], [40], [6, 9], [9, 6], [3, 2, 4, 8], [5, 1, 1, 7])


class LinearMapTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(*_SPACES)
  def test_expand_and_pull_back_are_adjoint(self, space):
    rng = np.random.default_rng(0)
    for shape in _SHAPES:
      tensor_space = space.for_tensor(tf.TensorSpec(shape, tf.float32))
      linear_map = tensor_space.draw(tf.constant([1, 2]))
      p = rng.normal(size=tensor_space.parameter_spec.shape)
      g = rng.normal(size=shape)
      update = linear_map.expand(tf.constant(p, tf.float32)).numpy()
      gradient = linear_map.pull_back(tf.constant(g, tf.float32)).numpy()
      self.assertEqual(update.shape, tuple(shape))
      self.assertEqual(gradient.shape, p.shape)
      self.assertAllClose(np.vdot(update, g), np.vdot(p, gradient), rtol=1e-4)

  @parameterized.named_parameters(*_SPACES)
  def test_expand_is_linear_and_injective(self, space):
    rng = np.random.default_rng(1)
    for shape in _SHAPES:
      tensor_space = space.for_tensor(tf.TensorSpec(shape, tf.float32))
      linear_map = tensor_space.draw(tf.constant([3, 4]))
      p, q = (
        tf.constant(rng.normal(size=tensor_space.parameter_spec.shape), 'float')
        for _ in range(2)
      )
      self.assertAllClose(
        linear_map.expand(2 * p - q),
        2 * linear_map.expand(p) - linear_map.expand(q),
        atol=1e-5,
      )
      columns = [
        tf.reshape(linear_map.expand(tf.reshape(e, p.shape)), [-1])
        for e in np.eye(tensor_space.num_parameters, dtype=np.float32)
      ]
      self.assertEqual(
        np.linalg.matrix_rank(np.stack(columns)), tensor_space.num_parameters
      )

  @parameterized.named_parameters(
    ('a_mask', update_spaces.RandomMask(0.3, min_elements=8), 18 / 60),
    ('most_of_a_mask', update_spaces.RandomMask(0.8, min_elements=8), 48 / 60),
    ('low_rank', update_spaces.LowRank(rank=2, min_elements=8), 1.0),
    (
      'orthonormal',
      update_spaces.LowRank(rank=2, left_factor='orthonormal', min_elements=8),
      2 / 10,
    ),
    (
      'scaled',
      update_spaces.Scaled(update_spaces.RandomMask(0.3, min_elements=8), 2.5),
      2.5 * 18 / 60,
    ),
  )
  def test_mean_of_expanded_gradients_is_a_scaled_gradient(self, space, scale):
    # Over n keys, entry (i, j) of the mean of `expand(pull_back(e_j))` has at
    # most the standard deviation 1 / sqrt(n), of a mask, or, of rank 2, that
    # of a mean of products of two signs, 1 / sqrt(2 n).
    num_keys, shape = 2000, [10, 6]
    tensor_space = space.for_tensor(tf.TensorSpec(shape, tf.float32))
    gradient = tf.random.stateless_normal(shape, [1, 2])

    def round_trip(i):
      linear_map = tensor_space.draw(tf.stack([i, i + 7]))
      return linear_map.expand(linear_map.pull_back(gradient))

    @tf.function
    def round_trips():
      return tf.map_fn(round_trip, tf.range(num_keys), tf.float32)

    results = round_trips().numpy()
    mean = results.mean(axis=0)
    limit = 5 * np.linalg.norm(gradient) / np.sqrt(num_keys)
    self.assertAllInRange(mean - scale * gradient, -limit, limit)
    # The mean is not zero, and the maps differ.
    self.assertAllClose(
      np.vdot(mean, gradient) / np.vdot(gradient, gradient), scale, atol=0.05
    )
    self.assertNotAllClose(results[0], results[1])

  @parameterized.named_parameters(*_SPACES)
  def test_same_key_same_map_other_key_other_map(self, space):
    tensor_space = space.for_tensor(tf.TensorSpec([20, 30], tf.float32))
    p = tf.ones(tensor_space.parameter_spec.shape)
    first, second, other = (
      tensor_space.draw(tf.constant(key)).expand(p).numpy()
      for key in ([5, 6], [5, 6], [5, 7])
    )
    self.assertEqual(first.tobytes(), second.tobytes())
    self.assertNotAllClose(first, other)


class MinElementsTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('random_mask', lambda n: update_spaces.RandomMask(0.5, min_elements=n)),
    ('low_rank', lambda n: update_spaces.LowRank(rank=1, min_elements=n)),
  )
  def test_smaller_tensors_are_whole(self, build):
    spec = tf.TensorSpec([4, 5], tf.float32)
    self.assertEqual(build(21).for_tensor(spec).parameter_spec, spec)
    self.assertLess(build(20).for_tensor(spec).num_parameters, 20)
    with self.assertRaisesRegex(ValueError, 'at least 0, found -1'):
      build(-1)
    with self.assertRaisesRegex(TypeError, 'to be an int, found float'):
      build(1.0)


if __name__ == '__main__':
  tf.test.main()
