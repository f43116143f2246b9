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

As in `tasks.models`, initial weights follow from a seed alone, and there is no
dropout or batch normalization; groups of channels are normalized instead.
"""

from collections.abc import Callable
import copy

import numpy as np
import tensorflow as tf

from tasks.images import image_models
from tff_methods import models

EMBEDDING_SIZE = 64
_NUM_GROUPS = 8
# Of the similarity, as Waghmare et al. (2022), "Efficient Image Representation
# Learning with Federated Sampled Softmax", appendix A.2, has it.
_SCALE = 20.0


def character_cnn(seed: int) -> tf.keras.Model:
  """Three convolutions and a dense layer for 28x28 images: 89,120 weights.

  Args:
    seed: Of the initial weights.

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
  """MobileNetV3Large for 224x224 images, with an embedding as its output.

  It is Keras's (Howard et al., 2019) with a dense layer in the place of its
  head of 1,280 units, as in Waghmare et al. (2022, appendix A.2). Each batch
  normalization is replaced by a group normalization (Wu and He, 2018) of 8
  groups. It has 3,033,456 weights.

  Args:
    seed: Of the initial weights.

  Returns:
    A function that makes a model from `[batch, 224, 224, 3]`, from -1 to 1, to
    `[batch, EMBEDDING_SIZE]`, wherever it is called: in graphs that do not bear
    the variables of batch normalizations too.
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
  """The rows of classes, compared to embeddings by their cosine times 20.

  Args:
    seed: Of the initial rows, whose length is about 1.
    num_classes: The number of logits.

  Returns:
    A layer from `[batch, EMBEDDING_SIZE]` to `[batch, num_classes]`.
  """
  # Another stream than that of the body's initializers.
  rng = np.random.default_rng([seed, num_classes])
  return models.RowLayer(
    num_classes,
    models.ScaledCosine(_SCALE),
    initializer=tf.keras.initializers.RandomNormal(
      stddev=EMBEDDING_SIZE**-0.5, seed=int(rng.integers(2**31))
    ),
  )
