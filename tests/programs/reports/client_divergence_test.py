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
import types

from absl.testing import absltest
import numpy as np
from scipy import stats
import tensorflow_federated as tff

from programs.reports import client_divergence
from tff_methods import label_hashing


def _measure(counts, *args, **kwargs):
  label_divergences = client_divergence.pairwise_divergences(counts)
  return client_divergence.measure(counts, label_divergences, *args, **kwargs)


class MeasureTest(absltest.TestCase):
  def test_is_the_mean_over_pairs_and_tables(self):
    counts = np.random.default_rng(0).integers(1, 21, size=[3, 11])
    found = _measure(counts, 4, num_tables=5, seed=7)
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
    counts = np.array([[2, 6, 1], [2, 6, 1]])
    found = _measure(counts, 2, num_tables=1, seed=0)
    self.assertEqual(found[1:], (0.0, 0.0, 0.0))


class CountLabelsTest(absltest.TestCase):
  def test_counts_the_positives_of_each_client(self):
    padding = label_hashing.PADDING
    labels = {
      'a': [[0, 2], [2, padding], [padding, padding]],
      'b': [[3, 1], [3, 0], [2, 3]],
    }
    data = tff.simulation.datasets.TestClientData(
      {
        client: (np.zeros([3, 1], np.float32), np.array(rows, np.int32))
        for client, rows in labels.items()
      }
    )
    task = types.SimpleNamespace(
      num_labels=5,
      datasets=types.SimpleNamespace(
        train_data=data, train_preprocess_fn=lambda dataset: dataset.batch(2)
      ),
    )
    np.testing.assert_array_equal(
      client_divergence.count_labels(task), [[1, 0, 2, 0, 0], [1, 1, 1, 3, 0]]
    )


if __name__ == '__main__':
  absltest.main()
