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
"""Tests for bag_database."""

import os
import tempfile

import tensorflow as tf

from tasks import client_database
from tasks.bags import bag_database
from tasks.bags import bag_sources


class BagDatabaseTest(tf.test.TestCase):
  def test_round_trip(self):
    directory = self.enterContext(tempfile.TemporaryDirectory())
    path = os.path.join(directory, 'bags.sqlite')
    bag_database.write_database(
      path,
      bag_sources.Bags(
        7,
        ['Björk', 'a b'],
        {'ann': [([3, 1], 1), ([], 0)], 'bob': [([6], 1)]},
        [([2], 0)],
      ),
    )
    self.assertEqual(bag_database.load_summary(path), (7, ('Björk', 'a b')))
    data = client_database.load_train_data(path)
    self.assertEqual(data.client_ids, ['ann', 'bob'])
    (batch,) = data.create_tf_dataset_for_client('ann').batch(3)
    ids, items = bag_database.parse_examples(batch)
    self.assertEqual(ids.to_list(), [[3, 1], []])
    self.assertAllEqual(items, [1, 0])
    self.assertLen(list(client_database.load_test_data(path)), 1)


if __name__ == '__main__':
  tf.test.main()
