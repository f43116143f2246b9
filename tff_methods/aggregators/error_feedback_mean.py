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
"""The mean of encoded updates of clients that remember what they left out."""

import dataclasses
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import error_feedback
from tff_methods.aggregators import scope as scopes


class ClientStateOutput(NamedTuple):
  """What `next` of a `ClientStateAggregation` returns.

  Attributes:
    state: `S@SERVER`.
    result: `V@SERVER`.
    measurements: `M@SERVER`.
    client_states: `{C}@CLIENTS`, for the next round that the client is in.
  """

  state: Any
  result: Any
  measurements: Any
  client_states: Any


@dataclasses.dataclass(frozen=True)
class ClientStateAggregation:
  """An aggregation with state on the clients: no `AggregationProcess` can be.

  Attributes:
    initialize: `( -> S@SERVER)`.
    initial_client_state: `( -> C)`, of a client never seen.
    next: `(<S@SERVER, {V}@CLIENTS, {float32}@CLIENTS, {C}@CLIENTS> ->
      ClientStateOutput)`.
  """

  initialize: tff.Computation
  initial_client_state: tff.Computation
  next: tff.Computation


class ErrorFeedbackMeanFactory:
  """Makes the weighted mean of updates, of which clients send a part.

  A client adds its update to what it remembers, encodes the sum and sends it;
  it decodes what it sent, as the server will, and remembers the difference.
  What a client sends in a round that gives it no weight is not lost: it sends
  zeros then, and remembers all.

  Measurements: an `OrderedDict` of `payload_bytes`: `int64`, the bytes of the
  encoded updates of all clients of the round, counted on what arrives.
  """

  def __init__(
    self,
    encoder_fn: encoded_sum.EncoderFn,
    memory: error_feedback.ErrorFeedback,
    *,
    scope: str = 'model',
    min_elements: int = 0,
  ):
    """Initializes the factory.

    Args:
      encoder_fn: Maps the `tf.TensorSpec` of a vector or tensor, and its index,
        to the `GatherEncoder` for it.
      memory: What clients remember.
      scope: `'model'` encodes the whole model as one vector, `'tensor'` each
        tensor of it.
      min_elements: With the scope `'tensor'`: tensors of fewer elements are
        sent whole.

    Raises:
      TypeError: If `min_elements` is not an int.
      ValueError: If an argument is out of range, or `min_elements` is given
        with the scope `'model'`.
    """
    scopes.check_scope(scope, min_elements)
    self._encoder_fn = encoded_mean.with_small_tensors_whole(
      encoder_fn, min_elements
    )
    self._memory = memory
    self._scope = scope

  def create(self, value_type, weight_type) -> ClientStateAggregation:
    """Creates the aggregation for values of `value_type`.

    Raises:
      TypeError: If a tensor to encode is not `float32`.
    """
    specs = tff.types.type_to_tf_tensor_specs(value_type)
    layout = scopes.Layout(specs, self._scope)
    memory = self._memory
    mean_sum = encoded_sum.EncodedSum(self._encoder_fn, layout.specs)

    @tff.tensorflow.computation
    def initial_client_state():
      return [memory.initial_state(spec) for spec in layout.specs]

    client_state_type = initial_client_state.type_signature.result

    @tff.tensorflow.computation(
      value_type,
      weight_type,
      client_state_type,
      mean_sum.get_params.type_signature.result,
    )
    def encode(value, weight, client_state, params):
      client_params, after_sum_params = params
      states = [
        memory.add(state, update)
        for state, update in zip(
          client_state, layout.to_tensors(value), strict=True
        )
      ]
      weighted = [
        x * tf.cast(weight, x.dtype)
        for x in (state[error_feedback.RESIDUAL] for state in states)
      ]
      payload = mean_sum.encode(weighted, client_params)
      arriving = mean_sum.decode(payload, after_sum_params)
      remembered = [
        memory.remove(state, *_sent_and_error(x, decoded, weight))
        for state, x, decoded in zip(states, weighted, arriving, strict=True)
      ]
      return payload, remembered

    payload_type, _ = encode.type_signature.result
    add = mean_sum.build_sum(payload_type, list(layout.specs))

    @tff.tensorflow.computation(
      add.type_signature.result.result.member, weight_type
    )
    def divide(sums, weight):
      means = [tf.math.divide_no_nan(x, tf.cast(weight, x.dtype)) for x in sums]
      return layout.from_tensors(means)

    @tff.federated_computation(
      mean_sum.initialize.type_signature.result,
      tff.FederatedType(value_type, tff.CLIENTS),
      tff.FederatedType(weight_type, tff.CLIENTS),
      tff.FederatedType(client_state_type, tff.CLIENTS),
    )
    def next_fn(state, value, weight, client_states):
      params = tff.federated_map(mean_sum.get_params, state)
      payload, remembered = tff.federated_map(
        encode, (value, weight, client_states, tff.federated_broadcast(params))
      )
      total = add(state, payload, params[1])
      return ClientStateOutput(
        total.state,
        tff.federated_map(divide, (total.result, tff.federated_sum(weight))),
        total.measurements,
        remembered,
      )

    return ClientStateAggregation(
      mean_sum.initialize, initial_client_state, next_fn
    )


def _sent_and_error(x: tf.Tensor, arriving: tf.Tensor, weight: tf.Tensor):
  """Returns where `arriving` is something, and what it lacks there of `x`.

  Args:
    x: What the client would send if it could, times the weight.
    arriving: What the server decodes.
    weight: `float32[]`.
  """
  error = tf.math.divide_no_nan(x - arriving, tf.cast(weight, x.dtype))
  return tf.not_equal(arriving, 0.0), error
