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
"""Plugs an aggregator of this library into an existing TFF program.

  python -m examples.aggregator

The program is TFF's federated averaging. One argument differs between the two
runs, and with it the bytes that clients send.
"""

import numpy as np
from sklearn import datasets
import tensorflow as tf
import tensorflow_federated as tff

import tff_methods


def main() -> None:
  """Trains with and without compression, and prints accuracy and bytes."""
  tff_methods.runtime.set_local_context()  # Its worker ends with the program.
  clients, test = _load()
  spec = clients[0].element_spec

  def model_fn() -> tff.learning.models.VariableModel:
    layers = [
      tf.keras.Input([64]),
      tf.keras.layers.Dense(100, 'relu', kernel_initializer=_initializer(0)),
      tf.keras.layers.Dense(10, kernel_initializer=_initializer(1)),
    ]
    return tff.learning.models.from_keras_model(
      tf.keras.Sequential(layers),
      tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      spec,
      metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
    )

  evaluate = tff.learning.algorithms.build_fed_eval(model_fn)
  for name, aggregator in (
    ('TFF', None),
    (
      '4 bits',
      tff_methods.aggregators.sketched_update_aggregator(bits=4),
    ),
  ):
    process = tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.1),
      model_aggregator=aggregator,
    )
    count_bytes = tff_methods.communication.build_round_bytes_fn(process.next)
    state, uplink_bytes = process.initialize(), 0
    for _ in range(10):
      state, metrics = process.next(state, clients)
      uplink_bytes += count_bytes(metrics, len(clients))['uplink_bytes']
    eval_state = evaluate.set_model_weights(
      evaluate.initialize(), process.get_model_weights(state)
    )
    _, metrics = evaluate.next(eval_state, [test])
    metrics = metrics['client_work']['eval']['current_round_metrics']
    accuracy = metrics['sparse_categorical_accuracy']
    print(f'{name}: accuracy {accuracy:.3f}, uplink {uplink_bytes:,} bytes')


def _initializer(seed: int) -> tf.keras.initializers.Initializer:
  return tf.keras.initializers.GlorotUniform(seed)


def _load() -> tuple[list[tf.data.Dataset], tf.data.Dataset]:
  """Returns the data of five clients, and test data."""
  x, y = datasets.load_digits(return_X_y=True)
  x, y = (x / 16).astype(np.float32), y.astype(np.int32)
  data = [
    tf.data.Dataset.from_tensor_slices((x[i::6], y[i::6])).batch(20)
    for i in range(6)
  ]
  return data[:5], data[5]


if __name__ == '__main__':
  main()
