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
"""Tests for fed_ss_privacy."""

import itertools

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from programs.reports import fed_ss_privacy


class PosteriorTest(parameterized.TestCase):
  @parameterized.parameters((2, 4), (2, 3), (3, 7), (6, 7))
  def test_matches_enumeration_of_all_requests(self, num_positives, size):
    num_classes = 7
    others = range(num_positives, num_classes)
    requests = [
      frozenset(range(num_positives)) | frozenset(negatives)
      for negatives in itertools.combinations(others, size - num_positives)
    ]
    for t in (0, 1, 2, 3):
      sizes = [
        len(frozenset(range(num_classes)).intersection(*rounds))
        for rounds in itertools.product(requests, repeat=t)
      ]
      self.assertAlmostEqual(
        fed_ss_privacy.posterior(num_positives, num_classes, size, t),
        num_positives / np.mean(sizes),
      )

  # Only the second one samples by a permutation of all classes.
  @parameterized.parameters((40, 3, 15), (12, 3, 6))
  def test_matches_simulated_requests(self, num_classes, num_positives, size):
    measured = fed_ss_privacy.measure_posterior(
      num_positives, num_classes, size, 3, num_clients=300, seed=1
    )
    self.assertEqual(measured[0], num_positives / size)
    for t in (2, 3):
      expected = fed_ss_privacy.posterior(num_positives, num_classes, size, t)
      # The number of other classes in all of t requests is nearly Poisson.
      mean = num_positives * (1 / expected - 1)
      deviation = expected**2 / num_positives * (mean / 300) ** 0.5
      self.assertLess(abs(measured[t - 1] - expected), 4 * deviation)


if __name__ == '__main__':
  absltest.main()
