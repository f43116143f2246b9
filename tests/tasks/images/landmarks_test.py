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
from unittest import mock
import urllib.error

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks
from tasks.images import embedding_models

_CLIENTS = {'anna': 5, 'bob': 3}


def _image(label):
  """Returns gradients along both axes, which locate a crop."""
  row = np.linspace(0, 250, 320)
  column = np.linspace(0, 250, 240)[:, np.newaxis]
  channels = np.broadcast_arrays(row, column, np.full((1, 1), label % 256))
  return np.stack(
    [np.broadcast_to(c, (240, 320)) for c in channels], axis=-1
  ).astype(np.uint8)


def _write_examples(path, labels):
  with tf.io.TFRecordWriter(path) as writer:
    for label in labels:
      jpeg = tf.io.encode_jpeg(_image(label), quality=100).numpy()
      feature = {
        'image/encoded_jpeg': tf.train.Feature(
          bytes_list=tf.train.BytesList(value=[jpeg])
        ),
        'class': tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
      }
      example = tf.train.Example(features=tf.train.Features(feature=feature))
      writer.write(example.SerializeToString())


def _write_landmarks(directory):
  train_dir = os.path.join(directory, 'gld160k', 'train')
  os.makedirs(train_dir)
  for i, (client, num_examples) in enumerate(_CLIENTS.items()):
    labels = 1000 * i + np.arange(num_examples)
    _write_examples(os.path.join(train_dir, client), labels)
  _write_examples(
    os.path.join(directory, 'gld160k', 'test.tfRecord'), [7, 2027]
  )


def _tiny_body():
  pool = tf.keras.layers.GlobalAveragePooling2D(input_shape=(224, 224, 3))
  return tf.keras.Sequential([pool, tf.keras.layers.Dense(64)])


def _offsets(x):
  """Returns the offsets of crops in resized images, `[batch, (x, y)]`."""
  pixels = (np.asarray(x)[:, 0, 0, :2] + 1) * 127.5
  return pixels / 250 * 256


class ClientsTest(tf.test.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    _write_landmarks(cls.dir)
    with mock.patch.object(
      embedding_models, 'build_mobilenet_fn', lambda seed: _tiny_body
    ):
      cls.task = tasks.build_task('gldv2', data_dir=cls.dir)

  def _batch(self, client_id):
    train_data = self.task.datasets.train_data.preprocess(
      self.task.datasets.train_preprocess_fn
    )
    (batch,) = train_data.create_tf_dataset_for_client(client_id)
    return batch

  def test_clients_are_the_files(self):
    self.assertEqual(self.task.datasets.train_data.client_ids, [*_CLIENTS])
    x, y = self._batch('bob')
    self.assertEqual(x.shape, (3, 224, 224, 3))
    self.assertAllEqual(np.sort(y), [1000, 1001, 1002])

  def test_dataset_computation_takes_a_client_id(self):
    train_data = self.task.datasets.train_data.preprocess(
      self.task.datasets.train_preprocess_fn
    )
    (batch,) = train_data.dataset_computation('anna')
    x, y = self._batch('anna')
    self.assertAllEqual(batch[0], x)
    self.assertAllEqual(batch[1], y)

  def test_training_crops_differ_by_image_and_repeat(self):
    x, _ = self._batch('anna')
    offsets = _offsets(x)
    self.assertAllInRange(offsets, -2.0, 34.0)
    self.assertGreater(offsets.std(axis=0).min(), 2.0)
    self.assertAllEqual(x, self._batch('anna')[0])

  def test_evaluation_crops_the_middle(self):
    ((x, y),) = self.task.datasets.get_centralized_test_data()
    self.assertAllEqual(y, [7, 2027])
    self.assertAllClose(_offsets(x), np.full((2, 2), 16.0), atol=2.0)
    self.assertAllClose(
      (x[:, 100, 100, 2] + 1) * 127.5, [7.0, 2027 % 256], atol=4.0
    )

  def test_scores_are_scaled_cosines_of_2028_rows(self):
    ((x, _),) = self.task.datasets.get_centralized_test_data()
    model = self.task.model_fn()
    scores = model.predict_on_batch(x, training=False)
    self.assertEqual(scores.shape, (2, 2028))
    self.assertAllInRange(scores, -20.001, 20.001)
    self.assertAllClose(np.std(scores), 20 / 64**0.5, rtol=0.1)


class FilesTest(tf.test.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def test_failed_download_names_the_remedy(self):
    error = urllib.error.URLError('no route to host')
    with mock.patch.object(
      tff.simulation.datasets.gldv2, 'load_data', side_effect=error
    ):
      with self.assertRaisesRegex(
        ValueError, "no route to host.*`data_dir` .*'omniglot'"
      ) as caught:
        tasks.build_task('gldv2', cache_dir=self.dir)
    self.assertNotIn('\n', str(caught.exception))
    self.assertEmpty(os.listdir(self.dir))

  def test_missing_files_raise(self):
    with self.assertRaisesRegex(
      ValueError, 'with files, .*gld160k/train/, found'
    ):
      tasks.build_task('gldv2', data_dir=self.dir)
    _write_landmarks(self.dir)
    os.remove(os.path.join(self.dir, 'gld160k', 'test.tfRecord'))
    with self.assertRaisesRegex(ValueError, 'test.tfRecord, found none'):
      tasks.build_task('gldv2', data_dir=self.dir)

  def test_options_of_other_tasks_raise(self):
    options = tasks.TaskOptions(num_clients=3)
    with self.assertRaisesRegex(ValueError, 'found `num_clients=3`'):
      tasks.build_task('gldv2', cache_dir=self.dir, options=options)


if __name__ == '__main__':
  tf.test.main()
