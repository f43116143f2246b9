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
"""Sketches of updates as integers, and the decoding of their sums."""

import math
import secrets

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.aggregators import discrete_noise
from tff_methods.common import lookup
from tff_methods.common import seeds
from tff_methods.encoders import rotation
from tff_methods.encoders import subsampling
from tff_methods.options import secure_aggregation

# Half of the range of rotated coordinates, in standard deviations of those of
# an update of the largest norm. A normal coordinate is outside once in 370.
_RANGE = 3.0
# Room for the noise of the sum, in standard deviations: one normal value in 5 *
# 10**8 is outside, and then wraps around.
_NOISE_RANGE = 6.0
_ROTATION, _COORDINATES, _ROUNDING, _NOISE = range(4)


class SecureSketch:
  """Sketches of vectors as integers, and the decoding of their sums.

  Attributes:
    num_sent: Number of integers of a client, `k`.
    modulus: Modulus of the sum of integers.
  """

  def __init__(self, length: int, options: options_lib.SecureSketchOptions):
    """Initializes the sketch.

    Args:
      length: Number of elements of a vector, `d`.
      options: Options of the sketch.
    """
    self._length = length
    self._options = options
    self._range = _RANGE * options.clip / max(length, 1) ** 0.5
    self._top = 2**options.bits - 1
    self.num_sent = subsampling.num_kept(length, options.fraction)
    self.modulus = options.modulus

  def encode(self, x: tf.Tensor, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the integers of a vector, and the number of clipped values.

    Args:
      x: `float32[d]`, of a norm of at most `clip`.
      key: `int32[2]`, that of the round.

    Returns:
      `int32[k]`, from 0 to `2**bits - 1`, and `int32[]`.
    """
    y, num_clipped = self._project(x, key)
    levels = (y + 1.0) * (self._top / 2)
    words = seeds.random_words(self._own_key(x, key), self.num_sent)
    noise = tf.cast(tf.bitwise.bitwise_and(words, 0xFFFFFF), tf.float32)
    codes = tf.cast(tf.floor(levels + noise * 2.0**-24), tf.int32)
    return tf.minimum(codes, self._top), num_clipped

  def decode(
    self, codes: tf.Tensor, key: tf.Tensor, num_clients: tf.Tensor
  ) -> tf.Tensor:
    """Returns an estimate of the sum of vectors from the sum of their integers.

    Args:
      codes: `int32[k]`, sum over the clients.
      key: `int32[2]`, that of the round.
      num_clients: `int32[]`.

    Returns:
      `float32[d]`.
    """
    step = 2.0 * self._range / self._top
    total_range = tf.cast(num_clients, tf.float64) * self._range
    return self._expand(tf.cast(codes, tf.float64) * step - total_range, key)

  def _project(
    self, x: tf.Tensor, key: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns rotated coordinates between -1 and 1, and how many were clipped.

    The unit is the range of coordinates.
    """
    y = rotation.rotate(x, seeds.fold_in(key, _ROTATION))
    coordinates = subsampling.draw(
      seeds.fold_in(key, _COORDINATES), self._length, self.num_sent
    )
    y = lookup.take(y, coordinates)
    limit = tf.constant(self._range, tf.float32)
    num_clipped = tf.math.count_nonzero(tf.abs(y) > limit, dtype=tf.int32)
    return tf.clip_by_value(y / limit, -1.0, 1.0), num_clipped

  def _own_key(self, x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    return seeds.client_key(
      seeds.fold_in(key, _ROUNDING), x, self._options.seed_source
    )

  def _expand(self, y: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Returns the vector of the sum of projections, `float64[k]`."""
    dense = subsampling.spread(
      tf.cast(y, tf.float32), seeds.fold_in(key, _COORDINATES), self._length
    )
    return rotation.unrotate(dense, seeds.fold_in(key, _ROTATION))


class NoisySketch(SecureSketch):
  """Sketches to which each client adds its share of discrete Gaussian noise.

  Integers stand for multiples of the step `2**(1 - bits)` times the range, zero
  among them. Those of a client have a norm of at most `D`, the square root of
  `norm_bound`, whatever its update is: see `discrete_noise.round_within`. The
  shares of `n` clients have the parameter `z * D / sqrt(n)` each.

  Attributes:
    norm_bound: Largest square of the norm of a client's integers.
    noise: Distribution of a client's share of the noise.
    local_stddev: Its parameter.
  """

  def __init__(self, length: int, options: options_lib.SecureSketchOptions):
    """Initializes the sketch.

    Args:
      length: Number of elements of a vector, `d`.
      options: Options of the sketch, with `noise_multiplier`.

    Raises:
      ValueError: If the modulus is above 2**31 - 1, or the noise too large for
        its table.
    """
    super().__init__(length, options)
    assert options.noise_multiplier is not None
    num_clients = options.clients_per_round
    self._half = 2 ** (options.bits - 1)
    step = self._range / self._half
    self.norm_bound = discrete_noise.rounded_norm_bound(
      options.clip / step, self.num_sent
    )
    stddev = options.noise_multiplier * math.sqrt(self.norm_bound)
    self.local_stddev = stddev / math.sqrt(num_clients)
    self.noise = discrete_noise.DiscreteGaussian(self.local_stddev)
    room = num_clients * self._half + math.ceil(_NOISE_RANGE * stddev)
    # A power of two: a sum of `int32` that wraps around keeps its remainder.
    # Noisy integers are spread up to the modulus, so their plain sum, by which
    # runtimes simulate a secure one, does wrap.
    self.modulus = secure_aggregation.check_modulus(
      1 << (2 * room).bit_length()
    )
    self._secret = seeds.key(secrets.randbits(128))

  def encode(self, x: tf.Tensor, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the integers of a vector with noise, and zero.

    Args:
      x: `float32[d]`.
      key: `int32[2]`, that of the round.

    Returns:
      `int32[k]`, from 0 to `modulus - 1`, and `int32[]`, zero: a count of
      clipped values would have no noise.
    """
    y, _ = self._project(x, key)
    integers = discrete_noise.round_within(
      y * self._half, self.norm_bound, self._own_key(x, key)
    )
    noise = self.noise.sample(self._noise_key(x, key), self.num_sent)
    return tf.math.floormod(integers + noise, self.modulus), tf.constant(0)

  def decode(
    self, codes: tf.Tensor, key: tf.Tensor, num_clients: tf.Tensor
  ) -> tf.Tensor:
    """Returns a noisy sum of vectors: see `SecureSketch.decode`."""
    del num_clients  # Unused.
    centered = tf.where(codes > self.modulus // 2, codes - self.modulus, codes)
    step = self._range / self._half
    return self._expand(tf.cast(centered, tf.float64) * step, key)

  def _noise_key(self, x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Returns the key of a client's noise, which nobody else has."""
    seed = self._options.noise_seed_for_tests
    if seed is not None:
      own_key = seeds.client_key(seeds.fold_in(key, _NOISE), x, 'reproducible')
      return seeds.fold_salt(own_key, seeds.key(seed))
    # In a simulation, clients share the secret of the process: see
    # `gaussian_mechanism`.
    return seeds.client_key(self._secret, x, 'entropy')
