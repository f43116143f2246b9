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
from unittest import mock

import numpy as np
import tensorflow as tf

from tasks import functional_models
from tasks.many_labels import multi_label_models
from tff_methods import label_hashing

_IS_FREQUENT = np.array([True, False, False, True, False, False])


def _baseline(seed=3):
  return multi_label_models.baseline(
    label_hashing.DenseNetwork(5, (7, 7)),
    seed=seed,
    max_labels=3,
    is_frequent=_IS_FREQUENT,
  )


class CheckSizeTest(tf.test.TestCase):
  def test_more_than_the_memory_raises(self):
    pages = {'SC_PAGE_SIZE': 4096, 'SC_PHYS_PAGES': 1000}
    with mock.patch.object(os, 'sysconf', pages.__getitem__):
      multi_label_models.check_size(1000, 512)
      with self.assertRaisesRegex(
        ValueError, 'of 0.0 GiB, found 1001 labels with 512 weights each: lower'
      ):
        multi_label_models.check_size(1001, 512)
    multi_label_models.check_size(6161, 400)
    with self.assertRaisesRegex(ValueError, 'found 16777216 labels with'):
      multi_label_models.check_size(2**24, 2**20)


class BaselineTest(tf.test.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.model = _baseline()
    cls.rng = np.random.default_rng(0)
    cls.x = cls.rng.normal(size=[4, 5]).astype(np.float32)
    cls.y = np.array(
      [[2, 0, -1], [-1, -1, -1], [5, -1, 1], [3, 4, 0]], np.int32
    )

  def test_weights_are_those_of_the_network(self):
    weights, constants = self.model.initial_weights
    self.assertEqual(
      [w.shape for w in weights], [(5, 7), (7,), (7, 7), (7,), (7, 6), (6,)]
    )
    self.assertEqual(constants, ())
    self.assertNotAllEqual(weights[0], _baseline(4).initial_weights[0][0])

  def test_loss_is_keras_binary_crossentropy_summed_over_labels(self):
    logits = self.rng.normal(size=[4, 6]).astype(np.float32)
    is_label = np.array([[c in row for c in range(6)] for row in self.y])
    expected = 6 * tf.keras.losses.BinaryCrossentropy(from_logits=True)(
      is_label.astype(np.float32), logits
    )
    loss = self.model.loss(tf.constant(logits), tf.constant(self.y))
    self.assertAllClose(loss, expected)

  def test_labels_out_of_range_raise(self):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, 'below 6'):
      self.model.loss(tf.zeros([1, 6]), tf.constant([[6, -1, -1]]))

  def test_metrics_cover_all_batches(self):
    model = functional_models.variable_model(self.model)
    losses = [
      model.forward_pass((self.x[s], self.y[s]), training=False).loss * n
      for s, n in ((slice(3), 3), (slice(3, 4), 1))
    ]
    unfinalized = model.report_local_unfinalized_metrics()
    metrics = {
      name: finalize(unfinalized[name]).numpy()
      for name, finalize in model.metric_finalizers().items()
    }
    self.assertEqual(metrics['num_examples'], 4)
    self.assertAllClose(metrics['loss'], sum(losses) / 4)
    scores = model.predict_on_batch(self.x, training=False).numpy()
    top = np.argsort(-scores, axis=1)
    for k in (1, 3, 5):
      hits = [set(t[:k]) & set(row) for t, row in zip(top, self.y, strict=True)]
      self.assertAllClose(
        metrics[f'precision_at_{k}'], sum(map(len, hits)) / (4 * k)
      )
      frequent = [h & {0, 3} for h in hits]
      self.assertAllClose(
        metrics[f'frequent_precision_at_{k}'], sum(map(len, frequent)) / (4 * k)
      )
    self.assertEqual(metrics['accuracy'], metrics['precision_at_1'])
    self.assertAllClose(
      metrics['mean_precision'],
      np.mean([metrics[f'precision_at_{k}'] for k in (1, 3, 5)]),
    )
    self.assertLen(metrics, 13)


if __name__ == '__main__':
  tf.test.main()
