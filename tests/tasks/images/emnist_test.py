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

_SPLITS = {
  'digits_only_train': ['f0', 'f1'],
  'digits_only_test': ['f2', 'f3'],
  'all_train': ['f4', 'f5', 'f6'],
  'all_test': ['f7', 'f8'],
}


def _client_dataset(client_id):
  rng = np.random.default_rng(int(client_id[1:]))
  return tf.data.Dataset.from_tensor_slices(
    {
      'label': rng.integers(10, size=6),
      'pixels': rng.random((6, 28, 28), np.float32),
    }
  )


def _write_emnist(directory):
  """Writes `emnist_all.sqlite` with a few clients, and returns its bytes."""
  splits = {c: split for split, clients in _SPLITS.items() for c in clients}
  path = os.path.join(directory, 'emnist_all.sqlite')
  tff.simulation.datasets.save_to_sql_client_data(
    list(splits), _client_dataset, path, split_names_by_client_id=splits
  )
  with open(path, 'rb') as f:
    return f.read()


class _Response(io.BytesIO):
  """Fake response of `urlopen`; may fail at the second read."""

  def __init__(self, contents, cut_short=False):
    super().__init__(contents)
    self.headers = {}
    self._cut_short = cut_short

  def read(self, *args):
    if self._cut_short and self.tell():
      raise ConnectionResetError('reset by peer')
    return super().read(1000 if self._cut_short else -1)


def _mock_download(**kwargs):
  return mock.patch.object(urllib.request, 'urlopen', **kwargs)


class EmnistTest(tf.test.TestCase, parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  @parameterized.parameters((True, 2, 10), (False, 3, 62), (None, 3, 62))
  def test_only_digits_selects_the_classes(self, only_digits, clients, classes):
    _write_emnist(self.dir)
    options = tasks.TaskOptions(only_digits=only_digits)
    task = tasks.build_task('emnist', data_dir=self.dir, options=options)
    self.assertLen(task.datasets.train_data.client_ids, clients)
    weights = task.model_fn().trainable_variables
    self.assertEqual(weights[-1].shape, [classes])

  def test_batches_have_the_stored_examples(self):
    _write_emnist(self.dir)
    options = tasks.TaskOptions(batch_size=4, only_digits=True)
    task = tasks.build_task('emnist', data_dir=self.dir, options=options)
    train_data = task.datasets.train_data.preprocess(
      task.datasets.train_preprocess_fn
    )
    batches = list(train_data.create_tf_dataset_for_client('f1'))
    self.assertEqual(
      [x.shape for x, _ in batches], [(4, 28, 28, 1), (2, 28, 28, 1)]
    )
    pixels = np.concatenate([x for x, _ in batches])[..., 0]
    (stored,) = _client_dataset('f1').batch(6)
    self.assertAllClose(
      np.sort(pixels.sum((1, 2))), np.sort(stored['pixels'].numpy().sum((1, 2)))
    )

  def test_test_data_has_one_order(self):
    _write_emnist(self.dir)
    options = tasks.TaskOptions(only_digits=True)
    task = tasks.build_task('emnist', data_dir=self.dir, options=options)
    orders = [
      np.concatenate([y for _, y in task.datasets.get_centralized_test_data()])
      for _ in range(3)
    ]
    self.assertLen(orders[0], 12)
    self.assertAllEqual(orders[0], orders[1])
    self.assertAllEqual(orders[0], orders[2])

  def test_downloads_once(self):
    source_dir = self.enterContext(tempfile.TemporaryDirectory())
    response = _Response(lzma.compress(_write_emnist(source_dir)))
    with _mock_download(return_value=response) as urlopen:
      for _ in range(2):
        tasks.build_task('emnist', cache_dir=self.dir)
    urlopen.assert_called_once()
    self.assertEqual(os.listdir(self.dir), ['emnist_all.sqlite'])

  def test_failed_download_names_the_remedy(self):
    error = urllib.error.URLError('no route to host')
    with _mock_download(side_effect=error):
      with self.assertRaisesRegex(
        ValueError, "no route to host.*`data_dir` .*'digits'"
      ) as caught:
        tasks.build_task('emnist', cache_dir=self.dir)
    self.assertNotIn('\n', str(caught.exception))

  @parameterized.parameters(True, False)
  def test_incomplete_download_is_removed(self, connection_ends):
    source_dir = self.enterContext(tempfile.TemporaryDirectory())
    contents = lzma.compress(_write_emnist(source_dir))
    if connection_ends:
      response = _Response(contents, cut_short=True)
    else:
      response = _Response(contents[: len(contents) // 2])
    with _mock_download(return_value=response):
      with self.assertRaisesRegex(ValueError, 'to download EMNIST'):
        tasks.build_task('emnist', cache_dir=self.dir)
    self.assertEmpty(os.listdir(self.dir))

  def test_missing_file_raises(self):
    with _mock_download() as urlopen:
      with self.assertRaisesRegex(ValueError, 'emnist_all.sqlite, found none'):
        tasks.build_task('emnist', data_dir=self.dir)
    urlopen.assert_not_called()

  @parameterized.parameters(0, 100, 30_000)
  def test_truncated_file_raises(self, length):
    _write_emnist(self.dir)
    os.truncate(os.path.join(self.dir, 'emnist_all.sqlite'), length)
    with self.assertRaisesRegex(ValueError, 'cannot be read.*: remove it'):
      tasks.build_task('emnist', data_dir=self.dir)

  def test_options_of_other_tasks_raise(self):
    options = tasks.TaskOptions(num_clients=3)
    with self.assertRaisesRegex(ValueError, 'found `num_clients=3`'):
      tasks.build_task('emnist', cache_dir=self.dir, options=options)


if __name__ == '__main__':
  tf.test.main()
