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
"""Tests for estimation_error."""

from absl.testing import absltest
import numpy as np

from programs.reports import client_labels
from programs.reports import estimation_error


class MeasureTest(absltest.TestCase):
  def _measure(self, vectors, labels, num_labels, num_buckets, num_draws):
    positives = client_labels.Positives(
      len(vectors), np.arange(len(vectors)), labels
    )
    return estimation_error.measure(
      vectors, positives, num_labels, num_buckets, num_draws, seed=0
    )

  def test_error_falls_with_the_number_of_positives(self):
    rng = np.random.default_rng(0)
    vectors = rng.normal(scale=3, size=[150, 8])
    errors = self._measure(vectors, np.zeros(150, int), 1, 1, 400)
    self.assertEqual(
      [e.num_positives for e in errors], [1, 2, 4, 8, 16, 32, 64]
    )
    variance = vectors.var(axis=0).mean()
    for e in errors:
      self.assertAlmostEqual(e.bound, variance / e.num_positives)
      # 400 draws of 8 coordinates.
      self.assertAlmostEqual(e.own / e.bound, 1, delta=0.2)

  def test_the_other_labels_of_a_bucket_shift_the_mean(self):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 120)
    # Both labels are in the only bucket, with means 0 and 2.
    vectors = rng.normal(scale=0.1, size=[240, 4]) + 2 * labels[:, np.newaxis]
    errors = self._measure(vectors, labels, 2, 1, 20)
    few, many = errors[0], errors[-1]
    # One positive among 121, and 64 among 184.
    self.assertAlmostEqual(few.bucket, (2 * 120 / 121) ** 2, delta=0.1)
    self.assertAlmostEqual(many.bucket, (2 * 120 / 184) ** 2, delta=0.1)
    self.assertLess(few.own, 0.1)

  def test_without_frequent_labels(self):
    vectors = np.zeros([99, 2])
    self.assertEqual(self._measure(vectors, np.zeros(99, int), 1, 1, 2), [])


if __name__ == '__main__':
  absltest.main()
