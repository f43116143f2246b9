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
"""Keras models for `--keras_model=examples.keras_models:NAME`."""

import tensorflow as tf


def digits(num_classes: int) -> tf.keras.Model:
  """Returns a model of images of 8 x 8 bytes.

  Args:
    num_classes: Number of classes, from the data.
  """
  return tf.keras.Sequential(
    [
      tf.keras.Input([8, 8, 1]),
      tf.keras.layers.Rescaling(1 / 16),
      tf.keras.layers.Conv2D(16, 3, activation='relu'),
      tf.keras.layers.Flatten(),
      tf.keras.layers.Dense(32, activation='relu'),
      tf.keras.layers.Dense(num_classes),  # Logits.
    ]
  )


def posts(num_classes: int) -> tf.keras.Model:
  """Returns a model of two inputs: words as text, and a vector of numbers.

  Args:
    num_classes: Number of classes, from the data.
  """
  words = tf.keras.Input([20], dtype=tf.string, name='words')
  numbers = tf.keras.Input([2], name='numbers')
  ids = tf.keras.layers.Hashing(2_000)(words)
  embedded = tf.keras.layers.Embedding(2_000, 16)(ids)
  pooled = tf.keras.layers.GlobalAveragePooling1D()(embedded)
  joined = tf.keras.layers.Concatenate()([pooled, numbers])
  hidden = tf.keras.layers.Dense(32, activation='relu')(joined)
  scores = tf.keras.layers.Dense(num_classes, name='scores')(hidden)
  return tf.keras.Model([words, numbers], scores)
