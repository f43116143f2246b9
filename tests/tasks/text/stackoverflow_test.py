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

import io
import lzma
import os
import tempfile
from unittest import mock
import urllib.error
import urllib.request

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks

_SENTENCES = {
  'train': {'1': ['how to sort', 'thanks .'], '2': ['how are you ?']},
  'heldout': {
    str(user): [f'how {i} u{user}' for i in range(user)] for user in (11, 3, 4)
  },
  'test': {'7': ['never read']},
}
_WORDS = {'how': 9, '.': 5, 'to': 5, 'sort': 2, 'u3': 1}
_OPTIONS = tasks.TaskOptions(vocab_size=4)


def _write_files(directory):
  """Writes both files in the formats of TFF."""
  clients = {
    client: (split, sentences)
    for split, users in _SENTENCES.items()
    for client, sentences in users.items()
  }

  def dataset(client):
    sentences = clients[client][1]
    columns = dict.fromkeys(
      ['creation_date', 'tags', 'title', 'type'], [''] * len(sentences)
    )
    return tf.data.Dataset.from_tensor_slices(
      columns | {'score': [0] * len(sentences), 'tokens': sentences}
    )

  path = os.path.join(directory, 'stackoverflow.sqlite')
  tff.simulation.datasets.save_to_sql_client_data(
    list(clients),
    dataset,
    path,
    split_names_by_client_id={c: split for c, (split, _) in clients.items()},
  )
  _write_words(directory)
  with open(path, 'rb') as f:
    return f.read()


def _write_words(directory):
  with open(os.path.join(directory, 'stackoverflow.word_count'), 'w') as f:
    f.writelines(f'{word} {count}\n' for word, count in _WORDS.items())


def _mock_keras_download(**kwargs):
  return mock.patch.object(tf.keras.utils, 'get_file', **kwargs)


def _get_file(name, *, cache_dir, **kwargs):
  """Fake of `keras.utils.get_file`, which extracts the archive."""
  del kwargs
  directory = os.path.join(cache_dir, 'datasets')
  os.makedirs(directory)
  _write_words(directory)
  return os.path.join(directory, name)


class StackOverflowTest(tf.test.TestCase, parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def _build(self, **kwargs):
    kwargs = {'data_dir': self.dir, 'options': _OPTIONS} | kwargs
    return tasks.build_task('stackoverflow', **kwargs)

  def test_clients_are_users(self):
    _write_files(self.dir)
    task = self._build()
    self.assertEqual(task.row_model.num_classes, 8)
    train_data = task.datasets.train_data.preprocess(
      task.datasets.train_preprocess_fn
    )
    self.assertEqual(train_data.client_ids, ['1', '2'])
    ((x, y),) = train_data.create_tf_dataset_for_client('1')
    rows = [[1, 3, 4, 7], [5, 2, 7, 0]]
    self.assertCountEqual(y[:, :4].numpy().tolist(), rows)
    self.assertAllEqual(x[:, 0], [6, 6])

  def test_test_data_has_four_sentences_of_each_held_out_user(self):
    _write_files(self.dir)
    task = self._build(options=tasks.TaskOptions(vocab_size=5))
    orders = [
      np.concatenate([y for _, y in task.datasets.get_centralized_test_data()])
      for _ in range(2)
    ]
    self.assertAllEqual(*orders)
    self.assertEqual(orders[0].shape, (3 + 4 + 4, 20))
    # Only the sentences of user 3 have a word 'u3' of the vocabulary.
    self.assertEqual(np.sum(orders[0] == 5), 3)

  def test_downloads_once(self):
    source_dir = self.enterContext(tempfile.TemporaryDirectory())
    contents = lzma.compress(_write_files(source_dir))
    response = io.BytesIO(contents)
    response.headers = {}
    with _mock_keras_download(side_effect=_get_file) as get_file:
      with mock.patch.object(
        urllib.request, 'urlopen', return_value=response
      ) as urlopen:
        for _ in range(2):
          self._build(data_dir=None, cache_dir=self.dir)
    urlopen.assert_called_once()
    get_file.assert_called_once()
    self.assertCountEqual(
      os.listdir(self.dir), ['stackoverflow.sqlite', 'stackoverflow.word_count']
    )

  def test_failed_download_names_the_remedy(self):
    error = urllib.error.URLError('no route to host')
    with _mock_keras_download(side_effect=error):
      with self.assertRaisesRegex(
        ValueError, "Stack Overflow.*no route.*`data_dir` .*'python_tokens'"
      ) as caught:
        self._build(data_dir=None, cache_dir=self.dir)
    self.assertNotIn('\n', str(caught.exception))

  @parameterized.parameters('stackoverflow.sqlite', 'stackoverflow.word_count')
  def test_missing_file_raises(self, name):
    _write_files(self.dir)
    os.remove(os.path.join(self.dir, name))
    with self.assertRaisesRegex(ValueError, f'{name}, found none: `data_dir`'):
      self._build()

  @parameterized.parameters(0, 100)
  def test_truncated_data_raises(self, length):
    _write_files(self.dir)
    os.truncate(os.path.join(self.dir, 'stackoverflow.sqlite'), length)
    with self.assertRaisesRegex(ValueError, 'cannot be read .*: remove it'):
      self._build()

  def test_words_without_counts_raise(self):
    _write_files(self.dir)
    with open(os.path.join(self.dir, 'stackoverflow.word_count'), 'a') as f:
      f.write('alone\n')
    with self.assertRaisesRegex(
      ValueError, "in line 6 of .* a word in UTF-8 and a count, found 'alone'"
    ):
      self._build()

  def test_too_large_vocabulary_raises(self):
    _write_files(self.dir)
    with self.assertRaisesRegex(ValueError, '`vocab_size` of at most 5.*10000'):
      self._build(options=None)


if __name__ == '__main__':
  tf.test.main()
