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
"""Quantization to signs, with the means of magnitudes as scales."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.encoders import bit_packing
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding


class SignQuantizationStage(tensor_encoding.Stage):
  """Sends the sign of each value in a bit, and one or two scales.

  With `levels='one'`, a value decodes to its sign times the mean magnitude of
  the tensor: `C(x) = |x|_1 / n * sign(x)` (Karimireddy et al. (2019), "Error
  Feedback Fixes SignSGD", EF-SignSGD). With `'two'`, to the mean of the values
  of its sign (Seide et al. (2014), "1-Bit Stochastic Gradient Descent", which
  has a pair of means for each column of a matrix; here one for each tensor).

  Both are biased and contractive: the squared error is `|x|**2 - |x|_1**2 / n`
  with one level, and not larger with two, the means of the two halves. Hence
  they need error feedback: see `aggregators.ErrorFeedbackMeanFactory`. Zero has
  the sign of positive values.

  Encoded tensors: `packed`, `uint8[ceil(n / 8)]`, and `scales`, `float32[1]` or
  `float32[2]`: the magnitudes of negative and of positive values. Raises
  `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'sign_quantization'
  decode_needs_input_shape = True

  def __init__(self, levels: str = 'one'):
    """Initializes the stage.

    Args:
      levels: Magnitudes of decoded values: `'one'` for both signs, or `'two'`,
        one for each.

    Raises:
      ValueError: If `levels` is not in `options.SIGN_LEVELS`.
    """
    argument_checks.check_choice('levels', levels, options_lib.SIGN_LEVELS)
    self._levels = levels

  def encode(
    self, x: tf.Tensor, encode_params: tensor_encoding.Tensors
  ) -> tuple[tensor_encoding.Tensors, tensor_encoding.Tensors]:
    """Encodes a tensor: see `Stage.encode`."""
    del encode_params  # Unused.
    x = tf.reshape(x, [-1])
    z, scale, _ = scaling.well_scaled(x)
    is_positive = z >= 0.0
    magnitudes = tf.abs(z)
    if self._levels == 'one':
      means = tf.stack([_mean(magnitudes, tf.ones_like(z))])
    else:
      positive = tf.cast(is_positive, z.dtype)
      means = tf.stack(
        [_mean(magnitudes, 1.0 - positive), _mean(magnitudes, positive)]
      )
    packed = bit_packing.pack(tf.cast(is_positive, tf.uint8), bits=1)
    return {'packed': packed, 'scales': means * scale}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    scales = encoded_tensors['scales']
    length = tensor_encoding.num_elements(shape)
    is_positive = bit_packing.unpack(encoded_tensors['packed'], 1, length)
    values = tf.where(tf.cast(is_positive, tf.bool), scales[-1], -scales[0])
    return tf.reshape(values, shape)


def _mean(x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
  """Returns the mean of values with weights of 0 or 1; 0 without any."""
  return tf.math.divide_no_nan(
    tf.reduce_sum(x * weights), tf.reduce_sum(weights)
  )
