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
"""From a client's stored examples to the batches that a model takes."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tasks import client_database

# From a batch of stored examples to images and labels.
DecodeFn = Callable[[Any], tuple[tf.Tensor, tf.Tensor]]

_EVAL_BATCH_SIZE = 250


def build_train_preprocess_fn(
  client_spec: tff.simulation.baselines.ClientSpec,
  decode_fn: DecodeFn,
  seed: int,
) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
  """Shuffles, repeats, limits, batches and decodes a client's examples.

  Each pass over the data has another order, and all orders follow from `seed`:
  a client sees the same batches whenever and wherever its data set is made, in
  each round and in each runtime. (Where TensorFlow runs eagerly, they follow
  from `tf.random.set_seed` too, if that was called.)

  Args:
    client_spec: How often, in what batches, and how many elements.
    decode_fn: From a batch of stored examples to `(x, y)`.
    seed: Of the order.

  Returns:
    A function from data set to data set.
  """

  def preprocess_fn(dataset: tf.data.Dataset) -> tf.data.Dataset:
    dataset = dataset.shuffle(
      client_spec.shuffle_buffer_size, seed, reshuffle_each_iteration=True
    )
    dataset = dataset.repeat(client_spec.num_epochs)
    if client_spec.max_elements is not None:
      dataset = dataset.take(client_spec.max_elements)
    dataset = dataset.batch(client_spec.batch_size).map(decode_fn)
    return dataset.with_options(_options_of_small_data())

  return preprocess_fn


def _options_of_small_data() -> tf.data.Options:
  # To rewrite and tune the pipeline, as TensorFlow does each time that one
  # begins, takes longer than to run over a client's few batches.
  options = tf.data.Options()
  options.autotune.enabled = False
  options.experimental_optimization.apply_default_optimizations = False
  return options


def build_eval_preprocess_fn(
  decode_fn: DecodeFn,
) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
  """Batches and decodes examples, in their order."""
  return lambda dataset: dataset.batch(_EVAL_BATCH_SIZE).map(decode_fn)


def decode_images(
  serialized: tf.Tensor,
  *,
  image_shape: tuple[int, int, int],
  mean: tuple[float, ...],
  scale: tuple[float, ...],
) -> tuple[tf.Tensor, tf.Tensor]:
  """Decodes a batch of examples of a client database.

  Args:
    serialized: string `[batch]`.
    image_shape: Height, width and channels.
    mean: What is taken from the pixels of each channel.
    scale: What they are then divided by.

  Returns:
    Images, float32 `[batch, *image_shape]`, and labels, int32 `[batch]`.
  """
  pixels, labels = client_database.parse_examples(serialized)
  pixels = tf.reshape(pixels, (-1, *image_shape))
  x = (tf.cast(pixels, tf.float32) - mean) / scale
  return x, tf.cast(labels, tf.int32)
