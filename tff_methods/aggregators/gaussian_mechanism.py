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
"""Gaussian noise on sums of clipped updates, and adaptive clips.

McMahan et al. (2018), "Learning Differentially Private Recurrent Language
Models"; Andrew et al. (2021), "Differentially Private Learning with Adaptive
Clipping".
"""

import collections
import secrets
from typing import Any

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import seeds

# Adaptive clipping, as in `tff.aggregators.DifferentiallyPrivateFactory`.
_INITIAL_CLIP = 0.1
_TARGET_QUANTILE = 0.5
_CLIP_LEARNING_RATE = 0.2


class GaussianMechanism:
  """Gaussian mechanism on sums of clipped updates.

  With `clip='adaptive'`, the clipping norm follows the median norm, by a noisy
  count of the clients below it: see `dp_sketched_aggregator`.

  Its state is an `OrderedDict` of `round`, `int32`, and `clip`, `float32`.

  Attributes:
    is_adaptive: True if clients send whether they are below the norm.
  """

  def __init__(self, options: options_lib.NoiseOptions, denominator: float):
    """Initializes the mechanism.

    Args:
      options: Multiplier of the noise, and clip.
      denominator: Number that noisy sums are divided by.
    """
    self._options = options
    self._denominator = denominator
    self.is_adaptive = isinstance(options.clip, str)
    # In the state of the process, checkpoints would keep it.
    self._secret = seeds.key(secrets.randbits(128))
    self._sum_multiplier = float(options.noise_multiplier)
    self._count_stddev = 0.0
    if self.is_adaptive and options.noise_multiplier:
      z = options.noise_multiplier
      self._count_stddev = max(options.clients_per_round / 20, z)
      self._sum_multiplier = (z**-2 - (2 * self._count_stddev) ** -2) ** -0.5

  def initial_state(self) -> 'collections.OrderedDict[str, tf.Tensor]':
    """Returns the state of round 0."""
    clip = _INITIAL_CLIP if self.is_adaptive else self._options.clip
    return collections.OrderedDict(
      round=tf.constant(0, tf.int32), clip=tf.constant(clip, tf.float32)
    )

  def finish(
    self, state: Any, sums: list[tf.Tensor], num_below: tf.Tensor
  ) -> tuple[Any, list[tf.Tensor]]:
    """Returns the next state, and the noisy mean.

    Args:
      state: State of the round.
      sums: The vector of decoded sums, or nothing.
      num_below: `float32[]`, the sum of the clients' `centered_indicator`s;
        unused with a fixed norm.
    """
    key = self._noise_key(state['round'])
    means = []
    for i, x in enumerate(sums):
      noise = seeds.random_normals(seeds.fold_in(key, i + 1), x.shape[0])
      stddev = self._sum_multiplier * state['clip']
      means.append((x + stddev * noise) / self._denominator)
    clip = state['clip']
    if self.is_adaptive:
      noise = seeds.random_normals(seeds.fold_in(key, 0), 1)[0]
      noisy_count = num_below + self._count_stddev * noise
      quantile = noisy_count / self._options.clients_per_round + 0.5
      clip *= tf.exp(-_CLIP_LEARNING_RATE * (quantile - _TARGET_QUANTILE))
    return collections.OrderedDict(round=state['round'] + 1, clip=clip), means

  def _noise_key(self, round_num: tf.Tensor) -> tf.Tensor:
    """Returns the `int32[2]` key of the round's noise.

    TensorFlow's generator alone is seeded with 32 bits; with the secret, a key
    has 64. By the generator, a round that is run twice has different noise.
    """
    seed = self._options.noise_seed_for_tests
    if seed is not None:
      return seeds.fold_in(seeds.key(seed), round_num)
    drawn = tf.raw_ops.NonDeterministicInts(
      shape=tf.constant([2], tf.int64), dtype=tf.int32
    )
    return seeds.fold_salt(seeds.fold_in(self._secret, round_num), drawn)


def centered_indicator(is_below: tf.Tensor) -> tf.Tensor:
  """Returns half of 1 or -1, so that a client changes a sum by at most a half.

  Args:
    is_below: `bool[]`, true if the client's norm is at most the clip.

  Returns:
    `float32[]`.
  """
  return tf.cast(is_below, tf.float32) - 0.5
