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
"""Subsampling of random coordinates. Konečný et al. (2016), section 3."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import lookup
from tff_methods.common import seeds
from tff_methods.encoders import tensor_encoding


class SubsamplingStage(tensor_encoding.ClientSeededStage):
  """Samples exactly `max(1, round(fraction * n))` of `n` values, unbiased.

  The coordinates are split into as many runs of neighbours, whose lengths
  differ by at most one, and one coordinate of each run is drawn uniformly
  (stratified sampling). Every coordinate is thus sampled with probability
  `1 / (length of its run)`; decoding multiplies by that length and is unbiased.
  Compared to sampling without runs this takes `O(fraction * n)` instead of a
  sort, reads memory in order, and has a lower variance if neighbouring values
  are similar.

  With `scale='contractive'`, decoding does not multiply: the decoded vector has
  some of the value's coordinates and zeros elsewhere, so it is never longer.

  Each client draws its own coordinates in each round. Only the values and the
  client's key are sent; the server draws the same coordinates from the key.

  Encode params: `key`, `int32[2]`. Encoded tensors: `values`,
  `float32[max(1, round(fraction * n))]`, and `key`, `int32[2]`.
  """

  name = 'subsampling'
  compressible_tensors_keys = ['values']
  decode_needs_input_shape = True

  def __init__(
    self,
    fraction: float,
    seed: Sequence[int],
    seed_source: str = 'reproducible',
    scale: str = 'unbiased',
  ):
    """Initializes the stage.

    Args:
      fraction: Fraction of the values that is sent, in (0, 1].
      seed: See `SeededStage`.
      seed_source: See `ClientSeededStage`.
      scale: Scale of decoded values. `'unbiased'` or `'contractive'`: never
        longer than the value.

    Raises:
      ValueError: If `fraction`, `seed_source` or `scale` is out of range.
    """
    super().__init__(seed, seed_source)
    self._fraction = argument_checks.check_fraction(fraction)
    argument_checks.check_choice('scale', scale, options_lib.SCALES)
    self._scale = scale

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    x = tf.reshape(x, [-1])
    key = self.client_key(x, encode_params)
    indices = draw(key, x.shape[0], num_kept(x.shape[0], self._fraction))
    return {'values': lookup.take(x, indices), 'key': key}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    length = tensor_encoding.num_elements(shape)
    dense = spread(
      encoded_tensors['values'],
      encoded_tensors['key'],
      length,
      is_unbiased=self._scale == 'unbiased',
    )
    return tf.reshape(dense, shape)


def num_kept(length: int, fraction: float) -> int:
  """Returns `fraction * length`, rounded, but at least 1 (0 for length 0)."""
  return min(length, max(1, round(fraction * length)))


def draw(key: tf.Tensor, length: int, num_drawn: int) -> tf.Tensor:
  """Draws distinct coordinates in ascending order, one of each run.

  Args:
    key: `int32[2]`.
    length: Number of coordinates to draw from, below 2**31.
    num_drawn: Number of coordinates to draw, at most `length`.

  Returns:
    `int32[num_drawn]`.
  """
  indices, start = [], 0
  for offsets, run_length in _draw_offsets(key, length, num_drawn):
    stop = start + offsets.shape[0] * run_length
    indices.append(tf.range(start, stop, run_length) + offsets)
    start = stop
  return tf.concat(indices, axis=0)


def spread(
  values: tf.Tensor, key: tf.Tensor, length: int, *, is_unbiased: bool = True
) -> tf.Tensor:
  """Scatters values to the coordinates of `draw`, times their runs' lengths.

  Args:
    values: `float32[num_drawn]`.
    key: Key given to `draw`, `int32[2]`.
    length: Number of coordinates.
    is_unbiased: If false, values are not multiplied.

  Returns:
    `float32[length]`, zero at the other coordinates.
  """
  num_drawn = values.shape[0]
  dense, start = [], 0
  for offsets, run_length in _draw_offsets(key, length, num_drawn):
    stop = start + offsets.shape[0]
    # One-hot rows: three times as fast as a scatter.
    weight = float(run_length) if is_unbiased else 1.0
    rows = tf.one_hot(offsets, run_length, weight)
    dense.append(tf.reshape(rows * values[start:stop, tf.newaxis], [-1]))
    start = stop
  return tf.concat(dense, axis=0)


def _draw_offsets(
  key: tf.Tensor, length: int, num_drawn: int
) -> list[tuple[tf.Tensor, int]]:
  """Draws the offset of a coordinate within each run.

  Returns:
    Pairs `(offsets, run_length)`, `offsets` of `int32[number of runs]`: those
    of the longer runs, then those of the shorter ones.
  """
  if not num_drawn:
    return [(tf.zeros([0], tf.int32), 1)]
  # 31 random bits modulo the length of a run: the bias is at most
  # length / 2**31.
  words = tf.bitwise.bitwise_and(seeds.random_words(key, num_drawn), 0x7FFFFFFF)
  short, num_long = divmod(length, num_drawn)
  return [
    (words[:num_long] % (short + 1), short + 1),
    (words[num_long:] % short, short),
  ]
