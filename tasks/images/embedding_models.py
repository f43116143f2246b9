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
"""Models in two parts: bodies that embed images, and the rows of classes.

Initial weights follow from a seed alone. There is no dropout or batch
normalization, see `image_models`; group normalization takes its place.
"""

from collections.abc import Callable
import copy

import numpy as np
import tensorflow as tf

from tasks.images import image_models
from tff_methods import models

EMBEDDING_SIZE = 64
_NUM_GROUPS = 8
# Scale of the cosine: Waghmare et al. (2022), "Efficient Image Representation
# Learning with Federated Sampled Softmax", appendix A.2.
_SCALE = 20.0


def character_cnn(seed: int) -> tf.keras.Model:
  """Builds a body for 28x28 images: three convolutions and a dense layer.

  It has 89,120 weights.

  Args:
    seed: Seed of the initial weights.

  Returns:
    A model from `[batch, 28, 28, 1]` to `[batch, EMBEDDING_SIZE]`.
  """
  init = image_models.relu_initializers(seed)
  layers = [tf.keras.layers.InputLayer((28, 28, 1))]
  for filters in (16, 32, 64):
    layers += [
      tf.keras.layers.Conv2D(
        filters, 3, strides=2, padding='same', kernel_initializer=next(init)
      ),
      tf.keras.layers.GroupNormalization(_NUM_GROUPS),
      tf.keras.layers.ReLU(),
    ]
  layers += [
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(EMBEDDING_SIZE, kernel_initializer=next(init)),
  ]
  return tf.keras.Sequential(layers)


def build_mobilenet_fn(seed: int) -> Callable[[], tf.keras.Model]:
  """Returns a builder of MobileNetV3Large for 224x224 images, as a body.

  The model of Keras (Howard et al., 2019) with two changes: a dense layer
  replaces its head of 1,280 units (Waghmare et al., 2022, appendix A.2), and a
  group normalization of 8 groups (Wu and He, 2018) replaces each batch
  normalization. It has 3,033,456 weights.

  Args:
    seed: Seed of the initial weights.

  Returns:
    A function that builds a model from `[batch, 224, 224, 3]`, with pixels from
    -1 to 1, to `[batch, EMBEDDING_SIZE]`. It also works in graphs that do not
    allow the variables of batch normalizations.
  """
  keras_config = tf.keras.applications.MobileNetV3Large(
    (224, 224, 3),
    include_top=False,
    include_preprocessing=False,
    pooling='avg',
    weights=None,
  ).get_config()

  def mobilenet() -> tf.keras.Model:
    init = image_models.relu_initializers(seed)
    config = copy.deepcopy(keras_config)
    for layer in config['layers']:
      if layer['class_name'] == 'BatchNormalization':
        layer['class_name'] = 'GroupNormalization'
        layer['config'] = {
          'groups': _NUM_GROUPS,
          'epsilon': layer['config']['epsilon'],
          'name': layer['config']['name'],
        }
      for name in ('kernel_initializer', 'depthwise_initializer'):
        if name in layer['config']:
          layer['config'][name] = next(init)
    body = tf.keras.Model.from_config(config)
    embed = tf.keras.layers.Dense(EMBEDDING_SIZE, kernel_initializer=next(init))
    return tf.keras.Model(body.input, embed(body.output))

  return mobilenet


def class_rows(seed: int, num_classes: int) -> models.RowLayer:
  """Builds the table of class rows, scored by 20 times the cosine.

  Args:
    seed: Seed of the initial rows, whose length is about 1.
    num_classes: Number of logits.

  Returns:
    A layer from `[batch, EMBEDDING_SIZE]` to `[batch, num_classes]`.
  """
  # A different stream from the initializers of the body.
  rng = np.random.default_rng([seed, num_classes])
  return models.RowLayer(
    num_classes,
    models.ScaledCosine(_SCALE),
    initializer=tf.keras.initializers.RandomNormal(
      stddev=EMBEDDING_SIZE**-0.5, seed=int(rng.integers(2**31))
    ),
  )
