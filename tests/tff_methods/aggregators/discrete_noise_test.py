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

from tff_methods.aggregators import discrete_noise
from tff_methods.common import seeds


class DiscreteGaussianTest(parameterized.TestCase):
  @parameterized.parameters(0.6, 1.0, 7.3)
  def test_frequencies_are_those_of_the_distribution(self, stddev):
    num_samples = 200_000
    sampler = discrete_noise.DiscreteGaussian(stddev)
    x = sampler.sample(tf.constant(seeds.key(5)), num_samples).numpy()
    support = np.arange(-100, 101)
    expected = np.exp(-(support**2) / (2 * stddev**2))
    expected *= num_samples / expected.sum()
    found = (x[:, None] == support).sum(axis=0)
    self.assertEqual(found.sum(), num_samples)
    # Each count is nearly Poisson: five standard deviations.
    np.testing.assert_array_less(
      np.abs(found - expected), 5 * np.sqrt(expected) + 1
    )

  def test_samples_are_independent(self):
    sampler = discrete_noise.DiscreteGaussian(50.0)
    x = [
      sampler.sample(tf.constant(seeds.key(i)), 20_000).numpy()
      for i in range(2)
    ]
    self.assertAlmostEqual(np.std(x[0]), 50.0, delta=1.5)
    for a, b in ((x[0], x[1]), (x[0][1:], x[0][:-1])):
      self.assertLess(abs(np.corrcoef(a, b)[0, 1]), 0.04)

  def test_distance_is_that_of_the_table(self):
    sampler = discrete_noise.DiscreteGaussian(3.0)
    boundaries = [0, *map(int, sampler._cumulative), 2**62]
    found = np.diff(np.array(boundaries, object)).astype(np.longdouble)
    found /= np.longdouble(2) ** 62
    support = np.arange(len(found)) - len(found) // 2
    expected = np.exp(-(np.longdouble(support) ** 2) / 18)
    expected /= expected.sum()
    distance = np.abs(found - expected).sum() / 2
    self.assertLess(distance, sampler.total_variation)
    self.assertGreater(distance, 0.0)
    self.assertLess(sampler.total_variation, 1e-17)

  def test_large_deviations_raise(self):
    with self.assertRaisesRegex(ValueError, 'at most 10,000 .* lower bits'):
      discrete_noise.DiscreteGaussian(10_001.0)


class RoundWithinTest(parameterized.TestCase):
  def test_is_unbiased(self):
    y = np.float32([0.25, -0.25, 3.9, -7.0, 0.0])
    total = sum(
      discrete_noise.round_within(
        tf.constant(y), 1000, tf.constant(seeds.key(i))
      ).numpy()
      for i in range(1000)
    )
    np.testing.assert_allclose(total / 1000, y, atol=0.08)

  @parameterized.parameters(0.01, 0.7, 30.0, 1e4)
  def test_norm_never_exceeds_the_bound(self, scale):
    rng = np.random.default_rng(0)
    num_dropped = 0
    for i in range(200):
      y = np.float32(scale * rng.standard_t(2, size=50))
      norm = np.linalg.norm(y) * rng.choice([0.5, 0.9, 1.0])
      bound = discrete_noise.rounded_norm_bound(norm, 50)
      rounded = discrete_noise.round_within(
        tf.constant(y), bound, tf.constant(seeds.key(i))
      ).numpy()
      self.assertLessEqual((rounded.astype(object) ** 2).sum(), bound)
      num_dropped += not rounded.any()
    if scale > 1.0:  # Half of the norm, or 0.9 of it, is not enough.
      self.assertBetween(num_dropped, 30, 190)

  def test_falls_back_to_rounding_towards_zero(self):
    y = np.float32([1.5, -1.5, 0.5, 2.0])
    truncated = [1, -1, 0, 2]
    rounded = discrete_noise.round_within(
      tf.constant(y), 6, tf.constant(seeds.key(0))
    )
    np.testing.assert_array_equal(rounded, truncated)

  def test_bound_holds_for_most_vectors(self):
    rng = np.random.default_rng(0)
    y = np.float32(rng.normal(size=300))
    bound = discrete_noise.rounded_norm_bound(np.linalg.norm(y), 300)
    self.assertLess(bound, 1.7 * (np.linalg.norm(y) ** 2 + 75))
    for i in range(300):
      rounded = discrete_noise.round_within(
        tf.constant(y), bound, tf.constant(seeds.key(i))
      ).numpy()
      self.assertTrue(np.abs(rounded - np.trunc(y)).any())


if __name__ == '__main__':
  absltest.main()
