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
from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.aggregators import received_bytes
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding

EncoderFn = Callable[[tf.TensorSpec, int], tensor_encoding.GatherEncoder]


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

  def __init__(self, encoder_fn: EncoderFn):
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
    encoded_sum = EncodedSum(self._encoder_fn, tf.nest.flatten(specs))

    @tff.tensorflow.computation(value_type, encoded_sum.client_params_type)
    def encode(value, params):
      return encoded_sum.encode(tf.nest.flatten(value), params)

    add = encoded_sum.build_sum(encode.type_signature.result, specs)

    @tff.federated_computation(
      encoded_sum.initialize.type_signature.result,
      tff.FederatedType(value_type, tff.CLIENTS),
    )
    def next_fn(state, value):
      to_clients, after_sum_params = tff.federated_map(
        encoded_sum.get_params, state
      )
      payload = tff.federated_map(
        encode, (value, tff.federated_broadcast(to_clients))
      )
      return add(state, payload, after_sum_params)

    return tff.templates.AggregationProcess(encoded_sum.initialize, next_fn)


class EncodedSum:
  """The computations of a sum of encoded tensors, for aggregators to compose.

  Attributes:
    initialize: `( -> S@SERVER)`, the states of the encoders.
    get_params: `(S -> <P, Q>)`, what clients need to encode, and what decodes
      after the sum.
    client_params_type: `P`.
    after_sum_params_type: `Q`.
  """

  def __init__(self, encoder_fn: EncoderFn, specs: Sequence[tf.TensorSpec]):
    """Initializes the computations that do not depend on the payload.

    Args:
      encoder_fn: As in `EncodedSumFactory`.
      specs: Of the tensors to sum.

    Raises:
      TypeError: If an encoder adapts to what clients send.
    """
    self._encoders = [encoder_fn(spec, i) for i, spec in enumerate(specs)]
    if any(e.state_update_aggregation_modes for e in self._encoders):
      raise TypeError(
        'Expected encoders whose state does not depend on what clients send, '
        'found state_update_aggregation_modes: use '
        'tff.aggregators.EncodedSumFactory.'
      )

    @tff.tensorflow.computation
    def initial_state():
      return tuple(encoder.initial_state() for encoder in self._encoders)

    @tff.federated_computation
    def initialize():
      return tff.federated_eval(initial_state, tff.SERVER)

    @tff.tensorflow.computation(initial_state.type_signature.result)
    def get_params(state):
      params = [
        e.get_params(s) for e, s in zip(self._encoders, state, strict=True)
      ]
      encode, before_sum, after_sum = zip(*params, strict=True)
      return (encode, before_sum), after_sum

    self.initialize = initialize
    self.get_params = get_params
    self.client_params_type, self.after_sum_params_type = (
      get_params.type_signature.result
    )

  def encode(self, values: Sequence[tf.Tensor], client_params):
    """Returns the payload of one client: inside a TensorFlow computation.

    NaN or Inf is an `InvalidArgumentError` when run.
    """
    encode_params, before_sum_params = client_params
    encoded = tensor_encoding.map_in_sequence(
      lambda x, e, params: e.encode(scaling.check_finite(x), params)[0],
      values,
      self._encoders,
      encode_params,
    )
    # The aggregator has no other source for what decodes before the sum.
    return encoded, before_sum_params

  def decode(self, payload, after_sum_params) -> list[tf.Tensor]:
    """Returns what one client's payload adds to the sum, as the client can."""
    return tensor_encoding.map_in_sequence(
      lambda x, params, e, after_sum: e.decode_after_sum(
        e.decode_before_sum(x, params), after_sum, 1
      ),
      payload[0],
      payload[1],
      self._encoders,
      after_sum_params,
    )

  def build_sum(self, payload_type: tff.Type, specs) -> tff.Computation:
    """Builds the sum of what clients encoded.

    Args:
      payload_type: The type of what `encode` returns.
      specs: The structure of the result, of as many tensors.

    Returns:
      `(<S@SERVER, {payload}@CLIENTS, Q@SERVER> -> <state=S@SERVER,
      result=V@SERVER, measurements=<payload_bytes=int64>@SERVER>)`.
    """
    state_type = self.initialize.type_signature.result.member

    @tff.tensorflow.computation(payload_type)
    def decode_before_sum(encoded, params):
      return [
        e.decode_before_sum(x, p)
        for e, x, p in zip(self._encoders, encoded, params, strict=True)
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
        self._encoders,
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
      accumulator_type, self.after_sum_params_type, state_type
    )
    def finish(accumulator, after_sum_params, state):
      sums = tensor_encoding.map_in_sequence(
        lambda x, e, params: e.decode_after_sum(
          x, params, accumulator['num_clients']
        ),
        accumulator['sums'],
        self._encoders,
        after_sum_params,
      )
      new_state = tuple(
        e.update_state(s, ())
        for e, s in zip(self._encoders, state, strict=True)
      )
      measurements = collections.OrderedDict(
        payload_bytes=accumulator['payload_bytes']
      )
      return new_state, tf.nest.pack_sequence_as(specs, sums), measurements

    @tff.federated_computation(
      tff.FederatedType(state_type, tff.SERVER),
      tff.FederatedType(payload_type, tff.CLIENTS),
      tff.FederatedType(self.after_sum_params_type, tff.SERVER),
    )
    def add(state, payload, after_sum_params):
      accumulator = tff.federated_aggregate(
        payload, zero(), accumulate, merge, report
      )
      return tff.templates.MeasuredProcessOutput(
        *tff.federated_map(finish, (accumulator, after_sum_params, state))
      )

    return add


def _accumulator(sums, num_clients, payload_bytes):
  return collections.OrderedDict(
    sums=sums,
    num_clients=tf.cast(num_clients, tf.int32),
    payload_bytes=tf.cast(payload_bytes, tf.int64),
  )
