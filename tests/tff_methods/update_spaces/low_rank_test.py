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
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import update_spaces


def _for_tensor(shape, **kwargs):
  space = update_spaces.LowRank(min_elements=1, **kwargs)
  return space.for_tensor(tf.TensorSpec(shape, tf.float32))


class LowRankTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('matrix', [40, 30], 3, (40, 30)),
    ('wide', [30, 50], 7, (30, 50)),
    # Kernel: height, width, in, out.
    ('convolution', [3, 3, 4, 16], 5, (36, 16)),
    ('one_dimensional_convolution', [3, 4, 16], 5, (12, 16)),
  )
  def test_updates_have_the_rank(self, shape, rank, matrix_shape):
    space = _for_tensor(shape, rank=rank)
    self.assertEqual(
      space.parameter_spec.shape.as_list(), [rank, matrix_shape[1]]
    )
    parameters = tf.random.stateless_normal([rank, matrix_shape[1]], [1, 2])
    update = space.draw(tf.constant([1, 2])).expand(parameters)
    matrix = update.numpy().reshape(matrix_shape)
    self.assertEqual(np.linalg.matrix_rank(matrix), rank)

  @parameterized.named_parameters(
    ('quarter', 0.25, 8), ('rounded', 0.07, 2), ('at_least_one', 0.001, 1)
  )
  def test_fraction_is_of_the_smaller_dimension(self, fraction, rank):
    for shape in ([32, 50], [50, 32], [5, 10, 32]):
      space = _for_tensor(shape, fraction=fraction)
      self.assertEqual(space.parameter_spec.shape[0], rank)

  def test_left_factor_has_expected_square_one(self):
    space = _for_tensor([200, 100], rank=50)
    linear_map = space.draw(tf.constant([3, 4]))
    left = linear_map.expand(tf.eye(50, 100)).numpy()[:, :50]
    square = left @ left.T
    self.assertAllClose(np.diag(square), np.ones(200), atol=1e-5)
    # Means of 50 products of signs, 39,800 of them (half of them twice).
    others = square[~np.eye(200, dtype=bool)]
    self.assertAllClose(others.mean(), 0, atol=5 * 0.02**0.5 / 19900**0.5)
    self.assertAllClose(others.var(), 0.02, rtol=0.05)

  def test_orthonormal_left_factor_is_a_projection(self):
    space = _for_tensor([60, 20], rank=5, left_factor='orthonormal')
    linear_map = space.draw(tf.constant([3, 4]))
    gradient = tf.random.stateless_normal([60, 20], [1, 2])
    once = linear_map.expand(linear_map.pull_back(gradient))
    twice = linear_map.expand(linear_map.pull_back(once))
    self.assertAllClose(once, twice, atol=1e-5)
    # Parameters, and their updates, are of the same length.
    parameters = tf.random.stateless_normal([5, 20], [5, 6])
    update = linear_map.expand(parameters)
    self.assertAllClose(tf.norm(update), tf.norm(parameters), rtol=1e-5)

  def test_orthonormal_columns_are_uniform(self):
    # Each entry of a uniform direction in n dimensions has mean 0, variance
    # 1 / n and fourth moment 3 / (n (n + 2)).
    n, num_keys = 8, 4000
    space = _for_tensor([n, 9], rank=1, left_factor='orthonormal')
    draw = tf.function(lambda key: space.draw(key).expand(tf.eye(1, 9))[:, 0])
    keys = np.arange(2 * num_keys, dtype=np.int32).reshape(num_keys, 2)
    columns = np.stack([draw(tf.constant(key)).numpy() for key in keys])
    deviation = 5 / num_keys**0.5
    self.assertAllClose(
      columns.mean(axis=0), np.zeros(n), atol=deviation / n**0.5
    )
    self.assertAllClose(
      (columns**2).mean(axis=0), np.full(n, 1 / n), atol=deviation * 1.5 / n
    )
    self.assertAllClose((columns**4).mean(), 3 / (n * (n + 2)), rtol=0.05)

  @parameterized.named_parameters(
    ('rank', [8, 100], {'rank': 8}),
    ('fraction', [8, 100], {'fraction': 1.0}),
    ('of_a_row', [1, 100], {'rank': 1}),
  )
  def test_unrestricted_tensors_are_whole(self, shape, kwargs):
    with self.assertLogs(level='WARNING') as logs:
      space = _for_tensor(shape, **kwargs)
    self.assertIsInstance(space, update_spaces.WholeTensor)
    self.assertIn('trained and sent whole: rank', logs.output[0])

  def test_vectors_are_whole(self):
    self.assertIsInstance(
      _for_tensor([1000], rank=1), update_spaces.WholeTensor
    )

  @parameterized.named_parameters(
    ('neither', {}, ValueError, 'either rank or fraction, found rank=None'),
    ('both', {'rank': 1, 'fraction': 0.5}, ValueError, 'either rank or'),
    ('rank', {'rank': 0}, ValueError, 'rank of at least 1, found 0'),
    ('bool', {'rank': True}, TypeError, 'rank to be an int, found bool'),
    ('float', {'rank': 2.0}, TypeError, 'rank to be an int, found float'),
    (
      'left_factor',
      {'rank': 1, 'left_factor': 'normal'},
      ValueError,
      "left_factor to be .*'orthonormal'.* found 'normal'",
    ),
    ('fraction', {'fraction': 1.1}, ValueError, r'fraction in \(0, 1\]'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      update_spaces.LowRank(**kwargs)


if __name__ == '__main__':
  tf.test.main()
