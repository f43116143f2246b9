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
"""Benchmark of a training step of several clients at once.

Clients whose batches have equal shapes can take a step together, each with its
own model: TensorFlow's `vectorized_map` turns the step of one client into that
of all of them.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from programs.benchmarks import bench_timing
from tasks.images import image_models

ONE_BY_ONE = 'one client after the other'
TOGETHER = 'all clients together'
_NUM_CLIENTS = 10
_BATCH_SIZE = 20
_NUM_CLASSES = 10
_LEARNING_RATE = 0.1

# From weights and images to logits.
Network = Callable[[Sequence[tf.Tensor], tf.Tensor], tf.Tensor]


def dense_logits(weights: Sequence[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
  """Computes a network of dense layers.

  Args:
    weights: Kernel and bias of each layer.
    x: `float32[batch, ...]`, the images.
  """
  x = tf.reshape(x, [x.shape[0], -1])
  for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
    x = tf.nn.relu(x @ kernel + bias)
  return x @ weights[-2] + weights[-1]


def cnn_logits(weights: Sequence[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
  """Computes `image_models.mnist_cnn`.

  Args:
    weights: Its weights.
    x: `float32[batch, 28, 28, 1]`, the images.
  """
  for kernel, bias in (weights[:2], weights[2:4]):
    x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, 'VALID') + bias)
    x = tf.nn.max_pool2d(x, 2, 2, 'VALID')
  return dense_logits(weights[4:], x)


def build_steps(
  network: Network, weights: Sequence[np.ndarray], image_shape: Sequence[int]
) -> dict[str, Callable[[], list[tf.Tensor]]]:
  """Returns functions that take a step of SGD with each client's batch.

  Args:
    network: The network.
    weights: Initial weights of all clients.
    image_shape: Shape of an image.

  Returns:
    By candidate, a function that returns the weights of all clients, stacked.
  """
  rng = np.random.default_rng(0)
  size = (_NUM_CLIENTS, _BATCH_SIZE)
  x = tf.constant(rng.normal(size=(*size, *image_shape)), tf.float32)
  y = tf.constant(rng.integers(_NUM_CLASSES, size=size), tf.int32)
  stacked = [tf.stack([w] * _NUM_CLIENTS) for w in weights]

  def step(client):
    weights, x, y = client
    with tf.GradientTape() as tape:
      tape.watch(weights)
      losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=y, logits=network(weights, x)
      )
      loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, weights)
    return [
      w - _LEARNING_RATE * g for w, g in zip(weights, gradients, strict=True)
    ]

  @tf.function
  def one_by_one(*clients):
    weights = [
      step(tf.nest.map_structure(lambda part, i=i: part[i], clients))
      for i in range(_NUM_CLIENTS)
    ]
    return [tf.stack(values) for values in zip(*weights, strict=True)]

  @tf.function
  def together(*clients):
    return tf.vectorized_map(step, clients)

  return {
    ONE_BY_ONE: lambda: one_by_one(stacked, x, y),
    TOGETHER: lambda: together(stacked, x, y),
  }


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  table = []
  for name, network, model, shape in (
    ('2NN', dense_logits, dense_model(), (28, 28, 1)),
    ('CNN', cnn_logits, image_models.mnist_cnn(0), (28, 28, 1)),
  ):
    weights = [variable.numpy() for variable in model.trainable_variables]
    steps = build_steps(network, weights, shape)
    seconds = bench_timing.medians(steps, repeats)
    num_weights = sum(w.size for w in weights)
    table.extend(
      [
        f'a step of {_NUM_CLIENTS} clients: {name}, {num_weights:,} weights',
        candidate,
        f'{1000 * seconds[candidate]:.1f} ms',
        f'{seconds[candidate] / seconds[ONE_BY_ONE]:.2f} x {ONE_BY_ONE}',
      ]
      for candidate in steps
    )
  return table


def dense_model() -> tf.keras.Model:
  """Returns the "2NN" of McMahan et al. (2017)."""
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer((28, 28, 1)),
      tf.keras.layers.Flatten(),
      tf.keras.layers.Dense(200, 'relu'),
      tf.keras.layers.Dense(200, 'relu'),
      tf.keras.layers.Dense(_NUM_CLASSES),
    ]
  )
