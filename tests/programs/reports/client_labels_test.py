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
"""Tests for client_labels."""

import types

from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from programs.reports import client_labels
from tff_methods import label_hashing

_PADDING = label_hashing.PADDING


class PositivesTest(absltest.TestCase):
  def test_batches_are_joined(self):
    positives = client_labels.from_batches(
      [
        np.array([[2, 0], [_PADDING, _PADDING]]),
        np.array([[1, _PADDING, 2]]),
      ]
    )
    self.assertEqual(positives.num_examples, 3)
    found = zip(positives.examples, positives.labels, strict=True)
    self.assertCountEqual(found, [(0, 2), (0, 0), (2, 1), (2, 2)])
    np.testing.assert_array_equal(positives.counts(4), [1, 1, 2, 0])

  def test_an_example_counts_once_for_a_bucket(self):
    rng = np.random.default_rng(0)
    has_label = rng.random([40, 9]) < 0.3
    rows = [np.flatnonzero(row) for row in has_label]
    padded = np.full([40, 9], _PADDING)
    for row, labels in zip(padded, rows, strict=True):
      row[: len(labels)] = labels
    buckets = rng.integers(4, size=9)
    found = client_labels.from_batches([padded]).bucket_counts(buckets, 4)
    expected = [has_label[:, buckets == b].any(axis=1).sum() for b in range(4)]
    np.testing.assert_array_equal(found, expected)

  def test_without_examples(self):
    positives = client_labels.from_batches([])
    np.testing.assert_array_equal(positives.counts(2), [0, 0])

  def test_join_keeps_examples_apart(self):
    one = client_labels.from_batches([np.array([[0, 1], [1, _PADDING]])])
    joined = client_labels.join([one, one])
    self.assertEqual(joined.num_examples, 4)
    np.testing.assert_array_equal(joined.examples, [0, 0, 1, 2, 2, 3])
    np.testing.assert_array_equal(joined.bucket_counts(np.zeros(2, int), 1), 4)


class ReadTest(absltest.TestCase):
  def test_reads_each_client(self):
    labels = {
      'a': [[0, 2], [2, _PADDING], [_PADDING, _PADDING]],
      'b': [[3, 1], [3, 0], [2, 3]],
    }
    data = tff.simulation.datasets.TestClientData(
      {
        client: (np.zeros([3, 1], np.float32), np.array(rows, np.int32))
        for client, rows in labels.items()
      }
    )
    task = types.SimpleNamespace(
      datasets=types.SimpleNamespace(
        train_data=data, train_preprocess_fn=lambda dataset: dataset.batch(2)
      )
    )
    a, b = client_labels.read(task)
    self.assertEqual((a.num_examples, b.num_examples), (3, 3))
    np.testing.assert_array_equal(a.counts(5), [1, 0, 2, 0, 0])
    np.testing.assert_array_equal(b.counts(5), [1, 1, 1, 3, 0])


if __name__ == '__main__':
  absltest.main()
