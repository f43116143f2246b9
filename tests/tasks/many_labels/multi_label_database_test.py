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

import os
import tempfile

from absl.testing import absltest
import numpy as np

from tasks import client_database
from tasks.many_labels import multi_label_database
from tasks.many_labels import multi_label_source

_TRAIN = [([3, 1], [0.5, 2], [4]), ([], [], [0, 2]), ([0], [-1], [])]
_TEST = [([2, 3, 4], [1, 2, 3], [0, 1, 4])]
_NUM_LABELS = 6


def _examples(rows):
  indices, values, labels = zip(*rows, strict=True)
  return multi_label_source.MultiLabelExamples(
    multi_label_source.SparseRows.from_lists(indices, values),
    multi_label_source.SparseRows.from_lists(labels),
  )


def _parse(dataset):
  (batch,) = dataset.batch(100)
  parsed = multi_label_database.parse_examples(batch)
  return list(zip(*(p.to_list() for p in parsed), strict=True))


class MultiLabelDatabaseTest(absltest.TestCase):
  def _ensure(self, train=_TRAIN, test=_TEST):
    data = multi_label_source.MultiLabelData(
      5, _NUM_LABELS, _examples(train), _examples(test)
    )
    partition = [np.array([0, 2]), *([np.array([2, 1])] * 10)]
    return client_database.ensure_database(
      self.enterContext(tempfile.TemporaryDirectory()),
      'some',
      {},
      lambda p: multi_label_database.write_database(p, data, partition),
    )

  def test_tff_reads_clients(self):
    path = self._ensure()
    train = client_database.load_train_data(path)
    self.assertEqual(train.client_ids, [f'{i:02}' for i in range(11)])
    for client, rows in (('00', [0, 2]), ('10', [2, 1])):
      self.assertEqual(
        _parse(train.create_tf_dataset_for_client(client)),
        [_TRAIN[i] for i in rows],
      )
    self.assertEqual(_parse(client_database.load_test_data(path)), _TEST)
    self.assertEqual(client_database.largest_client(path), 2)

  def test_summary_counts_each_example_once(self):
    summary = multi_label_database.load_summary(self._ensure())
    self.assertEqual(
      (summary.num_features, summary.num_examples, summary.max_labels),
      (5, 3, 3),
    )
    self.assertEqual(summary.label_counts.tolist(), [1, 0, 1, 0, 1, 0])

  def test_max_labels_is_at_least_one(self):
    nothing = [([0], [1], [])]
    summary = multi_label_database.load_summary(
      self._ensure(nothing * 3, nothing)
    )
    self.assertEqual(summary.max_labels, 1)

  def test_is_deterministic(self):
    contents = []
    for _ in range(2):
      path = self._ensure()
      self.assertNotEmpty(os.path.basename(path))
      with open(path, 'rb') as f:
        contents.append(f.read())
    self.assertEqual(*contents)


if __name__ == '__main__':
  absltest.main()
