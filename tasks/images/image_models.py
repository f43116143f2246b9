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
"""Keras models for image classification; all return logits.

None has dropout or batch normalization: stateful ops are not repeatable on
clients. Initial weights follow from a seed alone, so all calls of a `model_fn`
give the same weights.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf


def digits_cnn(seed: int) -> tf.keras.Model:
  """Builds a CNN for 8x8 images: two convolutions, two dense layers.

  It has 151,306 weights.

  Args:
    seed: Seed of the initial weights.

  Returns:
    A model from `[batch, 8, 8, 1]` to `[batch, 10]`.
  """
  init = relu_initializers(seed)
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer((8, 8, 1)),
      _conv(32, 3, next(init)),
      _conv(64, 3, next(init)),
      tf.keras.layers.MaxPooling2D(),
      tf.keras.layers.Flatten(),
      tf.keras.layers.Dense(
        128, activation='relu', kernel_initializer=next(init)
      ),
      tf.keras.layers.Dense(10, kernel_initializer=next(init)),
    ]
  )


def mnist_cnn(seed: int, num_classes: int = 10) -> tf.keras.Model:
  """Builds a CNN for 28x28 images: two convolutions, two dense layers.

  It has 843,658 weights for 10 classes and 870,334 for 62.

  Args:
    seed: Seed of the initial weights.
    num_classes: Number of logits.

  Returns:
    A model from `[batch, 28, 28, 1]` to `[batch, num_classes]`.
  """
  init = relu_initializers(seed)
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer((28, 28, 1)),
      _conv(32, 3, next(init), padding='valid'),
      tf.keras.layers.MaxPooling2D(),
      _conv(64, 3, next(init), padding='valid'),
      tf.keras.layers.MaxPooling2D(),
      tf.keras.layers.Flatten(),
      tf.keras.layers.Dense(
        512, activation='relu', kernel_initializer=next(init)
      ),
      tf.keras.layers.Dense(num_classes, kernel_initializer=next(init)),
    ]
  )


def mnist_small_cnn(seed: int) -> tf.keras.Model:
  """Builds a CNN for 28x28 images of 26,010 weights.

  It is the model of TensorFlow Privacy's tutorials: two convolutions with
  strides, and two dense layers.

  Args:
    seed: Seed of the initial weights.

  Returns:
    A model from `[batch, 28, 28, 1]` to `[batch, 10]`.
  """
  init = relu_initializers(seed)
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer((28, 28, 1)),
      _conv(16, 8, next(init), strides=2),
      tf.keras.layers.MaxPooling2D(2, strides=1),
      _conv(32, 4, next(init), strides=2, padding='valid'),
      tf.keras.layers.MaxPooling2D(2, strides=1),
      tf.keras.layers.Flatten(),
      tf.keras.layers.Dense(
        32, activation='relu', kernel_initializer=next(init)
      ),
      tf.keras.layers.Dense(10, kernel_initializer=next(init)),
    ]
  )


def all_cnn(
  seed: int, image_shape: tuple[int, int, int] = (32, 32, 3)
) -> tf.keras.Model:
  """Builds the all-convolutional model for CIFAR-10: 1,369,738 weights.

  Konečný et al. (2016) train "Model C" of Springenberg et al. (2014, "Striving
  for Simplicity") with 9 convolutional layers and over 10^6 parameters, far
  fewer of them in the first and the last layer than in the others. Model C
  itself has 7 convolutional and two max-pooling layers. The model with 9
  convolutional layers and no pooling is "All-CNN-C" of that paper, which is
  built here. Konečný et al. compress the inner 7 layers, "each of which with
  the same parameter": this must be the parameter of the method, since the
  layers differ in their numbers of weights (36,864 in the 1x1 layer, 82,944 to
  331,776 in the others).

  Differences from All-CNN-C: no dropout, whose randomness is not repeatable on
  clients, and no ReLU after the last layer, which would clip negative logits.

  The DHQC paper trains an "ALL_CNN" on CIFAR-10 and MNIST. For images of MNIST,
  `(28, 28, 1)`, the first layer has one channel: 1,368,010 weights.

  Args:
    seed: Seed of the initial weights.
    image_shape: Shape of an image.

  Returns:
    A model from `[batch, *image_shape]` to `[batch, 10]`.
  """
  init = relu_initializers(seed)
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer(image_shape),
      _conv(96, 3, next(init)),
      _conv(96, 3, next(init)),
      _conv(96, 3, next(init), strides=2),
      _conv(192, 3, next(init)),
      _conv(192, 3, next(init)),
      _conv(192, 3, next(init), strides=2),
      _conv(192, 3, next(init), padding='valid'),
      _conv(192, 1, next(init)),
      _conv(10, 1, next(init), activation=None),
      tf.keras.layers.GlobalAveragePooling2D(),
    ]
  )


def _conv(
  filters: int,
  size: int,
  initializer: tf.keras.initializers.Initializer,
  **kwargs: object,
) -> tf.keras.layers.Layer:
  kwargs = {'activation': 'relu', 'padding': 'same'} | kwargs
  return tf.keras.layers.Conv2D(
    filters, size, kernel_initializer=initializer, **kwargs
  )


def relu_initializers(seed: int) -> Iterator[tf.keras.initializers.Initializer]:
  """Yields initializers for ReLU layers, each with a seed of its own.

  Args:
    seed: Seed of the sequence.
  """
  rng = np.random.default_rng(seed)
  while True:
    yield tf.keras.initializers.HeUniform(seed=int(rng.integers(2**31)))
