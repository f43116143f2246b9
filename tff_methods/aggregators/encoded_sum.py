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
"""Sum of encoded values that counts the bytes it receives."""

import collections
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.aggregators import received_bytes
from tff_methods.aggregators import value_types
from tff_methods.common import argument_checks
from tff_methods.encoders import scaling
from tff_methods.encoders import tensor_encoding

EncoderFn = Callable[[tf.TensorSpec, int], tensor_encoding.GatherEncoder]


def check_encoder_fn(encoder_fn: Any) -> None:
  """Checks the argument `encoder_fn` of aggregators.

  Args:
    encoder_fn: Value of the argument.

  Raises:
    TypeError: If it is not a function, but, for instance, an encoder.
  """
  argument_checks.check_callable(
    'encoder_fn', encoder_fn, 'give a function that returns a GatherEncoder'
  )


class EncodedSumFactory(tff.aggregators.UnweightedAggregationFactory):
  """`UnweightedAggregationFactory` for a sum of values that clients encode.

  Its result equals that of `tff.aggregators.EncodedSumFactory`: clients encode,
  the part of the decoding that does not commute with the sum is done as each
  payload arrives, and the rest once, on the sum. The differences are:

  *   it measures the bytes of the payloads;
  *   encoders know the index of the tensor that they encode;
  *   NaN or Inf in any value stops the round with an `InvalidArgumentError` on
      the client, before it reaches the sum.

  As a sum, it can be the `record_aggregation_factory` of
  `tff.aggregators.DifferentiallyPrivateFactory`, whose noise hides a value only
  if its decoded form is no longer than itself: give `scale='contractive'` to
  each stage. Unbiased stages, the default, undo the clip, and nothing can
  refuse them there: the process is created from the type of the values alone.

  The created process has `next: <S@SERVER, {V}@CLIENTS> -> <state=S@SERVER,
  result=V@SERVER, measurements=M@SERVER>`, with `M` an `OrderedDict` of

  *   `payload_bytes`: `int64`, the bytes of the encoded values, summed over the
      clients of the round and counted on arrival.
  """

  def __init__(self, encoder_fn: EncoderFn):
    """Initializes the factory.

    Args:
      encoder_fn: Maps the `tf.TensorSpec` of a tensor and its index among the
        tensors of the value (in the order of `tf.nest.flatten`) to its
        `GatherEncoder`.

    Raises:
      TypeError: If `encoder_fn` is not a function.
    """
    check_encoder_fn(encoder_fn)
    self._encoder_fn = encoder_fn

  def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
    """Creates the process for values of `value_type`.

    Args:
      value_type: Type of a client's value, of tensors of static shapes.

    Returns:
      A `tff.templates.AggregationProcess`.

    Raises:
      TypeError: If `value_type` has other parts than numeric tensors of fully
        defined shapes, or an encoder adapts its state to the clients' values,
        which `tff.aggregators.EncodedSumFactory` supports.
    """
    value_type = value_types.check_value_type(value_type)
    specs = tff.types.type_to_tf_tensor_specs(value_type)
    encoded_sum = EncodedSum(self._encoder_fn, tf.nest.flatten(specs))

    @tff.tensorflow.computation(value_type, encoded_sum.client_params_type)
    def encode(value, params):
      return encoded_sum.encode(tf.nest.flatten(value), params)

    sum_payloads = encoded_sum.build_sum(encode.type_signature.result, specs)

    @tff.federated_computation(
      encoded_sum.initialize.type_signature.result,
      tff.FederatedType(value_type, tff.CLIENTS),
    )
    def next_fn(state, value):
      client_params, after_sum_params = tff.federated_map(
        encoded_sum.get_params, state
      )
      payload = tff.federated_map(
        encode, (value, tff.federated_broadcast(client_params))
      )
      return sum_payloads(state, payload, after_sum_params)

    return tff.templates.AggregationProcess(encoded_sum.initialize, next_fn)


