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
"""Round trips of values through an encoder, for tests."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tff_methods import encoders


class RoundTrip:
  """Encodes and decodes single values, in any round.

  Single values are encoded eagerly, since tracing takes ten times as long.
  """

  def __init__(self, encoder: encoders.GatherEncoder):
    """Initializes the round trip.

    Args:
      encoder: Encoder of `float32` values.
    """
    self.encoder = encoder

  def __call__(
    self, x: np.ndarray, round_num: int = 0
  ) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns the payload, by name, and the decoded value, as arrays."""
    payload, decoded = self._round_trip(
      tf.constant(x, tf.float32), tf.constant(round_num, tf.int32)
    )
    return {k: v.numpy() for k, v in payload.items()}, decoded.numpy()

  def many(self, x: np.ndarray, num_rounds: int) -> np.ndarray:
    """Returns the values decoded in rounds 0 to `num_rounds - 1`, stacked."""

    @tf.function(autograph=False)
    def run(x):
      return tf.map_fn(
        lambda round_num: self._round_trip(x, round_num)[1],
        tf.range(num_rounds),
        fn_output_signature=tf.float32,
      )

    return run(tf.constant(x, tf.float32)).numpy()

  def _round_trip(self, x, round_num):
    encoder = self.encoder
    state = tuple(round_num for _ in encoder.initial_state())
    encode_params, before_sum, after_sum = encoder.get_params(state)
    payload, _ = encoder.encode(x, encode_params)
    part = encoder.decode_before_sum(payload, before_sum)
    return payload, encoder.decode_after_sum(part, after_sum, 1)


def of_stages(
  stages: Sequence[tuple[encoders.Stage, str]], shape: Sequence[int]
) -> RoundTrip:
  """Returns the round trip of values of a shape through chained stages."""
  return RoundTrip(encoders.chain(stages, tf.TensorSpec(shape, tf.float32)))


def squared_error(decoded: np.ndarray, x: np.ndarray) -> float:
  """Returns the squared error divided by the squared norm of `x`."""
  return float(((decoded - x) ** 2).sum() / (x**2).sum())
