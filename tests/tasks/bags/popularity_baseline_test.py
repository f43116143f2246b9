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
"""Tests for popularity_baseline."""

import math

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tasks.bags import bag_models
from tasks.bags import popularity_baseline


def _batch(bags, items):
  return (
    bag_models.bag_inputs(tf.ragged.constant(bags, tf.int64).to_tensor(-1)),
    tf.constant(items, tf.int32),
  )


class PopularityBaselineTest(parameterized.TestCase):
  # The ranks of the held-out items are 1, 11 and 56, or without the items of
  # their bags 1, 10 and 55.
  @parameterized.parameters((False, 11), (True, 10))
  def test_metrics(self, is_item, second_rank):
    # Item i has 60 - i examples, in two batches.
    items = np.repeat(np.arange(60), 60 - np.arange(60))
    train = [
      _batch([[0]] * len(part), part) for part in (items[::2], items[1::2])
    ]
    test = [_batch([[59], [0, 30]], [0, 10]), _batch([[1]], [55])]
    found = popularity_baseline.metrics(train, test, 60, is_item=is_item)
    gains = [1.0, 1 / math.log2(1 + second_rank), 0.0]
    expected = {
      'popularity_recall_at_5': 1 / 3,
      'popularity_recall_at_10': (1 + (second_rank <= 10)) / 3,
      'popularity_recall_at_50': 2 / 3,
      'popularity_ndcg_at_50': sum(gains) / 3,
    }
    self.assertEqual(set(found), set(expected))
    for name, value in expected.items():
      self.assertAlmostEqual(found[name], value, places=6)


if __name__ == '__main__':
  absltest.main()
