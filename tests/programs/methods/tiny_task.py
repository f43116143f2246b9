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
"""Small task with all attributes that methods read."""

import collections
import types

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import label_hashing

# Values of the flags that methods require.
REQUIRED_FLAGS = {'fraction': 0.5, 'num_sampled_classes': 4, 'num_buckets': 3}


def model_fn() -> tff.learning.models.VariableModel:
  """Builds a linear model of two features."""
  return tff.learning.models.from_keras_model(
    tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))]),
    loss=tf.keras.losses.MeanSquaredError(),
    input_spec=collections.OrderedDict(
      x=tf.TensorSpec((None, 2), np.float32),
      y=tf.TensorSpec((None, 1), np.float32),
    ),
  )


TASK = types.SimpleNamespace(
  model_fn=model_fn,
  row_model=row_models.row_model(),
  num_labels=9,
  hashed_model=lambda label_hash, seed: label_hashing.HashedLabelModel(
    label_hashing.DenseNetwork(4, (3,)), label_hash, max_labels=2, seed=seed
  ),
)
