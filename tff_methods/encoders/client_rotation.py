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
"""Rotation of each client's own, with subsampling. EDEN and Konečný et al."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import lookup
from tff_methods.encoders import rotation
from tff_methods.encoders import subsampling
from tff_methods.encoders import tensor_encoding


class ClientRotationStage(tensor_encoding.ClientSeededStage):
  """Rotates a tensor by a rotation of the client, and samples its coordinates.

  `RotationStage` and `SubsamplingStage` in one, but each client draws the
  rotation, too, from the same key. Errors of later stages then point in
  independent directions, even for clients with equal updates, so averaging over
  clients removes them (but for what `EdenQuantizationStage` loses of vectors
  with few coordinates that are not zero): with a common rotation, those of
  `EdenQuantizationStage` have a limit. The server inverts a rotation for each
  client, before the sum.

  Encode params: `key`, `int32[2]`. Encoded tensors: `values`, `float32[max(1,
  round(fraction * n))]`, and `key`, `int32[2]`, the client's. Raises
  `InvalidArgumentError`, when run, on NaN and Inf.
  """

  name = 'client_rotation'
  compressible_tensors_keys = ['values']
  decode_needs_input_shape = True

  def __init__(
    self,
    seed: Sequence[int],
    fraction: float = 1.0,
    seed_source: str = 'reproducible',
    scale: str = 'unbiased',
  ):
    """Initializes the stage.

    Args:
      seed: See `SeededStage`.
      fraction: Fraction of the rotated values that is sent, in (0, 1].
      seed_source: See `ClientSeededStage`.
      scale: Scale of decoded values. `'unbiased'` or `'contractive'`: never
        longer than the value; see `RotationStage` and `SubsamplingStage`.

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
    # Signs and coordinates of one key are independent: see `common.seeds`.
    key = self.client_key(x, encode_params)
    values = rotation.rotate(x, key)
    if self._scale == 'contractive':
      values *= rotation.CONTRACTION
    if self._fraction < 1.0:
      num_kept = subsampling.num_kept(x.shape[0], self._fraction)
      values = lookup.take(values, subsampling.draw(key, x.shape[0], num_kept))
    return {'values': values, 'key': key}, {}

  def decode(
    self,
    encoded_tensors: tensor_encoding.Tensors,
    decode_params: tensor_encoding.Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `Stage.decode`."""
    del decode_params, num_summands  # Unused.
    values, key = encoded_tensors['values'], encoded_tensors['key']
    if self._fraction < 1.0:
      values = subsampling.spread(
        values,
        key,
        tensor_encoding.num_elements(shape),
        is_unbiased=self._scale == 'unbiased',
      )
    return tf.reshape(rotation.unrotate(values, key), shape)
