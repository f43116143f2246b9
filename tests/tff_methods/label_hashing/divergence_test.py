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
"""Tests for divergence."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import scipy.stats

from tff_methods import label_hashing


def _clients(rng, num_classes, concentration):
  """Returns two random distributions; a low concentration separates them."""
  draws = rng.dirichlet(np.full(num_classes, concentration), size=2)
  # The theorem assumes that all classes have a positive share.
  return (draws + 1e-9) / (draws + 1e-9).sum(1, keepdims=True)


class DivergenceTest(parameterized.TestCase):
  @parameterized.product(
    num_classes=(2, 30, 500), concentration=(0.03, 0.5, 20.0)
  )
  def test_never_grows_under_hashing(self, num_classes, concentration):
    rng = np.random.default_rng(0)
    for seed in range(40):
      num_buckets = int(rng.integers(1, num_classes + 1))
      label_hash = label_hashing.LabelHash.draw(
        num_classes, 2, num_buckets, seed
      )
      first, second = _clients(rng, num_classes, concentration)
      before = label_hashing.kl_divergence(first, second)
      after = label_hashing.kl_divergence(
        label_hashing.hashed_distribution(first, label_hash),
        label_hashing.hashed_distribution(second, label_hash),
      )
      self.assertEqual(after.shape, (2,))
      self.assertLessEqual(after.max(), before * (1 + 1e-12))
      self.assertGreaterEqual(after.min(), -1e-12)
      if num_buckets < num_classes / 2:
        self.assertLess(after.max(), before)

  def test_decreases_with_fewer_buckets(self):
    rng = np.random.default_rng(0)
    first, second = _clients(rng, 300, 0.3)
    means = []
    for num_buckets in (300, 150, 50, 10, 1):
      label_hash = label_hashing.LabelHash.draw(300, 30, num_buckets, 1)
      means.append(
        label_hashing.kl_divergence(
          label_hashing.hashed_distribution(first, label_hash),
          label_hashing.hashed_distribution(second, label_hash),
        ).mean()
      )
    self.assertLess(max(np.diff(means)), 0)
    self.assertAlmostEqual(means[-1], 0.0)

  def test_unchanged_if_ratios_are_equal(self):
    # A counterexample to "strictly" in the theorem.
    label_hash = label_hashing.LabelHash.draw(50, 1, 8, 1)
    buckets = label_hash.buckets()[0]
    rng = np.random.default_rng(0)
    first = rng.random(50)
    second = first * rng.random(8)[buckets]
    before = label_hashing.kl_divergence(first, second)
    self.assertGreater(before, 0.01)
    after = label_hashing.kl_divergence(
      label_hashing.hashed_distribution(first, label_hash),
      label_hashing.hashed_distribution(second, label_hash),
    )
    np.testing.assert_allclose(after, [before], rtol=1e-12)

  def test_identity_changes_nothing(self):
    distribution = np.random.default_rng(0).random(20)
    hashed = label_hashing.hashed_distribution(
      distribution, label_hashing.LabelHash.identity(20)
    )
    np.testing.assert_array_equal(hashed, [distribution])

  def test_each_bucket_has_the_share_of_its_classes(self):
    label_hash = label_hashing.LabelHash.draw(40, 3, 6, 1)
    counts = np.random.default_rng(0).integers(9, size=40)
    hashed = label_hashing.hashed_distribution(counts, label_hash)
    self.assertEqual(hashed.shape, (3, 6))
    for r, buckets in enumerate(label_hash.buckets()):
      for bucket in range(6):
        self.assertEqual(hashed[r, bucket], counts[buckets == bucket].sum())

  def test_divergence_equals_that_of_scipy(self):
    rng = np.random.default_rng(0)
    first, second = rng.random([2, 4, 30])
    first[:, :5] = 0.0
    np.testing.assert_allclose(
      label_hashing.kl_divergence(first, second),
      scipy.stats.entropy(first, second, axis=-1),
      rtol=1e-10,
    )

  def test_zeros(self):
    kl_divergence = label_hashing.kl_divergence
    self.assertEqual(kl_divergence([1, 0], [1, 1]), np.log(2))
    self.assertEqual(kl_divergence([1, 1], [1, 0]), np.inf)
    self.assertEqual(kl_divergence([1, 0], [1, 0]), 0.0)

  def test_wrong_number_of_classes(self):
    with self.assertRaisesRegex(ValueError, r'\(20,\).*found \(19,\): give'):
      label_hashing.hashed_distribution(
        np.ones(19), label_hashing.LabelHash.identity(20)
      )


if __name__ == '__main__':
  absltest.main()
