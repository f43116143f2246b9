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

import contextlib
import os
import sqlite3
import tempfile

from absl.testing import absltest
import tensorflow as tf
import tensorflow_federated as tff

from tasks import example_database

_CLIENTS = {'b': ['x', 'y z'], 'a': ['ä']}


def _serialize(text):
  value = tf.train.BytesList(value=[text.encode()])
  feature = {'text': tf.train.Feature(bytes_list=value)}
  return tf.train.Example(
    features=tf.train.Features(feature=feature)
  ).SerializeToString()


def _query(path, query):
  with contextlib.closing(sqlite3.connect(path)) as connection:
    return list(connection.execute(query))


class WriteSplitsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def test_equals_tffs_writer(self):
    ours = os.path.join(self.dir, 'ours')
    theirs = os.path.join(self.dir, 'theirs')
    example_database.write_splits(
      ours,
      {'some': {c: map(_serialize, texts) for c, texts in _CLIENTS.items()}},
    )
    tff.simulation.datasets.save_to_sql_client_data(
      list(_CLIENTS),
      lambda c: tf.data.Dataset.from_tensor_slices({'text': _CLIENTS[c]}),
      theirs,
      split_names_by_client_id=dict.fromkeys(_CLIENTS, 'some'),
    )
    for query in [
      'SELECT * FROM examples',
      'SELECT * FROM client_metadata',
      'SELECT m.name, c.* FROM sqlite_master m, pragma_table_info(m.name) c',
    ]:
      self.assertNotEmpty(_query(ours, query))
      self.assertEqual(_query(ours, query), _query(theirs, query))

  def test_tff_reads_splits(self):
    path = os.path.join(self.dir, 'some')
    example_database.write_splits(
      path, {'train': {'a': [b'1', b'2']}, 'test': {'b': [b'3'], 'c': []}}
    )
    for split, expected in (('train', {'a': [b'1', b'2']}), ('test', None)):
      data = tff.simulation.datasets.SqlClientData(path, split)
      expected = expected or {'b': [b'3'], 'c': []}
      self.assertEqual(data.client_ids, list(expected))
      for client, examples in expected.items():
        dataset = data.create_tf_dataset_for_client(client)
        self.assertEqual(list(dataset.as_numpy_iterator()), examples)


if __name__ == '__main__':
  absltest.main()
