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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks
from tasks import retrieval_metrics
from tasks import row_task
from tasks.images import character_tasks
from tasks.images import image_sources
from tests.tasks import data_files


class OmniglotTaskTest(tf.test.TestCase, parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    _, cls.drawings = data_files.write_omniglot(cls.dir)
    cls.task = cls.build()
    cls.model = cls.task.model_fn()
    cls.weights = tff.learning.models.ModelWeights.from_model(cls.model)

  @classmethod
  def build(cls, **kwargs):
    return tasks.build_task(
      'omniglot',
      data_dir=cls.dir,
      cache_dir=os.path.join(cls.dir, 'cache'),
      **kwargs,
    )

  def _batches(self, client_id):
    datasets = self.task.datasets
    train_data = datasets.train_data.preprocess(datasets.train_preprocess_fn)
    return list(train_data.create_tf_dataset_for_client(client_id))

  def test_clients_have_20_classes(self):
    self.assertLen(self.task.datasets.train_data.client_ids, 3)
    batches = self._batches('1')
    self.assertEqual([len(y) for _, y in batches], [32, 32, 32, 4])
    y = np.concatenate([y for _, y in batches])
    self.assertEqual(np.unique(np.bincount(y)[np.unique(y)]), [5])
    self.assertLen(np.unique(y), 20)
    self.assertAllInRange(batches[0][0], 0.0, 1.0)

  def test_one_iid_client_has_all_examples(self):
    options = tasks.TaskOptions(partition='iid', num_clients=1, epochs=2)
    task = self.build(options=options)
    train_data = task.datasets.train_data
    self.assertEqual(train_data.client_ids, ['0'])
    data = task.datasets.train_preprocess_fn(
      train_data.create_tf_dataset_for_client('0')
    )
    y = np.concatenate([y for _, y in data])
    # Two passes over 16 images each of 24 classes.
    self.assertAllEqual(np.bincount(y), np.full(24, 32))
    self.assertGreater(len(np.unique(y[:32])), 12)

  def test_row_model_has_the_weights_of_the_model(self):
    trainable, constants = self.task.row_model.full_model().initial_weights
    for a, b in zip(trainable, self.weights.trainable, strict=True):
      self.assertAllEqual(a, b)
    self.assertEmpty(constants)
    self.assertIs(self.task.row_model, self.task.row_model)
    self.assertEqual(self.task.row_model.input_spec, self.model.input_spec)

  def test_row_model_has_the_scores_of_the_model(self):
    x, _ = self._batches('0')[0]
    full_model = self.task.row_model.full_model()

    @tff.tensorflow.computation
    def score(weights, x):
      return full_model.predict_on_batch(weights, x, training=False)

    scores = score(full_model.initial_weights, x)
    model = self.task.model_fn()
    self.assertAllClose(
      scores,
      model.predict_on_batch(x, training=False),
      atol=1e-4,
    )

  def test_number_of_weights(self):
    sizes = [v.shape.num_elements() for v in self.weights.trainable]
    self.assertEqual(sum(sizes[:-1]), 89_120)
    self.assertEqual(self.weights.trainable[-1].shape, (24, 64))

  def test_weights_follow_from_the_seed(self):
    tf.random.set_seed(1)
    again = self.build().model_fn().trainable_variables
    other = self.build(seed=1).model_fn().trainable_variables
    for a, b, c in zip(self.weights.trainable, again, other, strict=True):
      self.assertAllEqual(a, b)
      if a.shape.rank > 1:
        self.assertNotAllClose(a, c)

  def test_retrieval_data_has_the_held_out_classes(self):
    x, y = zip(*self.task.retrieval.data, strict=True)
    self.assertAllEqual(np.concatenate(y), np.repeat([24, 25, 26], 20))
    ink = self.drawings[24 * 20 :].mean(axis=(1, 2))
    self.assertAllClose(np.concatenate(x).mean(axis=(1, 2, 3)), ink, atol=0.003)

  def test_embeds_with_given_weights(self):
    embed = self.task.retrieval.build_embedding_fn()
    embeddings, labels = embed(self.weights)
    self.assertEqual(embeddings.shape, (60, 64))
    self.assertLen(labels, 60)
    x = np.concatenate([x for x, _ in self.task.retrieval.data])
    rows = self.weights.trainable[-1].numpy()
    cosines = (embeddings @ rows.T) / np.outer(
      np.linalg.norm(embeddings, axis=1), np.linalg.norm(rows, axis=1)
    )
    model = self.task.model_fn()
    self.assertAllClose(
      20 * cosines, model.predict_on_batch(x, training=False), atol=1e-3
    )
    *body, last_bias, rows = self.weights.trainable
    moved = tff.learning.models.ModelWeights((*body, last_bias + 2.0, rows), ())
    self.assertAllClose(embed(moved)[0], embeddings + 2.0, atol=1e-4)
    self.assertAllClose(embed(self.weights)[0], embeddings)

  def test_metric_is_map_at_10(self):
    embeddings, labels = self.task.retrieval.build_embedding_fn()(self.weights)
    metric = self.task.retrieval.build_metric_fn()(self.weights)
    self.assertEqual(
      metric,
      retrieval_metrics.mean_average_precision_at_r(embeddings, labels, 10),
    )
    # Drawings of a class are similar, so MAP is far above chance.
    self.assertGreater(metric, 0.3)

  def test_is_a_baseline_task(self):
    self.assertIsInstance(self.task, tff.simulation.baselines.BaselineTask)
    self.assertIsInstance(self.task, row_task.RowTask)

  @parameterized.named_parameters(
    ('no_data', {'data_dir': None}, "'omniglot' expects `data_dir`"),
    (
      'option',
      {'options': tasks.TaskOptions(partition='dirichlet')},
      "'classes', 'iid'.*'dirichlet'",
    ),
  )
  def test_invalid_arguments_raise(self, kwargs, message):
    kwargs = {'data_dir': self.dir} | kwargs
    with self.assertRaisesRegex(ValueError, message):
      tasks.build_task('omniglot', **kwargs)


class GlyphsTaskTest(tf.test.TestCase):
  def test_reads_a_source_without_data_dir(self):
    rng = np.random.default_rng(0)
    x = rng.integers(256, size=(120, 28, 28, 1), dtype=np.uint8)
    y = np.repeat(np.arange(24, dtype=np.uint16), 5)
    images = image_sources.LabelledImages(
      x, y, x[:10], y[:10], retrieval=(x[:12], y[:12] + 24)
    )
    source = image_sources.ImageSource('some', lambda: images, 24)
    with mock.patch.dict(character_tasks._SOURCES, {'glyphs': lambda: source}):
      task = tasks.build_task(
        'glyphs', cache_dir=self.enterContext(tempfile.TemporaryDirectory())
      )
    # 24 packs of 5 examples fill one client of 20 classes.
    self.assertLen(task.datasets.train_data.client_ids, 1)
    self.assertEqual(task.row_model.num_classes, 24)
    ((x_test, y_test),) = task.datasets.get_centralized_test_data()
    self.assertAllClose(x_test, x[:10] / 255)
    self.assertAllEqual(y_test, y[:10])


if __name__ == '__main__':
  tf.test.main()
