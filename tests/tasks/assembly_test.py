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

import collections

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import options as options_lib
from tasks import serving
from tff_methods import models

_RNG = np.random.default_rng(0)
_X = _RNG.normal(size=(9, 3)).astype(np.float32)
_Y = _RNG.integers(4, size=9)
_OPTIONS = options_lib.TaskOptions(batch_size=2, epochs=1)

_SERVING = serving.Serving(
  {'x': tf.TensorSpec([None, 3], tf.float32)}, lambda x: x
)


def _stored(rows):
  return collections.OrderedDict(x=_X[rows], y=_Y[rows])


def _train_data():
  return tff.simulation.datasets.TestClientData(
    {'a': _stored(slice(0, 5)), 'b': _stored(slice(5, 9))}
  )


def _test_data():
  return tf.data.Dataset.from_tensor_slices(_stored(slice(0, 4)))


def _decode(examples):
  return examples['x'], tf.cast(examples['y'], tf.int32)


def _dense(units):
  return tf.keras.layers.Dense(
    units,
    kernel_initializer=tf.keras.initializers.GlorotUniform(seed=1),
    bias_initializer=tf.keras.initializers.RandomNormal(seed=2),
  )


def _model():
  return tf.keras.Sequential([tf.keras.layers.InputLayer((3,)), _dense(4)])


def _body():
  return tf.keras.Sequential([tf.keras.layers.InputLayer((3,)), _dense(2)])


def _rows():
  return models.RowLayer(
    4,
    models.DotProduct(),
    initializer=tf.keras.initializers.RandomNormal(seed=3),
  )


def _row_task(**kwargs):
  return assembly.assemble_row_task(
    train_data=_train_data(),
    test_data=_test_data(),
    decode_fn=_decode,
    body_fn=_body,
    rows_fn=_rows,
    client_spec=assembly.client_spec(_OPTIONS, 5),
    seed=0,
    serving=_SERVING,
    **kwargs,
  )


class ClientSpecTest(tf.test.TestCase):
  def test_takes_options(self):
    options = options_lib.TaskOptions(
      batch_size=3, epochs=4, max_client_examples=5
    )
    spec = assembly.client_spec(options, 17)
    self.assertEqual(
      (spec.batch_size, spec.num_epochs, spec.max_elements), (3, 4, 5)
    )
    self.assertEqual(spec.shuffle_buffer_size, 17)


class AssembleTaskTest(tf.test.TestCase):
  def test_loss_and_accuracy(self):
    task = assembly.assemble_task(
      train_data=_train_data(),
      test_data=_test_data(),
      decode_fn=_decode,
      keras_model_fn=_model,
      client_spec=assembly.client_spec(_OPTIONS, 5),
      seed=0,
      serving=_SERVING,
    )
    model = task.model_fn()
    ((x, y),) = task.datasets.get_centralized_test_data()
    self.assertAllEqual(x, _X[:4])
    loss = model.forward_pass((x, y), training=False).loss
    kernel, bias = (v.numpy() for v in model.trainable_variables)
    logits = _X[:4].astype(np.float64) @ kernel + bias
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(probabilities[np.arange(4), _Y[:4]]).mean()
    self.assertAllClose(loss, expected)
    metrics = model.report_local_unfinalized_metrics()
    num_correct, num_examples = metrics['sparse_categorical_accuracy']
    self.assertEqual(num_examples, 4)
    self.assertEqual(num_correct, np.sum(logits.argmax(1) == _Y[:4]))

  def test_clients_have_their_examples(self):
    task = assembly.assemble_task(
      train_data=_train_data(),
      test_data=_test_data(),
      decode_fn=_decode,
      keras_model_fn=_model,
      client_spec=assembly.client_spec(_OPTIONS, 5),
      seed=0,
      serving=_SERVING,
    )
    train_data = task.datasets.train_data.preprocess(
      task.datasets.train_preprocess_fn
    )
    batches = list(train_data.create_tf_dataset_for_client('a'))
    self.assertEqual([len(y) for _, y in batches], [2, 2, 1])
    self.assertCountEqual(
      np.concatenate([x for x, _ in batches]).tolist(), _X[:5].tolist()
    )


class AssembleRowTaskTest(tf.test.TestCase):
  def test_row_model_has_the_weights_and_scores_of_the_model(self):
    task = _row_task()
    # First, since it builds Keras models in graphs: see `RetrievalData`.
    trainable, _ = task.row_model.full_model().initial_weights
    model = task.model_fn()
    for a, b in zip(trainable, model.trainable_variables, strict=True):
      self.assertAllEqual(a, b)
    self.assertEqual(trainable[-1].shape, (4, 2))
    kernel, bias, rows = trainable
    self.assertAllClose(
      model.predict_on_batch(_X, training=False), (_X @ kernel + bias) @ rows.T
    )
    self.assertEqual(task.row_model.input_spec, model.input_spec)

  def test_without_retrieval_data(self):
    self.assertIsNone(_row_task().retrieval)

  def test_held_out_data_is_decoded_by_its_own_function(self):
    def eval_decode(examples):
      x, y = _decode(examples)
      return x + 100, y

    task = _row_task(retrieval_data=_test_data(), eval_decode_fn=eval_decode)
    for data in (
      task.datasets.get_centralized_test_data(),
      task.retrieval.data,
    ):
      ((x, y),) = data
      self.assertAllClose(x, _X[:4] + 100)
      self.assertAllEqual(y, _Y[:4])
    train_data = task.datasets.train_data.preprocess(
      task.datasets.train_preprocess_fn
    )
    x, _ = next(iter(train_data.create_tf_dataset_for_client('b')))
    self.assertAllInRange(x, -10, 10)


if __name__ == '__main__':
  tf.test.main()
