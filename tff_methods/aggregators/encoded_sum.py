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
"""A sum of encoded values that counts the bytes it receives."""

import collections
from collections.abc import Callable

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.aggregators import received_bytes
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding

_EncoderFn = Callable[[tf.TensorSpec, int], tensor_encoding.GatherEncoder]


class EncodedSumFactory(tff.aggregators.UnweightedAggregationFactory):
  """`UnweightedAggregationFactory` for a sum of values that clients encode.

  Like `tff.aggregators.EncodedSumFactory`, to which its result is equal, the
  clients encode, the part of the decoding that does not commute with the sum is
  done as each payload arrives, and the rest once, on the sum. It differs in its
  measurements, in that encoders know which tensor of the model they encode, and
  in that NaN or Inf in any value stops the round with an `InvalidArgumentError`
  on the client, before it reaches the sum.

  The created process has `next: <S@SERVER, {V}@CLIENTS> -> <state=S@SERVER,
  result=V@SERVER, measurements=M@SERVER>`, with `M` an `OrderedDict` of

  *   `payload_bytes`: `int64`, the bytes of the encoded values of all clients
      of the round, counted on what arrives.
  """

  def __init__(self, encoder_fn: _EncoderFn):
    """Initializes the factory.

    Args:
      encoder_fn: Maps the `tf.TensorSpec` of a tensor and its index among the
        tensors of the value (in the order of `tf.nest.flatten`) to the
        `GatherEncoder` for it.
    """
    self._encoder_fn = encoder_fn

  def create(self, value_type) -> tff.templates.AggregationProcess:
    """Creates the process for values of `value_type`.

    Raises:
      TypeError: If an encoder adapts to what clients send, which is not summed
        here (`tff.aggregators.EncodedSumFactory` does).
    """
    specs = tff.types.type_to_tf_tensor_specs(value_type)
    encoders = [
      self._encoder_fn(spec, index)
      for index, spec in enumerate(tf.nest.flatten(specs))
    ]
    if any(encoder.state_update_aggregation_modes for encoder in encoders):
      raise TypeError(
        'Expected encoders whose state does not depend on what clients send, '
        'found state_update_aggregation_modes: use '
        'tff.aggregators.EncodedSumFactory.'
      )

    @tff.tensorflow.computation
    def initial_state_tf():
      return tuple(encoder.initial_state() for encoder in encoders)

    @tff.federated_computation
    def init_fn():
      return tff.federated_eval(initial_state_tf, tff.SERVER)

    next_fn = _build_next(
      init_fn.type_signature.result, value_type, specs, encoders
    )
    return tff.templates.AggregationProcess(init_fn, next_fn)


def _build_next(state_type, value_type, specs, encoders):
  """Returns the `next` of the process; `encoders` are in flattened order."""

  @tff.tensorflow.computation(state_type.member)
  def get_params(state):
    params = [e.get_params(s) for e, s in zip(encoders, state, strict=True)]
    encode, before_sum, after_sum = zip(*params, strict=True)
    return (encode, before_sum), after_sum

  @tff.tensorflow.computation(value_type, get_params.type_signature.result[0])
  def encode(value, params):
    encoded = tensor_encoding.map_in_sequence(
      lambda x, e, params: e.encode(scaling.check_finite(x), params)[0],
      tf.nest.flatten(value),
      encoders,
      params[0],
    )
    # The aggregator has no other source for what decodes before the sum.
    return encoded, params[1]

  payload_type = encode.type_signature.result

  @tff.tensorflow.computation(payload_type)
  def decode_before_sum(encoded, params):
    return [
      e.decode_before_sum(x, p)
      for e, x, p in zip(encoders, encoded, params, strict=True)
    ]

  partly_decoded_specs = tff.types.type_to_tf_tensor_specs(
    decode_before_sum.type_signature.result
  )

  @tff.tensorflow.computation
  def zero():
    sums = tf.nest.map_structure(
      lambda spec: tf.zeros(spec.shape, spec.dtype), partly_decoded_specs
    )
    return _accumulator(sums, num_clients=0, payload_bytes=0)

  accumulator_type = zero.type_signature.result

  @tff.tensorflow.computation(accumulator_type, payload_type)
  def accumulate(accumulator, payload):
    sums = tensor_encoding.map_in_sequence(
      lambda x, e, params, accumulated: tf.nest.map_structure(
        tf.add, accumulated, e.decode_before_sum(x, params)
      ),
      payload[0],
      encoders,
      payload[1],
      accumulator['sums'],
    )
    return _accumulator(
      sums,
      num_clients=accumulator['num_clients'] + 1,
      payload_bytes=accumulator['payload_bytes']
      + received_bytes.num_bytes(payload),
    )

  @tff.tensorflow.computation(accumulator_type, accumulator_type)
  def merge(first, second):
    return tf.nest.map_structure(tf.add, first, second)

  @tff.tensorflow.computation(accumulator_type)
  def report(accumulator):
    return accumulator

  @tff.tensorflow.computation(
    accumulator_type, get_params.type_signature.result[1], state_type.member
  )
  def finish(accumulator, after_sum_params, state):
    sums = tensor_encoding.map_in_sequence(
      lambda x, e, params: e.decode_after_sum(
        x, params, accumulator['num_clients']
      ),
      accumulator['sums'],
      encoders,
      after_sum_params,
    )
    new_state = tuple(
      e.update_state(s, ()) for e, s in zip(encoders, state, strict=True)
    )
    measurements = collections.OrderedDict(
      payload_bytes=accumulator['payload_bytes']
    )
    return new_state, tf.nest.pack_sequence_as(specs, sums), measurements

  @tff.federated_computation(
    state_type, tff.FederatedType(value_type, tff.CLIENTS)
  )
  def next_fn(state, value):
    to_clients, after_sum_params = tff.federated_map(get_params, state)
    payload = tff.federated_map(
      encode, (value, tff.federated_broadcast(to_clients))
    )
    accumulator = tff.federated_aggregate(
      payload, zero(), accumulate, merge, report
    )
    return tff.templates.MeasuredProcessOutput(
      *tff.federated_map(finish, (accumulator, after_sum_params, state))
    )

  return next_fn


def _accumulator(sums, num_clients, payload_bytes):
  return collections.OrderedDict(
    sums=sums,
    num_clients=tf.cast(num_clients, tf.int32),
    payload_bytes=tf.cast(payload_bytes, tf.int64),
  )
