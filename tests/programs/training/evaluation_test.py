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
"""Tests for evaluation."""

import tempfile
from unittest import mock

from absl.testing import absltest
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import evaluation
import tasks


class EvaluationTest(tf.test.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cache_dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    cls._task = tasks.build_task('digits', cache_dir=cache_dir)
    cls._evaluate = evaluation.Evaluation(cls._task)

  def _random_weights(self, seed: int) -> tff.learning.models.ModelWeights:
    rng = np.random.default_rng(seed)
    weights = tff.learning.models.ModelWeights.from_model(self._task.model_fn())
    return tf.nest.map_structure(
      lambda w: rng.normal(scale=0.1, size=w.shape).astype(np.float32), weights
    )

  def test_equals_metrics_by_hand(self):
    weights = self._random_weights(0)
    model = self._task.model_fn()
    weights.assign_weights_to(model)
    losses, hits = [], []
    for x, y in self._task.datasets.get_centralized_test_data():
      logits = model.predict_on_batch(x, training=False).numpy()
      log_sums = np.log(np.exp(logits.astype(np.float64)).sum(axis=1))
      losses.extend(log_sums - logits[np.arange(len(y)), y.numpy()])
      hits.extend(logits.argmax(axis=1) == y.numpy())
    metrics = self._evaluate(weights)
    self.assertAllClose(metrics['accuracy'], np.mean(hits))
    self.assertAllClose(metrics['loss'], np.mean(losses))
    self.assertEqual(metrics['num_examples'], 299)

  def test_validation_data_replace_test_data(self):
    datasets = self._task.datasets
    data = datasets.train_data.create_tf_dataset_for_client('00').take(7)
    evaluate = evaluation.Evaluation(
      self._task,
      validation=tff.simulation.baselines.BaselineTaskDatasets(
        train_data=datasets.train_data,
        test_data=data,
        train_preprocess_fn=datasets.train_preprocess_fn,
        eval_preprocess_fn=datasets.eval_preprocess_fn,
      ),
    )
    metrics = evaluate(self._random_weights(0))
    self.assertEqual(metrics['num_examples'], 7)

  def test_accuracy_by_decile_of_the_class(self):
    task = tasks.RowTask(
      self._task.datasets,
      self._task.model_fn,
      row_model_fn=lambda: mock.Mock(num_classes=10),
      serving=self._task.serving,
      classes_by_frequency=range(9, -1, -1),
    )
    weights = self._random_weights(0)
    model = task.model_fn()
    weights.assign_weights_to(model)
    hits = {i: [] for i in range(10)}
    for x, y in task.datasets.get_centralized_test_data():
      found = model.predict_on_batch(x, training=False).numpy().argmax(axis=1)
      for label, is_correct in zip(y.numpy(), found == y, strict=True):
        hits[label].append(is_correct)
    evaluate = evaluation.Evaluation(task)
    metrics = evaluate(weights)
    self.assertEqual(list(metrics), evaluate.metric_names)
    for decile in range(1, 11):
      self.assertAllClose(
        metrics[f'accuracy_decile_{decile}'], np.mean(hits[10 - decile])
      )

  def test_depends_on_the_weights_alone(self):
    first = self._evaluate(self._random_weights(0))
    second = self._evaluate(self._random_weights(1))
    again = self._evaluate(self._random_weights(0))
    self.assertEqual(first, again)
    self.assertNotEqual(first['loss'], second['loss'])
    self.assertEqual(list(first), list(second))


if __name__ == '__main__':
  absltest.main()
