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
"""Tests for bucket_positives."""

from absl.testing import absltest
import numpy as np

from programs.reports import bucket_positives
from programs.reports import client_labels


def _draw(rng, num_examples, shares):
  """Returns examples whose labels are independent."""
  has_label = rng.random([num_examples, len(shares)]) < shares
  examples, labels = np.nonzero(has_label)
  return client_labels.Positives(num_examples, examples, labels)


class BoundsTest(absltest.TestCase):
  def test_lemma_1_for_independent_labels(self):
    rng = np.random.default_rng(0)
    shares = np.array([0.2, 0.1, 0.02, 0.3, 0.05, 0.15])
    num_examples, num_buckets, num_draws = 200, 4, 3_000
    own = num_examples * shares
    found = np.zeros([num_draws, 6])
    for row in found:
      positives = _draw(rng, num_examples, shares)
      # Truly uniform hash functions, as the lemma assumes.
      buckets = rng.integers(num_buckets, size=6)
      row[:] = positives.bucket_counts(buckets, num_buckets)[buckets]
    # The bound holds of the expected numbers of positives.
    arguments = own, own.sum(), num_buckets
    bound = bucket_positives.lower_bound(*arguments, num_examples)
    sums = bucket_positives.expected_sum(*arguments)
    error = 5 * found.std(axis=0) / num_draws**0.5
    self.assertTrue(np.all(found.mean(axis=0) > bound - error))
    self.assertTrue(np.all(found.mean(axis=0) < sums + error))
    # It is not far off: other labels are counted.
    self.assertTrue(np.all(bound - own > 0.6 * (sums - own)))

  def test_labels_that_occur_together_violate_it(self):
    examples = np.repeat(np.arange(50), 8)
    labels = np.tile(np.arange(8), 50)
    positives = client_labels.Positives(1_000, examples, labels)
    (group,) = bucket_positives.measure(positives, 8, 2, 20, 0)
    self.assertEqual(group.found, 50)
    self.assertGreater(group.bound, 200)


class MeasureTest(absltest.TestCase):
  def test_groups_of_labels(self):
    # Labels 0 and 1 have one positive each, label 2 has five, label 3 none.
    positives = client_labels.Positives(
      7, np.arange(7), np.array([0, 1, 2, 2, 2, 2, 2])
    )
    rare, frequent = bucket_positives.measure(positives, 4, 1, 3, 0)
    # All examples are in the only bucket.
    self.assertEqual((rare.num_labels, rare.own, rare.found), (2, 1, 7))
    self.assertEqual((frequent.own, frequent.found), (5, 7))
    self.assertEqual((rare.sums, frequent.sums), (7, 7))


if __name__ == '__main__':
  absltest.main()
