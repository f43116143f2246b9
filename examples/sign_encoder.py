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
"""A custom encoder: the sign of each value, and the mean magnitude.

  python -m examples.sign_encoder

Bernstein et al. (2018), "signSGD". A value takes one bit, a tensor four bytes
more. The class works in TFF's `EncodedSumFactory`, too.
"""

from collections.abc import Sequence
import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tff_methods
from tff_methods import aggregators
from tff_methods import encoders

_Tensors = dict[str, tf.Tensor]
_PLACES = np.array([2**i for i in range(8)], np.uint8)


class SignStage(encoders.Stage):
  """Signs of a tensor, packed eight to a byte, and its mean magnitude.

  Encoded tensors: `packed`, `uint8[ceil(n / 8)]`, and `scale`, `float32[]`.
  """

  name = 'sign'
  decode_needs_input_shape = True

  def encode(
    self, x: tf.Tensor, encode_params: _Tensors
  ) -> tuple[_Tensors, _Tensors]:
    """Encodes a tensor: see `encoders.Stage.encode`."""
    del encode_params  # Nothing is drawn.
    x = tf.reshape(x, [-1])
    is_positive = tf.cast(x >= 0, tf.uint8)
    missing = -x.shape[0] % 8
    bits = tf.reshape(tf.pad(is_positive, [[0, missing]]), [-1, 8])
    packed = tf.reduce_sum(bits * tf.constant(_PLACES), axis=1)
    scale = tf.reduce_mean(tf.abs(x))
    return {'packed': packed, 'scale': scale}, {}

  def decode(
    self,
    encoded_tensors: _Tensors,
    decode_params: _Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes encoded tensors: see `encoders.Stage.decode`."""
    del decode_params, num_summands
    packed = encoded_tensors['packed'][:, tf.newaxis]
    bits = tf.bitwise.bitwise_and(packed, tf.constant(_PLACES)) > 0
    num_elements = int(np.prod(shape, dtype=np.int64))
    signs = tf.where(tf.reshape(bits, [-1])[:num_elements], 1.0, -1.0)
    return tf.reshape(signs * encoded_tensors['scale'], shape)


def sign_aggregator(
  min_elements: int = 256,
) -> tff.aggregators.WeightedAggregationFactory:
  """Returns a factory for the mean of the signs of updates.

  Args:
    min_elements: Tensors with fewer elements are sent as they are.
  """
  encoder_fn = functools.partial(_encoder, min_elements=min_elements)
  return tff.aggregators.MeanFactory(aggregators.EncodedSumFactory(encoder_fn))


def _encoder(
  spec: tf.TensorSpec, index: int, *, min_elements: int
) -> encoders.GatherEncoder:
  del index  # For encoders that draw random numbers.
  if spec.shape.num_elements() < min_elements:
    return encoders.identity_encoder(spec)
  return encoders.chain([(SignStage(), '')], spec)


def main() -> None:
  """Averages the updates of two clients."""
  tff_methods.runtime.set_local_context()
  process = sign_aggregator(min_elements=8).create(
    tff.to_type((np.float32, [10])), tff.to_type(np.float32)
  )
  updates = [np.linspace(-1, 1, 10), np.linspace(3, -1, 10)]
  output = process.next(
    process.initialize(), [u.astype(np.float32) for u in updates], [1.0, 3.0]
  )
  print('mean:', output.result.round(3))
  print('measurements:', dict(output.measurements))
  # ceil(10 / 8) + 4 bytes of each client, where the floats are 40.
  expected = np.average(
    [np.where(u >= 0, 1, -1) * np.mean(np.abs(u)) for u in updates],
    axis=0,
    weights=[1, 3],
  )
  np.testing.assert_allclose(output.result, expected, rtol=1e-5)


if __name__ == '__main__':
  main()
