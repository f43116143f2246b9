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

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import retrieval_metrics
from tasks import row_task
from tff_methods import models

_X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
_Y = np.repeat(np.arange(4, dtype=np.int32), 5)
_INPUT_SPEC = (
  tf.TensorSpec([None, 3], tf.float32),
  tf.TensorSpec([None], tf.int32),
)
_KERNEL = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
_BIAS = np.array([1.0, -2.0], np.float32)
# The body's weights, then a row for each class, which retrieval does not use.
_WEIGHTS = tff.learning.models.ModelWeights(
  (_KERNEL, _BIAS, np.full((7, 2), np.nan, np.float32)), ()
)


def _body():
  return tf.keras.Sequential(
    [tf.keras.layers.InputLayer((3,)), tf.keras.layers.Dense(2)]
  )


def _model():
  return tff.learning.models.from_keras_model(
    _body(), tf.keras.losses.MeanSquaredError(), input_spec=_INPUT_SPEC
  )


def _retrieval(r=3):
  data = tf.data.Dataset.from_tensor_slices((_X, _Y)).batch(6)
  return row_task.RetrievalData(data, _body, r)


def _task(**kwargs):
  data = tff.simulation.datasets.TestClientData({'a': (_X, _Y)})
  datasets = tff.simulation.baselines.BaselineTaskDatasets(
    data, data, train_preprocess_fn=lambda d: d.batch(2)
  )
  return row_task.RowTask(datasets, _model, **kwargs)


class RetrievalDataTest(tf.test.TestCase):
  def test_embeds_with_the_given_weights(self):
    embed = _retrieval().build_embedding_fn()
    embeddings, labels = embed(_WEIGHTS)
    self.assertAllClose(embeddings, _X @ _KERNEL + _BIAS, atol=1e-5)
    self.assertAllEqual(labels, _Y)
    _, _, rows = _WEIGHTS.trainable
    moved = tff.learning.models.ModelWeights((_KERNEL, _BIAS + 2.0, rows), ())
    self.assertAllClose(embed(moved)[0], embeddings + 2.0, atol=1e-5)

  def test_embeds_after_models_were_built_in_graphs(self):
    embed = _retrieval().build_embedding_fn()
    with tf.Graph().as_default():
      _body()
    self.assertEqual(embed(_WEIGHTS)[0].shape, (20, 2))

  def test_other_numbers_of_weights_raise(self):
    embed = _retrieval().build_embedding_fn()
    weights = tff.learning.models.ModelWeights(_WEIGHTS.trainable[1:], ())
    with self.assertRaises(ValueError):
      embed(weights)

  def test_metric_is_map_at_r(self):
    for r in (1, 4):
      self.assertAlmostEqual(
        _retrieval(r).build_metric_fn()(_WEIGHTS),
        retrieval_metrics.mean_average_precision_at_r(
          _X @ _KERNEL + _BIAS, _Y, r
        ),
        places=6,
      )


class RowTaskTest(tf.test.TestCase):
  def test_builds_the_row_model_once(self):
    row_models = []

    def row_model_fn():
      row_models.append(
        models.row_model_from_keras(
          _body,
          _built_rows(),
          input_spec=_INPUT_SPEC,
        )
      )
      return row_models[-1]

    task = _task(row_model_fn=row_model_fn)
    self.assertEmpty(row_models)
    self.assertIs(task.row_model, task.row_model)
    self.assertLen(row_models, 1)
    self.assertIsNone(task.retrieval)
    self.assertIsNone(task.class_names)

  def test_other_retrieval_data_raises(self):
    with self.assertRaisesRegex(TypeError, 'RetrievalData'):
      _task(row_model_fn=lambda: None, retrieval=tf.data.Dataset.range(3))


def _built_rows():
  rows = models.RowLayer(7, models.DotProduct())
  rows.build((None, 2))
  return rows


if __name__ == '__main__':
  tf.test.main()
