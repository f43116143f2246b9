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
"""Tests for fed_mlh."""

import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import train_model
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import label_hashing

_NUM_CLASSES = 9
_SGD = tff.learning.optimizers.build_sgdm(0.1)
_NETWORK = label_hashing.DenseNetwork(5, (7,))


def _clients():
  """Returns two clients of 6 and 10 examples, of two, one or no classes."""
  clients = []
  for n in (6, 10):
    rng = np.random.default_rng(n)
    x = rng.normal(size=[n, 5]).astype(np.float32)
    labels = rng.integers(-1, _NUM_CLASSES, [n, 2], np.int32)
    clients.append(tf.data.Dataset.from_tensor_slices((x, labels)).batch(4))
  return clients


def _model(label_hash):
  return label_hashing.HashedLabelModel(_NETWORK, label_hash, max_labels=2)


@functools.cache
def _hashed_model():
  return _model(label_hashing.LabelHash.draw(_NUM_CLASSES, 3, 4, seed=0))


@functools.cache
def _build():
  return algorithms.build_fed_mlh(_hashed_model(), _SGD)


def _train(process, num_rounds=2):
  state = process.initialize()
  for _ in range(num_rounds):
    state, metrics = process.next(state, _clients())
  return process.get_model_weights(state).trainable, metrics


class _LabelLoss(tf.keras.losses.Loss):
  """Binary cross-entropy, summed over all classes."""

  def call(self, y_true, y_pred):
    is_label = tf.reduce_any(
      tf.equal(y_true[:, :, tf.newaxis], tf.range(_NUM_CLASSES)), axis=1
    )
    cross_entropies = tf.nn.sigmoid_cross_entropy_with_logits(
      tf.cast(is_label, tf.float32), y_pred
    )
    return tf.reduce_sum(cross_entropies, axis=1)


def _keras_model_fn():
  """Returns a model of all classes without code of this library."""
  kernels = _NETWORK.initial_weights(0, _NUM_CLASSES)[::2]
  first, last = map(tf.keras.initializers.Constant, kernels)
  dense = tf.keras.layers.Dense
  model = tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer([5]),
      dense(7, 'relu', kernel_initializer=first),
      dense(_NUM_CLASSES, kernel_initializer=last),
    ]
  )
  return tff.learning.models.from_keras_model(
    model, _LabelLoss(), _clients()[0].element_spec
  )


class FedMlhComputationTest(tf.test.TestCase):
  def test_types(self):
    process = _build()
    self.assertIsInstance(process, tff.learning.templates.LearningProcess)
    trainable = process.get_model_weights.type_signature.result.trainable
    self.assertEqual(
      trainable.compact_representation(),
      '<float32[3,5,7],float32[3,7],float32[3,7,4],float32[3,4]>',
    )
    self.assertEqual(
      process.next.type_signature.parameter[1].compact_representation(),
      '{<float32[?,5],int32[?,2]>*}@CLIENTS',
    )

  def test_wrong_model(self):
    with self.assertRaisesRegex(TypeError, 'HashedLabelModel, found function'):
      algorithms.build_fed_mlh(_keras_model_fn, _SGD)


class FedMlhExecutionTest(tf.test.TestCase):
  def test_one_table_of_all_classes_equals_federated_averaging(self):
    identity = label_hashing.LabelHash.identity(_NUM_CLASSES)
    weights, metrics = _train(algorithms.build_fed_mlh(_model(identity), _SGD))
    expected, expected_metrics = _train(
      tff.learning.algorithms.build_weighted_fed_avg(_keras_model_fn, _SGD)
    )
    for w, e in zip(weights, expected, strict=True):
      self.assertAllClose(w[0], e)
    self.assertAllClose(
      metrics['client_work']['train']['loss'],
      expected_metrics['client_work']['train']['loss'],
    )

  def test_tables_are_trained_independently(self):
    weights, _ = _train(_build())
    model = _hashed_model()
    (alone_hash,) = (
      label_hashing.LabelHash(_NUM_CLASSES, 4, (coefficients,))
      for coefficients in model.label_hash.coefficients[2:]
    )
    process = algorithms.build_fed_mlh(_model(alone_hash), _SGD)
    state = process.initialize()
    state = process.set_model_weights(
      state,
      tff.learning.models.ModelWeights(
        tuple(w[2:] for w in model.functional_model().initial_weights[0]), ()
      ),
    )
    for _ in range(2):
      state, _ = process.next(state, _clients())
    alone = process.get_model_weights(state).trainable
    for w, a in zip(weights, alone, strict=True):
      self.assertAllClose(w[2:], a)

  def test_loss_decreases(self):
    _, first = _train(_build(), 1)
    _, last = _train(_build(), 20)
    loss, first_loss = (
      m['client_work']['train']['loss'] for m in (last, first)
    )
    self.assertLess(loss, 0.7 * first_loss)

  def test_model_aggregator(self):
    process = algorithms.build_fed_mlh(
      _hashed_model(),
      _SGD,
      model_aggregator=aggregators.sketched_update_aggregator(
        bits=4, min_elements=10
      ),
    )
    weights, metrics = _train(process, 1)
    expected, _ = _train(_build(), 1)
    for w, e in zip(weights, expected, strict=True):
      self.assertAllClose(w, e, atol=0.1)
    self.assertNotAllEqual(weights[0], expected[0])
    count = communication.build_round_bytes_fn(process.next)
    plain = communication.build_round_bytes_fn(_build().next)
    self.assertLess(
      count(metrics, 2)['uplink_bytes'],
      0.5 * plain(_train(_build(), 1)[1], 2)['uplink_bytes'],
    )

  def test_train_model(self):
    rounds = train_model.released_rounds(
      _build(), lambda: _clients()[0], self.get_temp_dir()
    )
    self.assertEqual(rounds, [1, 2])


if __name__ == '__main__':
  tf.test.main()
