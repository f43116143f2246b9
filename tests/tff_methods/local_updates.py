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
"""Uncompressed updates of the clients of `linear_model`, from TFF."""

import functools

import numpy as np
import tensorflow_federated as tff

from tests.tff_methods import linear_model


@functools.cache
def fed_avg(learning_rate=0.1):
  """Builds TFF's federated averaging of `linear_model`."""
  return tff.learning.algorithms.build_weighted_fed_avg(
    linear_model.model_fn, tff.learning.optimizers.build_sgdm(learning_rate)
  )


def clients():
  """Returns three data sets, of 24, 16 and 8 examples."""
  return [
    dataset.take(num_batches)
    for dataset, num_batches in zip(
      linear_model.datasets(), (3, 2, 1), strict=True
    )
  ]


WEIGHTS = np.float32([24.0, 16.0, 8.0])


def local_update(weights, dataset) -> list[np.ndarray]:
  """Returns the trainable weights before local training, less those after."""
  process = fed_avg()
  state = process.set_model_weights(process.initialize(), weights)
  after = process.next(state, [dataset]).state.global_model_weights
  return [
    np.asarray(x) - np.asarray(y)
    for x, y in zip(weights.trainable, after.trainable, strict=True)
  ]


def largest(x: np.ndarray, k: int) -> np.ndarray:
  """Returns a mask of the `k` largest magnitudes of a vector."""
  mask = np.zeros(x.shape, bool)
  mask[np.argsort(-np.abs(x), kind='stable')[:k]] = True
  return mask
