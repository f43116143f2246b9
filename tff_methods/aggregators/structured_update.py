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
"""The mean of structured updates (Konecny et al. 2016, section 2)."""

import collections
from collections.abc import Callable

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import update_spaces
from tff_methods.aggregators import received_bytes
from tff_methods.encoders import scaling
from tff_methods.encoders import seeds

EncoderFn = Callable[[tf.TensorSpec, int], encoders.GatherEncoder]


class StructuredUpdateFactory(tff.aggregators.WeightedAggregationFactory):
  """`WeightedAggregationFactory` for the mean of updates of a `ModelSpace`.

  Clients send a key and the parameters of their updates, which may be encoded;
  the server draws the maps again and adds up the full updates as they arrive,
  in float64: the order of the sum, which depends on how a runtime spreads
  clients over workers, then does not show in the `float32` mean (but where the
  float64 sums fall on two sides of the boundary between two `float32`, once in
  hundreds of millions of elements). Where no client has weight the mean is
  zero.

  The created process has `next: <S@SERVER, {<key=int32[2], parameters=P>}
  @CLIENTS, {float32}@CLIENTS> -> <state=S@SERVER, result=V@SERVER,
  measurements=M@SERVER>`, with `P` and `V` the types of `model_space`'s
  `parameter_specs` and `specs`, and `M` an `OrderedDict` of

  *   `payload_bytes`: `int64`, the bytes of the keys and encoded parameters of
      all clients of the round, counted on what arrives.

  NaN or Inf stops the round with an `InvalidArgumentError` on the client. (The
  client work of `client_works` replaces such updates by zeros of weight zero.)
  """

  def __init__(
    self,
    model_space: update_spaces.ModelSpace,
    encoder_fn: EncoderFn | None = None,
  ):
    """Initializes the factory.

    Args:
      model_space: Where the updates live.
      encoder_fn: Maps the `tf.TensorSpec` of a tensor's parameters and the
        tensor's index to a `GatherEncoder` of stages of this package. Whatever
        it draws, it draws from the client's key. `None` sends parameters as
        they are.
    """
    self._model_space = model_space
    self._encoders = [
      encoder_fn(spec, i) if encoder_fn else encoders.identity_encoder(spec)
      for i, spec in enumerate(model_space.parameter_specs)
    ]

  def create(self, value_type, weight_type) -> tff.templates.AggregationProcess:
    """Creates the process.

    Raises:
      TypeError: If `value_type` is not that of updates of the model space.
    """
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

    @tff.federated_computation
    def init_fn():
      return tff.federated_value((), tff.SERVER)

    next_fn = _build_next(
      self._model_space, self._encoders, value_type, weight_type
    )
    return tff.templates.AggregationProcess(init_fn, next_fn)


def _build_next(model_space, tensor_encoders, value_type, weight_type):
  """Returns the `next` of the process."""

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

  payload_type = encode.type_signature.result

  @tff.tensorflow.computation
  def zero():
    specs = tf.nest.flatten(model_space.specs)
    return collections.OrderedDict(
      sums=[tf.zeros(spec.shape, tf.float64) for spec in specs],
      weight=tf.constant(0.0, tf.float64),
      payload_bytes=tf.constant(0, tf.int64),
    )

  accumulator_type = zero.type_signature.result

  @tff.tensorflow.computation(
    accumulator_type, tff.types.to_type((payload_type, weight_type))
  )
  def accumulate(accumulator, arrived):
    payload, weight = arrived
    key, encoded = payload

    def add(encoded, encoder, encoder_key, linear_map, accumulated):
      x = encoders.decode_with_key(encoder, encoded, encoder_key)
      update = linear_map.expand(x * tf.cast(weight, x.dtype))
      return accumulated + tf.cast(update, tf.float64)

    sums = encoders.map_in_sequence(
      add,
      encoded,
      tensor_encoders,
      _tensor_keys(key, tensor_encoders),
      model_space.draw(key),
      accumulator['sums'],
    )
    return collections.OrderedDict(
      sums=sums,
      weight=accumulator['weight'] + tf.cast(weight, tf.float64),
      payload_bytes=(
        accumulator['payload_bytes'] + received_bytes.num_bytes(payload)
      ),
    )

  @tff.tensorflow.computation(accumulator_type, accumulator_type)
  def merge(first, second):
    return tf.nest.map_structure(tf.add, first, second)

  @tff.tensorflow.computation(accumulator_type)
  def report(accumulator):
    mean = tf.nest.map_structure(
      lambda total, spec: tf.cast(
        tf.math.divide_no_nan(total, accumulator['weight']), spec.dtype
      ),
      accumulator['sums'],
      tf.nest.flatten(model_space.specs),
    )
    return (
      tf.nest.pack_sequence_as(model_space.specs, mean),
      collections.OrderedDict(payload_bytes=accumulator['payload_bytes']),
    )

  @tff.federated_computation(
    tff.FederatedType((), tff.SERVER),
    tff.FederatedType(value_type, tff.CLIENTS),
    tff.FederatedType(weight_type, tff.CLIENTS),
  )
  def next_fn(state, value, weight):
    payload = tff.federated_map(encode, value)
    mean, measurements = tff.federated_aggregate(
      tff.federated_zip((payload, weight)), zero(), accumulate, merge, report
    )
    return tff.templates.MeasuredProcessOutput(state, mean, measurements)

  return next_fn


def _tensor_keys(key: tf.Tensor, tensors) -> list[tf.Tensor]:
  # Of other numbers than those that the maps are drawn from.
  return [seeds.fold_in(key, -1 - i) for i in range(len(tensors))]
