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
"""Benchmark of the rotation that the clients of a round have in common.

With one rotation for all, errors of similar updates are alike, and averaging
over clients does not remove all of them.
"""

import itertools
import math

import numpy as np
import tensorflow as tf

from tff_methods import encoders
from tff_methods import options as options_lib

LENGTH = 2**12
NUM_CLIENTS = (10, 100, 1000)
CORRELATIONS = (0.1, 0.3, 0.5, 0.9)
COMMON = 'eden, one rotation'
OWN = 'eden, a rotation of each client'
UNIFORM = 'uniform, one rotation'

_CANDIDATES = {
  COMMON: options_lib.SketchOptions(bits=1),
  OWN: options_lib.SketchOptions(bits=1, shared_rotation=False),
  UNIFORM: options_lib.SketchOptions(bits=1, quantizer='uniform'),
}


def errors_of_means(candidate: str, correlation: float) -> dict[int, float]:
  """Measures the mean of sketched updates of one bit.

  Args:
    candidate: `COMMON`, `OWN` or `UNIFORM`.
    correlation: Correlation of the values of two clients.

  Returns:
    By number of clients, the squared error of the mean over the squared norm of
    the mean of the updates.
  """
  round_trip = _build_round_trip(_CANDIDATES[candidate])
  rng = np.random.default_rng(0)
  common = rng.standard_normal(LENGTH)
  mean, decoded_mean = np.zeros([2, LENGTH])
  errors = {}
  for i in range(1, NUM_CLIENTS[-1] + 1):
    own = rng.standard_normal(LENGTH)
    update = correlation**0.5 * common + (1.0 - correlation) ** 0.5 * own
    decoded = round_trip(tf.constant(update, tf.float32), tf.constant(i))
    mean += (update - mean) / i
    decoded_mean += (decoded.numpy() - decoded_mean) / i
    if i in NUM_CLIENTS:
      error = np.sum((decoded_mean - mean) ** 2) / np.sum(mean**2)
      errors[i] = float(error)
  return errors


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Unused: errors are deterministic.
  """
  del repeats
  rows = []
  for correlation, candidate in itertools.product(CORRELATIONS, _CANDIDATES):
    errors = errors_of_means(candidate, correlation)
    # Of infinitely many clients, derived in docs/methods/sketched_updates.md.
    limit = math.asin(correlation) / correlation - 1.0
    rows.append(
      [
        f'squared error of the mean, 1 bit, correlation {correlation:g}',
        candidate,
        ', '.join(f'{error:.4f}' for error in errors.values())
        + f' ({", ".join(map(str, errors))} clients)',
        f'limit {limit if candidate == COMMON else 0:.4f}',
      ]
    )
  return rows


def _build_round_trip(options: options_lib.SketchOptions) -> tf.function:
  """Builds the function from update and client to the decoded update."""
  encoder = encoders.sketch_encoder(
    tf.TensorSpec([LENGTH], tf.float32), options, (0,)
  )

  @tf.function
  def round_trip(update, client):
    encode_params, before_sum, after_sum = encoder.get_params(
      encoder.initial_state()
    )
    payload = encoders.encode_with_salt(
      encoder, update, encode_params, tf.stack([client, 1])
    )
    partly_decoded = encoder.decode_before_sum(payload, before_sum)
    return encoder.decode_after_sum(partly_decoded, after_sum, 1)

  return round_trip
