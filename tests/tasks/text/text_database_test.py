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

from tasks import client_database
from tasks.text import text_database
from tasks.text import text_sources

_TEXTS = text_sources.Texts(
  train={
    'bob': [['ä', 'b'], ['b'], ['c', 'b', 'ä']],
    'test': [['d']],  # A user with the name of a split.
    '[ann]-/': [['c']],
  },
  test=[[f't{i}'] for i in range(7)],
)


def _sentences(dataset):
  return [
    sentence.decode()
    for batch in dataset.batch(2)
    for sentence in text_database.parse_sentences(batch).numpy()
  ]


class TextDatabaseTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def _ensure(self, num_test_sentences=10):
    return client_database.ensure_database(
      self.dir,
      'some',
      {'num_test_sentences': num_test_sentences},
      lambda p: text_database.write_database(p, _TEXTS, num_test_sentences),
    )

  def test_tff_reads_clients(self):
    path = self._ensure()
    train = client_database.load_train_data(path)
    self.assertCountEqual(train.client_ids, _TEXTS.train)
    for client_id, sentences in _TEXTS.train.items():
      self.assertEqual(
        _sentences(train.create_tf_dataset_for_client(client_id)),
        [' '.join(sentence) for sentence in sentences],
      )
    self.assertEqual(client_database.largest_client(path), 3)
    # The cached file is intact, so it is not rebuilt.
    self.assertEqual(self._ensure(), path)
    self.assertLen(os.listdir(self.dir), 1)

  def test_words_are_sorted_by_frequency(self):
    self.assertEqual(
      text_database.load_words(self._ensure()), ['b', 'c', 'ä', 'd']
    )

  def test_test_sentences_are_evenly_spaced(self):
    for number, expected in [(10, '0123456'), (7, '0123456'), (3, '036')]:
      test = client_database.load_test_data(self._ensure(number))
      self.assertEqual(_sentences(test), [f't{i}' for i in expected])
    test = client_database.load_test_data(self._ensure(4))
    self.assertEqual(_sentences(test), ['t0', 't2', 't4', 't6'])

  def test_equals_tffs_writer(self):
    ours = os.path.join(self.dir, 'ours')
    theirs = os.path.join(self.dir, 'theirs')
    text_database.write_database(ours, _TEXTS, 10)
    clients = {k: v for k, v in _TEXTS.train.items() if k != 'test'}
    tff.simulation.datasets.save_to_sql_client_data(
      list(clients),
      lambda c: tf.data.Dataset.from_tensor_slices(
        {'tokens': [' '.join(sentence) for sentence in clients[c]]}
      ),
      theirs,
      split_names_by_client_id=dict.fromkeys(clients, 'train'),
    )
    for query in [
      "SELECT * FROM examples WHERE split_name = 'train' "
      "AND client_id <> 'test'",
      "SELECT * FROM client_metadata WHERE split_name = 'train' "
      "AND client_id <> 'test'",
      'SELECT m.name, c.* FROM sqlite_master m, pragma_table_info(m.name) c',
    ]:
      self.assertEqual(_query(ours, query), _query(theirs, query))
      self.assertNotEmpty(_query(ours, query))


def _query(path, query):
  with contextlib.closing(sqlite3.connect(path)) as connection:
    return list(connection.execute(query))


if __name__ == '__main__':
  absltest.main()
