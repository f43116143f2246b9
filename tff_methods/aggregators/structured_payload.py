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
"""Payload of a structured update, and its expansion on the server."""

import collections
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import update_spaces
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import value_types
from tff_methods.common import seeds
from tff_methods.encoders import scaling


class StructuredPayload:
  """Encoder of the updates of a `ModelSpace`: a key and encoded parameters."""

  def __init__(
    self,
    model_space: update_spaces.ModelSpace,
    encoder_fn: encoded_sum.EncoderFn | None,
  ):
    """Initializes the encoder.

    Args:
      model_space: Space of the updates.
      encoder_fn: See `StructuredUpdateFactory`.
    """
    self._model_space = model_space
    self._encoders = [
      encoder_fn(spec, i) if encoder_fn else encoders.identity_encoder(spec)
      for i, spec in enumerate(model_space.parameter_specs)
    ]

  def check_type(self, value_type: tff.Type) -> tff.Type:
    """Checks the type of updates, `<key=int32[2], parameters=P>`.

    Args:
      value_type: The type.

    Returns:
      The type.

    Raises:
      TypeError: If it is not that of updates of the model space.
    """
    value_type = value_types.check_value_type(value_type)
    expected_type = tff.types.tensorflow_to_type(
      collections.OrderedDict(
        key=update_spaces.KEY_SPEC,
        parameters=self._model_space.parameter_specs,
      )
    )
    if not expected_type.is_assignable_from(value_type):
      raise TypeError(
        f'Expected updates of type {expected_type}, found {value_type}: give '
        'client work and aggregator the same model space.'
      )
    return value_type

  def encode(self, value: Any) -> tuple[tf.Tensor, tuple[Any, ...]]:
    """Returns the payload of an update.

    Args:
      value: `<key=int32[2], parameters=P>`.

    Returns:
      The key, and the encoded parameters of each tensor.
    """
    encoded = encoders.map_in_sequence(
      lambda x, encoder, key: encoders.encode_with_key(
        encoder, scaling.check_finite(x), key
      ),
      value['parameters'],
      self._encoders,
      self._tensor_keys(value['key']),
    )
    return value['key'], tuple(encoded)

  def map_updates(
    self,
    fn: Callable[..., Any],
    payload: tuple[tf.Tensor, tuple[Any, ...]],
    *others: Any,
    weight: tf.Tensor | None = None,
  ) -> list[Any]:
    """Returns the results of a function of each tensor's full update.

    Args:
      fn: Function of an update, and of an element of each of `others`.
      payload: Key and encoded parameters.
      *others: Lists with an element for each tensor.
      weight: Factor of the parameters before they are expanded.
    """
    key, encoded = payload

    def expand(encoded, encoder, encoder_key, linear_map, *rest):
      x = encoders.decode_with_key(encoder, encoded, encoder_key)
      if weight is not None:
        x *= tf.cast(weight, x.dtype)
      return fn(linear_map.expand(x), *rest)

    return encoders.map_in_sequence(
      expand,
      encoded,
      self._encoders,
      self._tensor_keys(key),
      self._model_space.draw(key),
      *others,
    )

  def _tensor_keys(self, key: tf.Tensor) -> list[tf.Tensor]:
    """Returns a key for the encoder of each tensor."""
    # Negative, so that they differ from the keys from which maps are drawn.
    return [seeds.fold_in(key, -1 - i) for i in range(len(self._encoders))]
