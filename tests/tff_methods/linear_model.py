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
"""A tiny learning problem for tests of processes: one dense layer."""

import collections

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

NUM_FEATURES, NUM_CLASSES = 20, 4
_INPUT_SPEC = (
  tf.TensorSpec([None, NUM_FEATURES], tf.float32),
  tf.TensorSpec([None], tf.int32),
)


def datasets(num_clients=3, num_examples=24, batch_size=8):
  """Returns a `tf.data.Dataset` for each client, learnable by `model_fn`."""
  rng = np.random.default_rng(0)
  truth = rng.normal(size=[NUM_FEATURES, NUM_CLASSES])
  result = []
  for _ in range(num_clients):
    x = rng.normal(size=[num_examples, NUM_FEATURES]).astype(np.float32)
    y = (x @ truth).argmax(axis=1).astype(np.int32)
    result.append(tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size))
  return result


class _LinearModel(tff.learning.models.VariableModel):
  """Model with the loss and metrics that TFF's model of a Keras layer has.

  Written out, since it takes half the time to trace.
  """

  def __init__(self):
    self._kernel = tf.Variable(tf.zeros([NUM_FEATURES, NUM_CLASSES]))
    self._bias = tf.Variable(tf.zeros([NUM_CLASSES]))
    self._totals = {
      'accuracy': [_total(tf.float32), _total(tf.float32)],
      'loss': [_total(tf.float32), _total(tf.float32)],
      'num_examples': [_total(tf.int64)],
      'num_batches': [_total(tf.int64)],
    }

  @property
  def trainable_variables(self):
    return [self._kernel, self._bias]

  @property
  def non_trainable_variables(self):
    return []

  @property
  def local_variables(self):
    return [v for totals in self._totals.values() for v in totals]

  @property
  def input_spec(self):
    return _INPUT_SPEC

  def predict_on_batch(self, x, training=True):
    del training
    return tf.matmul(x, self._kernel) + self._bias

  def forward_pass(self, batch_input, training=True):
    x, y = batch_input
    scores = self.predict_on_batch(x, training)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)
    correct = tf.equal(tf.argmax(scores, axis=1, output_type=tf.int32), y)
    num_examples = tf.shape(y)[0]
    batch = {
      'accuracy': [tf.math.count_nonzero(correct), num_examples],
      'loss': [tf.reduce_sum(losses), num_examples],
      'num_examples': [num_examples],
      'num_batches': [1],
    }
    for name, totals in self._totals.items():
      for total, value in zip(totals, batch[name], strict=True):
        total.assign_add(tf.cast(value, total.dtype))
    return tff.learning.models.BatchOutput(
      loss=tf.reduce_mean(losses), predictions=scores, num_examples=num_examples
    )

  def reset_metrics(self):
    for total in self.local_variables:
      total.assign(tf.zeros_like(total))

  def report_local_unfinalized_metrics(self):
    return collections.OrderedDict(
      (name, [total.read_value() for total in totals])
      for name, totals in self._totals.items()
    )

  def metric_finalizers(self):
    mean = tf.function(lambda totals: tf.math.divide_no_nan(*totals))
    count = tf.function(lambda totals: totals[0])
    return collections.OrderedDict(
      accuracy=mean, loss=mean, num_examples=count, num_batches=count
    )


def _total(dtype):
  return tf.Variable(tf.zeros([], dtype), trainable=False)


def model_fn():
  """Returns a `VariableModel` of 80 weights and 4 biases, zero at first."""
  return _LinearModel()


def functional_model():
  """Returns a `FunctionalModel` of the same weights."""
  inputs = tf.keras.Input([NUM_FEATURES])
  dense = tf.keras.layers.Dense(NUM_CLASSES, kernel_initializer='zeros')
  return tff.learning.models.functional_model_from_keras(
    tf.keras.Model(inputs, dense(inputs)),
    loss_fn=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    input_spec=datasets(1)[0].element_spec,
    metrics_constructor=lambda: collections.OrderedDict(
      accuracy=tf.keras.metrics.SparseCategoricalAccuracy()
    ),
  )


def train(process, num_rounds, clients=None):
  """Returns the state and the metrics after some rounds."""
  clients = clients or datasets()
  state, metrics = process.initialize(), None
  for _ in range(num_rounds):
    state, metrics = process.next(state, clients)
  return state, metrics
