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
"""EDEN quantization of rotated tensors. Vargaftik et al. (2022).

The coordinates of a randomly rotated vector are nearly normal, whatever the
vector. The levels can therefore be fixed in advance, those of least distortion
for a normal distribution, and no minimum, maximum or random noise is needed.

A client sends a code for each value, the index of its bin, and one scale, the
`S` of `EdenQuantizationStage`, which is computed in its `encode`. The server
multiplies the level of each bin by the scale.
"""

from collections.abc import Sequence
import functools

import numpy as np
from scipy import optimize
from scipy import special
from scipy import stats
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.encoders import bit_packing
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding


class EdenQuantizationStage(tensor_encoding.Stage):
  """Quantizes to fixed levels, with a scale that makes decoding unbiased.

  Values `y` of mean square `s**2` are quantized to `c`, the levels of the bins
  of `y / s` (see `normal_levels`), and decoded to `S * c` with the scale
  `S = <y, y> / <y, c>` (EDEN, theorem 2.1). The projection of the decoded
  vector on `y` is thus exactly `y`. The rest is orthogonal to `y`, in a
  direction that a uniformly random rotation makes symmetric: after the inverse
  rotation the decoded vector is unbiased. Use this stage only after
  `RotationStage` (and `SubsamplingStage`, if any) or `ClientRotationStage`.
  Under the rotation HD, which is not uniformly random, the squared bias is
  below 1 % of the squared error for vectors of normal values and of Student's t
  with 3 degrees of freedom. Where few coordinates are not zero, or one exceeds
  the sum of all others, the others can be lost under every rotation: at 1 bit,
  (1, 0.8, 0, ...) decodes to (1.64, 0, 0, ...).

  The squared error of a vector is `1 / (1 - d) - 1` of its squared norm, with
  `d` the distortion of the quantizer for a normal distribution: 0.57, 0.13,
  0.0096 and 0.00004 for 1, 2, 4 and 8 bits. EDEN rotates each client's vector
  differently, as `ClientRotationStage` does, so that the errors of different
  clients are independent. With `RotationStage`, all clients of a round share
  one rotation, which the server undoes once. Since `S` leaves the error with no
  linear part in `y`, the errors of two clients whose updates have correlation
  `r` have a correlation below `r**3`.

  With `scale='contractive'`, `S = <y, c> / <c, c>` instead: the decoded vector
  is the projection of `y` on `c`. It is never longer than `y`, in `float32` as
  well (see `scaling.contractive_scale` for the proof), and the nearest to `y`
  of all multiples of `c`. Its squared error is `d`, and it is biased: its
  projection on `y` is about `1 - d` times `y`.

  Encoded tensors: `packed`, `uint8[ceil(n * bits / 8)]`, and `scale`,
  `float32[]`, the `S` above. Raises `InvalidArgumentError`, when run, on NaN
  and Inf.
  """

  name = 'eden_quantization'
  decode_needs_input_shape = True

  def __init__(self, bits: int, scale: str = 'unbiased'):
    """Initializes the stage.

    Args:
      bits: Bits per value, 1 to 16.
      scale: Scale of decoded values. `'unbiased'` or `'contractive'`: never
        longer than the value.

    Raises:
      TypeError: If `bits` is not an int.
      ValueError: If `bits` or `scale` is out of range.
    """
    bits = argument_checks.check_bits(bits)
    argument_checks.check_choice('scale', scale, options_lib.SCALES)
    self._bits = bits
    self._scale = scale

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    del encode_params  # Unused.
    x = tf.reshape(x, [-1])
    length = x.shape[0]
    if not length:
      return {'packed': tf.zeros([0], tf.uint8), 'scale': tf.zeros([])}, {}
    z, scale, squared_norm = scaling.well_scaled(x)
    width, levels = normal_levels(self._bits)
    deviation = width * tf.sqrt(squared_norm / length)
    coordinates = bin_coordinates(z, deviation, self._bits)
    codes = tf.cast(coordinates, bit_packing.code_dtype(self._bits))
    packed = bit_packing.pack(codes, self._bits)
    quantized = bit_packing.lookup(
      packed, tf.constant(levels, tf.float32), self._bits, length
    )
    if self._scale == 'contractive':
      factor = scaling.contractive_scale(z, quantized, scale)
    else:
      factor = tf.math.divide_no_nan(squared_norm, tf.reduce_sum(z * quantized))
    return {'packed': packed, 'scale': factor * scale}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    _, levels = normal_levels(self._bits)
    table = scaling.saturating_multiply(
      tf.constant(levels, tf.float32), encoded_tensors['scale']
    )
    length = tensor_encoding.num_elements(shape)
    x = bit_packing.lookup(encoded_tensors['packed'], table, self._bits, length)
    return tf.reshape(x, shape)


