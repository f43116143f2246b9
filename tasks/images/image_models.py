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
"""The tasks' models, in Keras; all end in logits.

None has dropout or batch normalization: ops that keep state of their own are
not repeatable on clients. Initial weights follow from a seed alone, so each
call of a `model_fn` gives the same.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf


def digits_cnn(seed: int) -> tf.keras.Model:
  """Two convolutional and two dense layers for 8x8 images: 151,306 weights.

  Args:
    seed: Of the initial weights.

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
  """Two convolutional and two dense layers for 28x28 images.

  It has 843,658 weights for 10 classes and 870,334 for 62.

  Args:
    seed: Of the initial weights.
    num_classes: The number of logits.

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


def all_cnn(seed: int) -> tf.keras.Model:
  """The all-convolutional model for CIFAR-10: 1,369,738 weights.

  Konečný et al. (2016) train "Model C" of Springenberg et al. (2014, "Striving
  for Simplicity") with 9 convolutional layers and over 10^6 parameters, the
  first and the last layer with far fewer than the others. Model C itself has 7
  convolutional layers and two of max-pooling; with 9, and without pooling, it
  is that paper's "All-CNN-C", which this is. Konečný et al. compress the inner
  7 layers, "each of which with the same parameter": that can only be the
  method's parameter, since their numbers of weights differ (36,864 in the 1x1
  layer, 82,944 to 331,776 in the others).

  What differs from All-CNN-C: no dropout, since its randomness on clients could
  not be repeated, and no ReLU after the last layer, which would cut off the
  negative logits.

  Args:
    seed: Of the initial weights.

  Returns:
    A model from `[batch, 32, 32, 3]` to `[batch, 10]`.
  """
  init = relu_initializers(seed)
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer((32, 32, 3)),
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
  """Initializers for ReLU layers, each with a seed of its own."""
  rng = np.random.default_rng(seed)
  while True:
    yield tf.keras.initializers.HeUniform(seed=int(rng.integers(2**31)))
