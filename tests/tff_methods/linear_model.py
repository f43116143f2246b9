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


def model_fn():
  """Returns a `VariableModel` of 80 weights and 4 biases, zero at first."""
  inputs = tf.keras.Input([NUM_FEATURES])
  dense = tf.keras.layers.Dense(NUM_CLASSES, kernel_initializer='zeros')
  return tff.learning.models.from_keras_model(
    tf.keras.Model(inputs, dense(inputs)),
    input_spec=(
      tf.TensorSpec([None, NUM_FEATURES], tf.float32),
      tf.TensorSpec([None], tf.int32),
    ),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name='accuracy')],
  )


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