class EncodedSum:
  """Computations of a sum of encoded tensors, which aggregators compose.

  Attributes:
    initialize: `( -> S@SERVER)`, the states of the encoders.
    get_params: `(S -> <P, Q>)`, the params of the round: `P` for the clients,
      `Q` for the decoding after the sum.
    client_params_type: `P`, the params of the encoding and of the decoding
      before the sum.
    after_sum_params_type: `Q`.
  """

  def __init__(self, encoder_fn: EncoderFn, specs: Sequence[tf.TensorSpec]):
    """Builds the computations that do not depend on the payload.

    Args:
      encoder_fn: Maps the `tf.TensorSpec` of a tensor and its index in `specs`
        to its `GatherEncoder`.
      specs: `tf.TensorSpec`s of the tensors to sum.

    Raises:
      TypeError: If an encoder adapts its state to the clients' values.
    """
    self._encoders = [encoder_fn(spec, i) for i, spec in enumerate(specs)]
    if any(e.state_update_aggregation_modes for e in self._encoders):
      raise TypeError(
        'Expected encoders whose state does not depend on the values of '
        'clients, found state_update_aggregation_modes: use '
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
      # Not by `zip`: there may be no tensors.
      encode, before_sum, after_sum = (
        tuple(part[i] for part in params) for i in range(3)
      )
      return (encode, before_sum), after_sum

    self.initialize = initialize
    self.get_params = get_params
    self.client_params_type, self.after_sum_params_type = (
      get_params.type_signature.result
    )

  def encode(
    self,
    values: Sequence[tf.Tensor],
    client_params: Any,
    salt: tf.Tensor | None = None,
  ) -> Any:
    """Encodes the tensors of one client, inside a TensorFlow computation.

    Args:
      values: Tensors of the client. NaN or Inf raises `InvalidArgumentError`
        when run.
      client_params: Value of `client_params_type`.
      salt: `int32[2]`, from which stages draw (see
        `encoders.encode_with_salt`); `None` to draw from the values.

    Returns:
      The payload: the encoded tensors, and the params of the decoding before
      the sum.
    """
    encode_params, before_sum_params = client_params
    encoded = tensor_encoding.map_in_sequence(
      lambda x, e, params: tensor_encoding.encode_with_salt(
        e, scaling.check_finite(x), params, salt
      ),
      values,
      self._encoders,
      encode_params,
    )
    # The aggregator has no other source of params for the decoding before the
    # sum: `tff.federated_aggregate` takes no value at the server.
    return encoded, before_sum_params

  def decode(self, payload: Any, after_sum_params: Any) -> list[tf.Tensor]:
    """Decodes one client's payload, inside a TensorFlow computation.

    Args:
      payload: Result of `encode`.
      after_sum_params: Value of `after_sum_params_type`.

    Returns:
      The tensors that the payload adds to the sum.
    """
    return tensor_encoding.map_in_sequence(
      lambda x, params, e, after_sum: e.decode_after_sum(
        e.decode_before_sum(x, params), after_sum, 1
      ),
      payload[0],
      payload[1],
      self._encoders,
      after_sum_params,
    )

  def next_state(self, state: Any) -> tuple[Any, ...]:
    """Returns the encoders' states of the next round."""
    return tuple(
      e.update_state(s, ()) for e, s in zip(self._encoders, state, strict=True)
    )

  def build_sum(self, payload_type: tff.Type, specs: Any) -> tff.Computation:
    """Builds the sum of the clients' payloads.

    `next` of an aggregator consists of these steps; the sum is 4 to 7:

    1.  The server computes the params of the round from the encoders' states
        (`get_params`).
    2.  The clients' part of the params is broadcast.
    3.  Each client encodes its tensors (`encode`) and sends the payload: the
        encoded tensors, and the params of the decoding before the sum.
    4.  As each payload arrives, it is decoded up to the first stage that
        commutes with the sum and added to the partial sums; the client and the
        bytes of the payload are counted.
    5.  Partial sums of several aggregators are merged.
    6.  The server decodes the rest, once, on the sums.
    7.  The server updates the encoders' states, and reports the bytes.

    Args:
      payload_type: Type of the result of `encode`.
      specs: Structure of the result, of as many `tf.TensorSpec`s as there are
        encoders.

    Returns:
      `(<S@SERVER, {payload}@CLIENTS, Q@SERVER> -> <state=S@SERVER,
      result=V@SERVER, measurements=<payload_bytes=int64>@SERVER>)`.
    """
    state_type = self.initialize.type_signature.result.member
    zero = self._build_zero(payload_type)
    accumulator_type = zero.type_signature.result
    accumulate = self._build_accumulate(accumulator_type, payload_type)
    finish = self._build_finish(accumulator_type, state_type, specs)

    @tff.tensorflow.computation(accumulator_type, accumulator_type)
    def merge(first, second):
      return tf.nest.map_structure(tf.add, first, second)

    @tff.tensorflow.computation(accumulator_type)
    def report(accumulator):
      return accumulator

    @tff.federated_computation(
      tff.FederatedType(state_type, tff.SERVER),
      tff.FederatedType(payload_type, tff.CLIENTS),
      tff.FederatedType(self.after_sum_params_type, tff.SERVER),
    )
    def sum_payloads(state, payload, after_sum_params):
      accumulator = tff.federated_aggregate(
        payload, zero(), accumulate, merge, report
      )
      return tff.templates.MeasuredProcessOutput(
        *tff.federated_map(finish, (accumulator, after_sum_params, state))
      )

    return sum_payloads

  def _build_zero(self, payload_type: tff.Type) -> tff.Computation:
    """Builds the accumulator of no clients."""

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

    return zero

  def _build_accumulate(
    self, accumulator_type: tff.Type, payload_type: tff.Type
  ) -> tff.Computation:
    """Builds the step that adds a payload to an accumulator on arrival."""

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

    return accumulate

  def _build_finish(
    self, accumulator_type: tff.Type, state_type: tff.Type, specs: Any
  ) -> tff.Computation:
    """Builds the server's steps after the sum: state, result, measurements."""

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
      new_state = self.next_state(state)
      measurements = collections.OrderedDict(
        payload_bytes=accumulator['payload_bytes']
      )
      return new_state, tf.nest.pack_sequence_as(specs, sums), measurements

    return finish


def _accumulator(
  sums: Any, num_clients: tf.Tensor | int, payload_bytes: tf.Tensor | int
) -> collections.OrderedDict[str, Any]:
  """Returns partial sums and counts as an accumulator."""
  return collections.OrderedDict(
    sums=sums,
    num_clients=tf.cast(num_clients, tf.int32),
    payload_bytes=tf.cast(payload_bytes, tf.int64),
  )
