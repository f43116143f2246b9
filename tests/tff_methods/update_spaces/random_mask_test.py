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
import scipy.stats
import tensorflow as tf

from tff_methods import update_spaces
from tff_methods.common import seeds


def _masks(fraction, length, num_keys):
  """Returns `bool[num_keys, length]`: the masks of several keys."""
  space = update_spaces.RandomMask(fraction).for_tensor(
    tf.TensorSpec([length], tf.float32)
  )

  def mask(i):
    key = seeds.fold_in(tf.constant([8, 9]), i)
    return space.draw(key).expand(tf.ones(space.parameter_spec.shape))

  @tf.function
  def draw():
    return tf.map_fn(mask, tf.range(num_keys), tf.float32)

  masks = draw().numpy()
  assert set(np.unique(masks)) <= {0.0, 1.0}
  return masks > 0


class RandomMaskTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    fraction=[0.001, 0.0625, 0.25, 0.3, 0.5, 0.75, 0.999],
    length=[256, 1000, 1021],
  )
  def test_chooses_exactly_the_fraction(self, fraction, length):
    masks = _masks(fraction, length, 3)
    expected = max(1, round(fraction * length))
    self.assertAllEqual(masks.sum(axis=1), [expected] * 3)

  @parameterized.parameters(0.0625, 0.3, 0.75)
  def test_all_coordinates_are_equally_likely(self, fraction):
    num_keys, length = 4000, 256
    counts = _masks(fraction, length, num_keys).sum(axis=0)
    # One of 256 counts is outside with probability 1e-4.
    low, high = scipy.stats.binom.interval(
      1 - 1e-4 / length, num_keys, round(fraction * length) / length
    )
    self.assertAllInRange(counts, low, high)

  @parameterized.parameters(0.0625, 0.3, 0.75)
  def test_masks_of_two_keys_are_independent(self, fraction):
    length = 1000
    masks = _masks(fraction, length, 60)
    overlaps = (masks[::2] & masks[1::2]).sum(axis=1)
    num_chosen = round(fraction * length)
    # The overlap of independent masks has this mean, and at most the variance
    # of a binomial variable.
    low, high = scipy.stats.binom.interval(
      1 - 1e-4 / len(overlaps), num_chosen, num_chosen / length
    )
    self.assertAllInRange(overlaps, low, high)
    self.assertAllClose(
      overlaps.mean(), num_chosen**2 / length, rtol=0, atol=0.04 * num_chosen
    )

  def test_parameters_are_values_of_the_update(self):
    space = update_spaces.RandomMask(0.25).for_tensor(
      tf.TensorSpec([20, 20], tf.float32)
    )
    linear_map = space.draw(tf.constant([1, 2]))
    parameters = tf.range(1.0, 101.0)
    update = linear_map.expand(parameters)
    self.assertCountEqual(update.numpy()[update != 0], parameters.numpy())
    self.assertAllEqual(linear_map.pull_back(update), parameters)

  def test_fraction_of_one_is_the_whole_tensor(self):
    spec = tf.TensorSpec([20, 20], tf.float32)
    space = update_spaces.RandomMask(1.0).for_tensor(spec)
    self.assertIsInstance(space, update_spaces.WholeTensor)

  @parameterized.parameters(0.0, -0.1, 1.5)
  def test_fractions_out_of_range_raise(self, fraction):
    with self.assertRaisesRegex(ValueError, r'fraction in \(0, 1\], found'):
      update_spaces.RandomMask(fraction)


if __name__ == '__main__':
  tf.test.main()
