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
"""Tests for bag_tasks."""

import os
import tempfile

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

import tasks
from tests.tasks import data_files


class BagTasksTest(tf.test.TestCase, parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    data_files.write_posts(cls.dir)
    data_files.write_lastfm(cls.dir)

  def _build(self, name, **options):
    return tasks.build_task(
      name,
      data_dir=self.dir,
      cache_dir=os.path.join(self.dir, 'cache'),
      options=tasks.TaskOptions(embedding_dim=4, batch_size=6, **options),
    )

  def _batch(self, task):
    data = task.datasets.train_data
    dataset = data.create_tf_dataset_for_client(data.client_ids[0])
    dataset = task.datasets.train_preprocess_fn(dataset)
    return next(iter(dataset))

  @parameterized.parameters(('tags', {'vocab_size': 16}), ('lastfm', {}))
  def test_trained_and_evaluated_model_have_the_same_weights(self, name, kw):
    task = self._build(name, **kw)
    self.assertIsInstance(task, tasks.RowTask)
    num_items = len(task.class_names)
    model, row_model = task.model_fn(), task.row_model
    self.assertEqual(
      row_model.table_shapes,
      {'ids': (16 if kw else 12, 4), 'rows': (num_items, 5)},
    )
    for variable, weight in zip(
      model.trainable_variables,
      row_model.full_model().initial_weights[0],
      strict=True,
    ):
      self.assertAllEqual(variable, weight)
    batch = next(
      iter(task.datasets.eval_preprocess_fn(task.datasets.test_data))
    )
    output = model.forward_pass(batch, training=False)
    self.assertEqual(output.predictions.shape, (len(batch[1]), num_items))

  def test_words_beyond_the_vocabulary_are_left_out(self):
    x, _ = self._batch(self._build('tags', vocab_size=2))
    # 'beer' and 'of', with the same weights.
    self.assertAllEqual(np.unique(x['ids']), [-1, 0, 1])
    self.assertAllClose(tf.reduce_max(x['weights'], 1), 6 * [2**-0.5])

  def test_artists_of_a_listener(self):
    x, y = self._batch(self._build('lastfm'))
    self.assertEqual(x['ids'].shape, (6, 7))
    for ids, item in zip(x['ids'].numpy(), y.numpy(), strict=True):
      self.assertNotIn(item, ids)

  @parameterized.parameters('tags', 'lastfm')
  def test_baselines_of_popular_items(self, name):
    task = self._build(name, **({'vocab_size': 16} if name == 'tags' else {}))
    found = task.baselines_fn()
    # There are fewer than ten items.
    self.assertEqual(found['popularity_recall_at_10'], 1.0)
    self.assertBetween(found['popularity_ndcg_at_50'], 0.3, 1.0)
    self.assertEqual(task.baselines_fn(), found)

  def test_vocabulary_beyond_the_words(self):
    with self.assertRaisesRegex(
      ValueError, '`vocab_size` of at most 16.*17: l'
    ):
      self._build('tags', vocab_size=17)


if __name__ == '__main__':
  tf.test.main()