def bin_coordinates(x: tf.Tensor, deviation: tf.Tensor, bits: int) -> tf.Tensor:
  """Returns bin coordinates; their floor is the bin index.

  The `2**bits` bins have equal probability under a normal distribution.

  Args:
    x: `float32[n]`, or `float32[k, n]`.
    deviation: `float32[]`, standard deviation of that distribution, or
      `float32[k, 1]`, one for each row.
    bits: Bits per value.

  Returns:
    A tensor of the shape of `x`, at least 0 and below `2**bits`.
  """
  half = 2.0 ** (bits - 1)
  if bits > 2:
    # Slightly less than the exact factor, or the largest values would be in no
    # bin.
    z = x * tf.math.divide_no_nan(0.5**0.5, deviation)
    return tf.math.erf(z) * (half * (1.0 - 2.0**-20)) + half
  # At most three boundaries, evenly spaced: cheaper without erf.
  z = x * tf.math.divide_no_nan(1.0 / special.ndtri(0.75), deviation)
  return tf.clip_by_value(z + half, 0.0, 2.0**bits - 2.0**-20)


@functools.cache
def normal_levels(bits: int) -> tuple[float, np.ndarray]:
  """Returns the quantizer of `2**bits` levels for a standard normal variable.

  Its bins have equal probability under a normal distribution of standard
  deviation `width`, chosen for the least distortion; the levels are the means
  of the standard normal distribution within the bins. For 1 and 2 bits this is
  the Lloyd-Max quantizer; for more, its distortion is at most 1.3 % larger. As
  `bits` grows, `width` approaches `sqrt(3)`, in agreement with the theory of
  companding.

  Args:
    bits: Bits per value, 1 to 16.

  Returns:
    `(width, levels)`, `levels` in ascending order.
  """
  if bits == 1:  # One boundary, at zero: the width makes no difference.
    return 1.0, _levels_of_width(1.0, 1)
  result = optimize.minimize_scalar(
    # The distortion is one minus the variance of the levels.
    lambda width: -_variance_of_levels(width, bits),
    bounds=(1.0, 2.0),
    method='bounded',
    options={'xatol': 1e-6},
  )
  return float(result.x), _levels_of_width(result.x, bits)


def contraction(bits: int) -> float:
  """Returns the projection of decoded on rotated vectors, as a fraction.

  Args:
    bits: Bits per value, 1 to 16, of a stage with `scale='contractive'`.

  Returns:
    `1 - d`, with `d` the distortion of the quantizer for a normal distribution.
  """
  width, _ = normal_levels(bits)
  return _variance_of_levels(width, bits)


def _boundaries(width: float, bits: int) -> np.ndarray:
  """Returns the `2**bits + 1` bin boundaries, infinite ones included."""
  return width * special.ndtri(np.linspace(0.0, 1.0, 2**bits + 1))


def _levels_of_width(width: float, bits: int) -> np.ndarray:
  """Returns the means of the standard normal distribution within the bins."""
  boundaries = _boundaries(width, bits)
  return -np.diff(stats.norm.pdf(boundaries)) / _masses(boundaries)


def _variance_of_levels(width: float, bits: int) -> float:
  masses = _masses(_boundaries(width, bits))
  return float(np.sum(masses * _levels_of_width(width, bits) ** 2))


def _masses(boundaries: np.ndarray) -> np.ndarray:
  """Returns the probabilities of the bins."""
  # From the lower half alone: near 1, the distribution function loses digits.
  lower = np.diff(special.ndtr(boundaries[: len(boundaries) // 2 + 1]))
  return np.concatenate([lower, lower[::-1]])
