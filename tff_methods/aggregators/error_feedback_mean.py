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
"""Mean of encoded updates, with error feedback on the clients."""

import dataclasses
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods.aggregators import clipping
from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import error_feedback
from tff_methods.aggregators import scope as scopes
from tff_methods.aggregators import value_types


class ClientStateOutput(NamedTuple):
  """Output of `ClientStateAggregation.next`.

  Attributes:
    state: `S@SERVER`, the next state of the server.
    result: `V@SERVER`, the aggregate.
    measurements: `M@SERVER`.
    client_states: `{C}@CLIENTS`, the states with which the same clients enter
      their next rounds.
  """

  state: Any
  result: Any
  measurements: Any
  client_states: Any


@dataclasses.dataclass(frozen=True)
class ClientStateAggregation:
  """Aggregation with a state on each client.

  It cannot be a `tff.templates.AggregationProcess`, whose results are all at
  the server.

  Attributes:
    initialize: `( -> S@SERVER)`.
    initial_client_state: `( -> C)`, the state before a client's first round.
    next: `(<S@SERVER, {V}@CLIENTS, {float32}@CLIENTS, {C}@CLIENTS> ->
      ClientStateOutput)`, of values, weights and client states.
  """

  initialize: tff.Computation
  initial_client_state: tff.Computation
  next: tff.Computation


