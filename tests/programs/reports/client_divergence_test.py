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
"""Tests for client_divergence."""

import itertools

from absl.testing import absltest
import numpy as np
from scipy import stats

from programs.reports import client_divergence
from programs.reports import client_labels
from tff_methods import label_hashing


def _positives(examples):
  """Returns the positives of examples, each a list of labels."""
  width = max(map(len, examples))
  padded = [[*labels] + [-1] * (width - len(labels)) for labels in examples]
  return client_labels.from_batches([np.array(padded)])


def _random_clients(num_clients, num_labels, seed=0):
  rng = np.random.default_rng(seed)
  return [
    _positives(
      [
        rng.choice(num_labels, rng.integers(1, 4), replace=False).tolist()
        for _ in range(rng.integers(20, 40))
      ]
    )
    for _ in range(num_clients)
  ]


class MeasureTest(absltest.TestCase):
  def test_is_the_mean_over_pairs_and_tables(self):
    clients = _random_clients(3, 11)
    found = client_divergence.measure(clients, 11, 4, num_tables=5, seed=7)
    counts = [1 + c.counts(11) for c in clients]
    buckets = label_hashing.LabelHash.draw(11, 5, 4, 7).buckets()
    means, ratios = [], []
    for table in buckets:
      values = []
      for i, j in itertools.permutations(range(3), 2):
        hashed = [
          [counts[k][table == b].sum() for b in range(4)] for k in (i, j)
        ]
        values.append(stats.entropy(*hashed))
        ratios.append(values[-1] / stats.entropy(counts[i], counts[j]))
      means.append(np.mean(values))
    self.assertEqual(found.num_buckets, 4)
    self.assertAlmostEqual(found.mean, np.mean(means))
    self.assertAlmostEqual(found.deviation, np.std(means, ddof=1))
    self.assertAlmostEqual(found.largest_ratio, max(ratios))
    self.assertLess(found.largest_ratio, 1)

  def test_equal_clients_have_no_divergence(self):
    clients = 2 * [_positives([[0, 2], [1], [1]])]
    found = client_divergence.measure(clients, 3, 2, num_tables=1, seed=0)
    self.assertEqual(found[1:], (0.0, 0.0, 0.0, 0.0))

  def test_divergence_of_labels_never_grows(self):
    for seed in range(20):
      clients = _random_clients(2, 30, seed)
      found = client_divergence.measure(clients, 30, 5, num_tables=4, seed=seed)
      self.assertLessEqual(found.largest_ratio, 1)

  def test_unions_can_diverge_where_labels_do_not(self):
    # Both clients have ten positives of each label. Labels 0 and 1 occur
    # together on the first client, apart on the second.
    together = _positives(10 * [[0, 1]] + 10 * [[2]])
    apart = _positives(10 * [[0], [1], [2]])
    tables = label_hashing.LabelHash.draw(3, 8, 2, 0).buckets()
    is_shared = (tables[:, 0] == tables[:, 1]) & (tables[:, 0] != tables[:, 2])
    self.assertTrue(is_shared.any())
    found = client_divergence.measure(
      [together, apart], 3, 2, num_tables=8, seed=0
    )
    self.assertEqual(found.mean, 0)
    self.assertGreater(found.of_unions, 0)


if __name__ == '__main__':
  absltest.main()
