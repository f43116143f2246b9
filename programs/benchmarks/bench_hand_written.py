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
"""Round of federated averaging in plain TensorFlow, without any framework."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

NAME = 'a hand-written TensorFlow loop'


def build_round(
  model: tf.keras.Model,
  clients: Sequence[tf.data.Dataset],
  learning_rate: float,
) -> Callable[[], list[np.ndarray]]:
  """Returns a function that runs a round of federated averaging.

  Clients train one after the other, by SGD.

  Args:
    model: Classifier that returns logits.
    clients: Data of the clients, of batches `(x, y)`.
    learning_rate: Learning rate of the clients.

  Returns:
    A function that returns the next weights of the model.
  """
  loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
  variables = model.trainable_variables
  initial = [tf.constant(v) for v in variables]

  @tf.function
  def train(dataset, weights):
    for i, variable in enumerate(variables):
      variable.assign(weights[i])
    num_examples, loss_sum, num_correct = 0, 0.0, 0
    # A loop over the data set itself would become a `Dataset.reduce`, which
    # runs on one thread.
    for x, y in iter(dataset):
      with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits)
      gradients = tape.gradient(loss, variables)
      for i, variable in enumerate(variables):
        variable.assign_sub(learning_rate * gradients[i])
      size = tf.shape(y)[0]
      num_examples += size
      loss_sum += loss * tf.cast(size, tf.float32)
      is_correct = tf.argmax(logits, 1, y.dtype) == y
      num_correct += tf.reduce_sum(tf.cast(is_correct, tf.int32))
    weight = tf.cast(num_examples, tf.float32)
    delta = [weight * (w - variables[i]) for i, w in enumerate(weights)]
    return delta, weight, loss_sum, num_correct

  def run():
    total = [tf.zeros_like(w) for w in initial]
    total_weight = 0.0
    for dataset in clients:
      delta, weight, _, _ = train(dataset, initial)
      total = [t + delta[i] for i, t in enumerate(total)]
      total_weight += weight
    return [
      (w - total[i] / total_weight).numpy() for i, w in enumerate(initial)
    ]

  return run
