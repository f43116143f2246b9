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
"""Types and bytes of the payload of an encoder."""

import collections

import numpy as np
import tensorflow as tf
import tree

from tff_methods import encoders


def payload_spec(
  encoder: encoders.GatherEncoder,
) -> 'collections.OrderedDict[str, tf.TensorSpec]':
  """Returns the specs of the tensors that one client sends for one value.

  Args:
    encoder: Encoder, of this package or not; it is traced, not run.

  Returns:
    An `OrderedDict` from the path of a tensor, such as
    `'tensors/rotated/packed'`, to its `tf.TensorSpec`.
  """
  value = encoder.input_tensorspec

  @tf.function
  def encode():
    encode_params, decode_before_sum_params, _ = encoder.get_params()
    x = tf.zeros(value.shape, value.dtype)
    encoded, _ = encoder.encode(x, encode_params)
    # Clients send back the parameters for decoding before the sum.
    return encoded, decode_before_sum_params

  outputs = encode.get_concrete_function().structured_outputs
  return collections.OrderedDict(
    (_name(*path), tf.TensorSpec(x.shape, x.dtype))
    for path, x in tree.flatten_with_path(outputs)
  )


def payload_bytes(encoder: encoders.GatherEncoder) -> int:
  """Returns the bytes that one client sends for one value.

  Args:
    encoder: Encoder, of this package or not; it is traced, not run.

  Raises:
    ValueError: If the size of the payload depends on the value.
  """
  spec = payload_spec(encoder)
  for name, tensor in spec.items():
    if not tensor.shape.is_fully_defined():
      raise ValueError(
        f'Expected payloads of a static size, found {name} of shape '
        f'{tensor.shape}: count the bytes of encoded values instead.'
      )
  return int(
    sum(np.prod(t.shape, dtype=int) * t.dtype.size for t in spec.values())
  )


def _name(part: int, *path: str | int) -> str:
  """Returns the path of a tensor in `(encoded, decode_before_sum_params)`."""
  return '/'.join(map(str, ['decode_before_sum', *path] if part else path))
