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
"""Mean of structured updates: Konečný et al. (2016), section 2."""

import collections

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import update_spaces
from tff_methods.aggregators import decoded_mean
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import value_types
from tff_methods.common import seeds
from tff_methods.encoders import scaling


class StructuredUpdateFactory(tff.aggregators.WeightedAggregationFactory):
  """`WeightedAggregationFactory` for the mean of updates of a `ModelSpace`.

  Clients send a key and the parameters of their updates, which may be encoded.
  The server draws the maps from the keys and adds the full updates as they
  arrive, in float64. So the order of the sum, which depends on how a runtime
  spreads clients over workers, does not change the `float32` mean (except where
  float64 sums fall on two sides of the boundary between two `float32`, once in
  hundreds of millions of elements). If no client has weight, the mean is zero.

  The created process has `next: <S@SERVER, {<key=int32[2], parameters=P>}
  @CLIENTS, {float32}@CLIENTS> -> <state=S@SERVER, result=V@SERVER,
  measurements=M@SERVER>`, with `P` and `V` the types of `model_space`'s
  `parameter_specs` and `specs`, and `M` an `OrderedDict` of

  *   `payload_bytes`: `int64`, the bytes of the keys and encoded parameters,
      summed over the clients of the round and counted on arrival.

  NaN or Inf stops the round with an `InvalidArgumentError` on the client. (The
  client work of `templates` replaces such updates by zeros of weight zero.)
  """

  def __init__(
    self,
    model_space: update_spaces.ModelSpace,
    encoder_fn: encoded_sum.EncoderFn | None = None,
  ):
    """Initializes the factory.

    Args:
      model_space: Space of the updates.
      encoder_fn: Maps the `tf.TensorSpec` of a tensor's parameters and the
        tensor's index to a `GatherEncoder` of stages of this package. All its
        random choices are drawn from the client's key. `None` sends parameters
        unencoded.

    Raises:
      TypeError: If an argument is of a wrong type.
    """
    if not isinstance(model_space, update_spaces.ModelSpace):
      raise TypeError(
        'Expected model_space to be an update_spaces.ModelSpace, found '
        f'{type(model_space).__name__}: make one from an UpdateSpace and the '
        'specs of the weights.'
      )
    if encoder_fn is not None:
      encoded_sum.check_encoder_fn(encoder_fn)
    self._model_space = model_space
    # Their encoders, built by `create`, cannot be pickled.
    self._encoder_fn = encoder_fn

  def create(
    self, value_type: tff.Type, weight_type: tff.Type
  ) -> tff.templates.AggregationProcess:
    """Creates the process.

    Args:
      value_type: `<key=int32[2], parameters=P>`.
      weight_type: Type of a client's weight.

    Returns:
      A `tff.templates.AggregationProcess`.

    Raises:
      TypeError: If `value_type` is not the type of updates of the model space.
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
    tensor_encoders = [
      self._encoder_fn(spec, i)
      if self._encoder_fn
      else encoders.identity_encoder(spec)
      for i, spec in enumerate(self._model_space.parameter_specs)
    ]
    return _build_process(
      self._model_space, tensor_encoders, value_type, weight_type
    )


def _build_process(
  model_space: update_spaces.ModelSpace,
  tensor_encoders: list[encoders.GatherEncoder],
  value_type: tff.Type,
  weight_type: tff.Type,
) -> tff.templates.AggregationProcess:
  """Builds the mean from sums of full updates and of weights."""

  @tff.tensorflow.computation(value_type)
  def encode(value):
    encoded = encoders.map_in_sequence(
      lambda x, encoder, key: encoders.encode_with_key(
        encoder, scaling.check_finite(x), key
      ),
      value['parameters'],
      tensor_encoders,
      _tensor_keys(value['key'], tensor_encoders),
    )
    return value['key'], tuple(encoded)

  def zero():
    specs = tf.nest.flatten(model_space.specs)
    return (
      [tf.zeros(spec.shape, tf.float64) for spec in specs],
      tf.constant(0.0, tf.float64),
    )

  def add(sums, payload, weight):
    updates, total_weight = sums
    key, encoded = payload

    def add_tensor(encoded, encoder, encoder_key, linear_map, accumulated):
      x = encoders.decode_with_key(encoder, encoded, encoder_key)
      update = linear_map.expand(x * tf.cast(weight, x.dtype))
      return accumulated + tf.cast(update, tf.float64)

    updates = encoders.map_in_sequence(
      add_tensor,
      encoded,
      tensor_encoders,
      _tensor_keys(key, tensor_encoders),
      model_space.draw(key),
      updates,
    )
    return updates, total_weight + tf.cast(weight, tf.float64)

  def mean(sums):
    updates, total_weight = sums
    means = tf.nest.map_structure(
      lambda total, spec: tf.cast(
        tf.math.divide_no_nan(total, total_weight), spec.dtype
      ),
      updates,
      tf.nest.flatten(model_space.specs),
    )
    return tf.nest.pack_sequence_as(model_space.specs, means)

  return decoded_mean.build_decoded_mean(
    weight_type, encode, zero=zero, add=add, mean=mean
  )


def _tensor_keys(
  key: tf.Tensor, tensor_encoders: list[encoders.GatherEncoder]
) -> list[tf.Tensor]:
  """Returns a key for the encoder of each tensor."""
  # Negative, so that they differ from the keys from which maps are drawn.
  return [seeds.fold_in(key, -1 - i) for i in range(len(tensor_encoders))]