class ErrorFeedbackMeanFactory:
  """Factory of the weighted mean of encoded updates with error feedback.

  In `next`:

  1.  Each client keeps its update within `bounds`, adds it to its residual, and
      encodes the sum times its weight.
  2.  It decodes its own payload, as the server will, and keeps the difference
      as its next residual.
  3.  The server decodes and sums the payloads (see `EncodedSum.build_sum`), and
      divides by the sum of the weights.

  A client of weight zero in a round, such as one whose training diverged, or
  one without examples where clients weigh by examples, changes nothing: it
  sends zeros, and its state stays as it was, as if it had not been in the
  round. Momentum does not decay, either.

  Measurements: an `OrderedDict` of `payload_bytes`: `int64`, the bytes of the
  encoded updates, summed over the clients of the round and counted on arrival.
  """

  def __init__(
    self,
    encoder_fn: encoded_sum.EncoderFn,
    feedback: error_feedback.ErrorFeedback,
    *,
    scope: str = 'model',
    min_elements: int = 0,
    bounds: options_lib.UpdateBounds | None = None,
  ):
    """Initializes the factory.

    Args:
      encoder_fn: Maps the `tf.TensorSpec` of a vector or tensor, and its index,
        to its `GatherEncoder`.
      feedback: Rule of the client states.
      scope: Unit of encoding. `'model'`: the entire model as one vector.
        `'tensor'`: each tensor of the model.
      min_elements: With the scope `'tensor'`, tensors with fewer elements are
        sent whole.
      bounds: Bounds of the norm of an update, all tensors together, before the
        residual is added; `None` for none. The payload can be longer.

    Raises:
      TypeError: If `min_elements` is not an int, `feedback` not an
        `ErrorFeedback`, or `bounds` not an `options.UpdateBounds`.
      ValueError: If an argument is out of range, or `min_elements` is given
        with the scope `'model'`.
    """
    # Checks the arguments.
    options = options_lib.SparseOptions(
      fraction=1.0, scope=scope, min_elements=min_elements, bounds=bounds
    )
    if not isinstance(feedback, error_feedback.ErrorFeedback):
      raise TypeError(
        'Expected feedback to be an ErrorFeedback, found '
        f'{type(feedback).__name__}: give ResidualFeedback() or '
        'MomentumCorrection(momentum).'
      )
    self._encoder_fn = encoded_mean.skip_small_tensors(
      encoder_fn, options.min_elements
    )
    self._feedback = feedback
    self._scope = options.scope
    self._bounds = options.bounds

  def create(
    self, value_type: tff.Type, weight_type: tff.Type
  ) -> ClientStateAggregation:
    """Creates the aggregation for values of `value_type`.

    Args:
      value_type: Type of a client's update.
      weight_type: Type of a client's weight.

    Returns:
      A `ClientStateAggregation`.

    Raises:
      TypeError: If `value_type` has other parts than floating tensors of fully
        defined shapes, or a tensor to encode is not `float32`.
    """
    value_type = value_types.check_value_type(
      value_type, (*value_types.MEAN_DTYPES, tf.bfloat16)
    )
    value_types.check_weight_type(weight_type)
    layout = scopes.Layout(
      tff.types.type_to_tf_tensor_specs(value_type), self._scope
    )
    weighted_sum = encoded_sum.EncodedSum(self._encoder_fn, layout.specs)

    @tff.tensorflow.computation
    def initial_client_state():
      return [self._feedback.initial_state(spec) for spec in layout.specs]

    client_state_type = initial_client_state.type_signature.result

    @tff.tensorflow.computation(
      value_type,
      weight_type,
      client_state_type,
      weighted_sum.get_params.type_signature.result,
    )
    def encode(value, weight, client_state, params):
      return _encode(
        self._feedback,
        weighted_sum,
        self._bounded(layout.to_tensors(value)),
        weight,
        client_state,
        params,
      )

    payload_type, _ = encode.type_signature.result
    sum_payloads = weighted_sum.build_sum(payload_type, list(layout.specs))
    divide = _build_divide(
      layout, sum_payloads.type_signature.result.result.member, weight_type
    )

    @tff.federated_computation(
      weighted_sum.initialize.type_signature.result,
      tff.FederatedType(value_type, tff.CLIENTS),
      tff.FederatedType(weight_type, tff.CLIENTS),
      tff.FederatedType(client_state_type, tff.CLIENTS),
    )
    def next_fn(state, value, weight, client_states):
      params = tff.federated_map(weighted_sum.get_params, state)
      payload, new_client_states = tff.federated_map(
        encode, (value, weight, client_states, tff.federated_broadcast(params))
      )
      total = sum_payloads(state, payload, params[1])
      return ClientStateOutput(
        total.state,
        tff.federated_map(divide, (total.result, tff.federated_sum(weight))),
        total.measurements,
        new_client_states,
      )

    return ClientStateAggregation(
      weighted_sum.initialize, initial_client_state, next_fn
    )

  def _bounded(self, updates: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the tensors of an update within the bounds."""
    if self._bounds is None:
      return updates
    factor = clipping.bounding_factor(
      clipping.global_norm(updates), self._bounds
    )
    return [x * tf.cast(factor, x.dtype) for x in updates]


def _encode(
  feedback: error_feedback.ErrorFeedback,
  weighted_sum: encoded_sum.EncodedSum,
  updates: list[tf.Tensor],
  weight: tf.Tensor,
  client_state: list[error_feedback.State],
  params: Any,
) -> tuple[Any, list[error_feedback.State]]:
  """Returns the payload of one client, and the state that it keeps."""
  client_params, after_sum_params = params
  states = [
    feedback.add(state, update)
    for state, update in zip(client_state, updates, strict=True)
  ]
  weighted = [
    x * tf.cast(weight, x.dtype)
    for x in (state[error_feedback.RESIDUAL] for state in states)
  ]
  payload = weighted_sum.encode(weighted, client_params)
  received = weighted_sum.decode(payload, after_sum_params)
  kept = [
    feedback.remove(state, *_sent_and_error(x, decoded, weight))
    for state, x, decoded in zip(states, weighted, received, strict=True)
  ]
  # Not by `tf.where`, which copies each state.
  flat_state = tf.cond(
    weight > 0.0,
    lambda: tf.nest.flatten(kept),
    lambda: tf.nest.flatten(client_state),
  )
  return payload, tf.nest.pack_sequence_as(kept, flat_state)


def _build_divide(
  layout: scopes.Layout, sums_type: tff.Type, weight_type: tff.Type
) -> tff.Computation:
  """Builds the mean from sums of tensors and of weights."""

  @tff.tensorflow.computation(sums_type, weight_type)
  def divide(sums, weight):
    means = [tf.math.divide_no_nan(x, tf.cast(weight, x.dtype)) for x in sums]
    return layout.from_tensors(means)

  return divide


def _sent_and_error(
  x: tf.Tensor, received: tf.Tensor, weight: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Returns a mask of the received values, and their errors.

  Args:
    x: Residual times the weight.
    received: Values that the server decodes.
    weight: `float32[]`.
  """
  error = tf.math.divide_no_nan(x - received, tf.cast(weight, x.dtype))
  return tf.not_equal(received, 0.0), error
