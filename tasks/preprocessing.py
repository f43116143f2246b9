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
"""Preprocessing: from stored examples to the batches that a model takes."""

from collections.abc import Callable
import dataclasses
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tasks import client_database
from tasks import serving

# From a batch of stored examples to inputs and labels.
DecodeFn = Callable[[Any], tuple[tf.Tensor, tf.Tensor]]

_EVAL_BATCH_SIZE = 250


def build_train_preprocess_fn(
  client_spec: tff.simulation.baselines.ClientSpec,
  decode_fn: DecodeFn,
  seed: int,
) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
  """Builds a function that prepares the training data of a client.

  It shuffles, repeats, limits, batches and decodes, in this order.

  Each pass over the data has another order, and all orders follow from `seed`:
  a client sees the same batches in each round, each process and each runtime.
  (In eager mode they also depend on `tf.random.set_seed`, if it was called.)

  Args:
    client_spec: Number of passes, batch size, limit and shuffle buffer.
    decode_fn: Maps a batch of stored examples to `(x, y)`.
    seed: Seed of the order of examples.

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
  # TensorFlow rewrites and tunes a pipeline each time it starts, which takes
  # longer than reading the few batches of a client.
  options = tf.data.Options()
  options.autotune.enabled = False
  options.experimental_optimization.apply_default_optimizations = False
  return options


def build_eval_preprocess_fn(
  decode_fn: DecodeFn,
) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
  """Builds a function that batches and decodes examples in their order.

  Args:
    decode_fn: Maps a batch of stored examples to `(x, y)`.

  Returns:
    A function from data set to data set.
  """
  return lambda dataset: dataset.batch(_EVAL_BATCH_SIZE).map(decode_fn)


@dataclasses.dataclass(frozen=True)
class ImageFormat:
  """Stored images, and the normalization of their pixels.

  Attributes:
    shape: Height, width and channels.
    mean: Mean that is subtracted from the pixels of each channel.
    scale: Divisor of the centered pixels of each channel.
  """

  shape: tuple[int, int, int]
  mean: tuple[float, ...]
  scale: tuple[float, ...]

  def decode(self, serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a batch of examples of a client database.

    Args:
      serialized: string `[batch]`.

    Returns:
      Images, float32 `[batch, *shape]`, and labels, int32 `[batch]`.
    """
    pixels, labels = client_database.parse_examples(serialized)
    images = tf.reshape(pixels, (-1, *self.shape))
    return self.normalize(images), tf.cast(labels, tf.int32)

  def normalize(self, images: tf.Tensor) -> tf.Tensor:
    """Maps images, uint8 `[batch, *shape]`, to float32 of the same shape."""
    return (tf.cast(images, tf.float32) - self.mean) / self.scale

  def serving(self) -> serving.Serving:
    """Returns the serving of a model that takes stored images: `images`."""
    return serving.Serving(
      {'images': tf.TensorSpec([None, *self.shape], tf.uint8)}, self.normalize
    )
