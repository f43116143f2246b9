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
"""Discrete Gaussian noise, and rounding of bounded norm.

Kairouz et al. (2021), "The Distributed Discrete Gaussian Mechanism for
Federated Learning with Secure Aggregation".
"""

import decimal
import math

import numpy as np
import tensorflow as tf

from tff_methods.common import seeds

_MAX_STDDEV = 10_000
_PRECISION = 62  # Bits of a probability.
_TAIL = 10  # Standard deviations; beyond are fewer than 2**-_PRECISION.
# Probability with which `round_within` falls back to rounding towards zero.
_FALLBACK = 1e-4


class DiscreteGaussian:
  """Sampler of the discrete Gaussian distribution.

  An integer `i` has a probability in proportion to `exp(-i**2 / (2 *
  stddev**2))`. The sampler inverts cumulative probabilities, whole multiples of
  2**-62. So the total variation distance to the exact distribution is at most
  `total_variation` for each integer. That of all integers of a training is at
  most their sum, and adds at most `1 + exp(ε)` times it to δ.

  Attributes:
    total_variation: Bound of the distance, of one integer.
  """

  def __init__(self, stddev: float):
    """Computes the table of probabilities.

    Args:
      stddev: Parameter of the distribution, above 0.

    Raises:
      ValueError: If `stddev` is above 10,000, beyond which the table is large.
    """
    if stddev > _MAX_STDDEV:
      raise ValueError(
        f'Expected noise of a standard deviation of at most {_MAX_STDDEV:,} '
        f'integers for each client, found {stddev:.3g}: lower bits or '
        'noise_multiplier.'
      )
    self._largest = math.ceil(_TAIL * stddev) + 1
    with decimal.localcontext() as context:
      context.prec = 40
      scale = -2 * decimal.Decimal(stddev) ** 2
      weights = [
        (decimal.Decimal(i * i) / scale).exp() for i in range(self._largest + 1)
      ]
      total = 2 * sum(weights, decimal.Decimal(0)) - 1
      unit = decimal.Decimal(2) ** _PRECISION / total
      cumulative, total = [], decimal.Decimal(0)
      for i in range(-self._largest, self._largest):
        total += weights[abs(i)]
        cumulative.append(round(total * unit))
    self._cumulative = np.array(cumulative, np.int64)
    # Each of the boundaries is rounded by half a unit at most, and moves mass
    # between two neighbours. The second term is the tail.
    self.total_variation = (len(cumulative) / 2 + 1) * 2.0**-_PRECISION

  def sample(self, key: tf.Tensor, length: int) -> tf.Tensor:
    """Returns `int32[length]` of independent integers.

    Args:
      key: `int32[2]`.
      length: Number of integers.
    """
    words = tf.bitcast(
      tf.reshape(seeds.random_words(key, 2 * length), [length, 2]), tf.int64
    )
    uniform = tf.bitwise.bitwise_and(words, 2**_PRECISION - 1)
    index = tf.searchsorted(self._cumulative, uniform, side='right')
    return index - self._largest


def rounded_norm_bound(norm: float, length: int) -> int:
  """Returns the bound of `round_within`, squared.

  As in section 4 of the paper: stochastic rounding stays within it but for one
  vector in 10,000.

  Args:
    norm: Largest Euclidean norm of a vector, in integer steps.
    length: Number of elements.
  """
  deviation = math.sqrt(-2.0 * math.log(_FALLBACK))
  return math.floor(
    norm**2 + length / 4 + deviation * (norm + math.sqrt(length) / 2)
  )


def round_within(y: tf.Tensor, bound: int, key: tf.Tensor) -> tf.Tensor:
  """Rounds a vector stochastically to integers of bounded norm.

  Args:
    y: `float32[n]`, of magnitudes below 2**22.
    bound: Largest square of the Euclidean norm of the result.
    key: `int32[2]`.

  Returns:
    `int32[n]`. If stochastic rounding exceeds the bound, `y` is rounded towards
    zero; should this exceed it, too, the result is zero. So the norm, computed
    in integers, never exceeds the bound, whatever `y` is.
  """
  words = seeds.random_words(key, y.shape[0])
  noise = (
    tf.cast(tf.bitwise.bitwise_and(words, 0xFFFFFF), tf.float32) * 2.0**-24
  )
  lower = tf.floor(y)
  rounded = tf.cast(lower, tf.int32) + tf.cast(noise < y - lower, tf.int32)
  towards_zero = tf.cast(y, tf.int32)
  result = tf.zeros_like(rounded)
  for candidate in (towards_zero, rounded):
    square = tf.reduce_sum(tf.square(tf.cast(candidate, tf.int64)))
    result = tf.where(square <= bound, candidate, result)
  return result
