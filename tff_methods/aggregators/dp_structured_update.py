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
"""Differentially private mean of structured updates."""

import collections
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import update_spaces
from tff_methods.aggregators import clipping
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import gaussian_mechanism
from tff_methods.aggregators import received_bytes
from tff_methods.aggregators import scope as scopes
from tff_methods.aggregators import structured_payload
from tff_methods.common import argument_checks


class DpStructuredUpdateFactory(tff.aggregators.UnweightedAggregationFactory):
  """`UnweightedAggregationFactory` for structured updates with Gaussian noise.

  `next` of the created process:

  1.  Each client sends a key and the parameters of its update, which may be
      encoded.
  2.  The server draws the client's map from the key, expands the update, and
      scales it, in float64, to a Euclidean norm of at most the clip `C`. Then
      it adds it to the sum.
  3.  It adds Gaussian noise of standard deviation `z * C` in each coordinate,
      and divides by `clients_per_round`, also if fewer clients take
      part.

  **Guarantee.** That of `dp_sketched_aggregator`: a client changes the sum by
  at most `C`, here whatever its key, map, parameters and encoder are, since the
  norm is that of the very update that is added. (With an adaptive clip, a
  client sends back the `C` that it received, and could send a larger one.)

  The created process has `next: <S@SERVER, {<key=int32[2], parameters=P>}
  @CLIENTS> -> <state=S@SERVER, result=V@SERVER, measurements=M@SERVER>`, with
  `P` and `V` the types of `model_space`'s `parameter_specs` and `specs`, and
  `M` an `OrderedDict` of `payload_bytes`, `int64`, summed over the clients of
  the round and counted on arrival, and `clip`, the norm `C` of the round.
  """

  def __init__(
    self,
    model_space: update_spaces.ModelSpace,
    options: options_lib.NoiseOptions,
    encoder_fn: encoded_sum.EncoderFn | None = None,
  ):
    """Initializes the factory.

    Args:
      model_space: Space of the updates, of `float32` tensors.
      options: Clip and noise.
      encoder_fn: See `StructuredUpdateFactory`.

    Raises:
      TypeError: If an argument is of a wrong type, or a tensor not `float32`.
    """
    if not isinstance(model_space, update_spaces.ModelSpace):
      raise TypeError(
        'Expected model_space to be an update_spaces.ModelSpace, found '
        f'{type(model_space).__name__}: make one from an UpdateSpace and the '
        'specs of the weights.'
      )
    for spec in tf.nest.flatten(model_space.specs):
      if spec.dtype != tf.float32:
        raise TypeError(
          f'Expected float32 weights with noise, found {spec.dtype.name}: cast '
          'the model.'
        )
    if encoder_fn is not None:
      encoded_sum.check_encoder_fn(encoder_fn)
    self._model_space = model_space
    self._options = argument_checks.check_options(
      options, options_lib.NoiseOptions
    )
    self._encoder_fn = encoder_fn

  def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
    """Creates the process.

    Args:
      value_type: `<key=int32[2], parameters=P>`.

    Returns:
      A `tff.templates.AggregationProcess`.

    Raises:
      TypeError: If `value_type` is not the type of updates of the model space.
    """
    payloads = structured_payload.StructuredPayload(
      self._model_space, self._encoder_fn
    )
    mechanism = gaussian_mechanism.GaussianMechanism(
      self._options, float(self._options.clients_per_round)
    )
    return _build_process(
      payloads.check_type(value_type),
      _ClippedSum(payloads, self._model_space.specs, self._options.clip),
      mechanism,
    )


class _ClippedSum:
  """Sum of expanded updates, each clipped as it is added."""

  def __init__(
    self,
    payloads: structured_payload.StructuredPayload,
    specs: Any,
    clip: float | str,
  ):
    self._payloads = payloads
    self._clip = clip
    self._specs = tf.nest.flatten(specs)
    self.layout = scopes.Layout(specs, 'model')

  def encode(self, value: Any, clip: tf.Tensor) -> Any:
    """Returns the payload of a client; with the clip, if it is adaptive."""
    echo = (clip,) if isinstance(self._clip, str) else ()
    return self._payloads.encode(value), echo

  def zero(self) -> 'collections.OrderedDict[str, Any]':
    """Returns the sums of no clients."""
    return collections.OrderedDict(
      updates=[tf.zeros(spec.shape, tf.float64) for spec in self._specs],
      num_below=tf.constant(0.0, tf.float32),
      payload_bytes=tf.constant(0, tf.int64),
    )

  def add(self, sums: Any, payload: Any) -> 'collections.OrderedDict[str, Any]':
    """Returns the sums with one more client."""
    update, echo = payload
    (clip,) = echo or (tf.constant(self._clip, tf.float32),)
    expanded = self._payloads.map_updates(
      lambda x: tf.cast(x, tf.float64), update
    )
    norm = clipping.global_norm(expanded)
    factor = clipping.clip_factor(norm, clip)
    is_below = gaussian_mechanism.centered_indicator(
      norm <= tf.cast(clip, tf.float64)
    )
    return collections.OrderedDict(
      updates=[
        # Zero if it is not finite, which only other code than this sends.
        total + tf.math.multiply_no_nan(x, factor)
        for total, x in zip(sums['updates'], expanded, strict=True)
      ],
      num_below=sums['num_below'] + is_below,
      payload_bytes=sums['payload_bytes'] + received_bytes.num_bytes(payload),
    )


def _build_process(
  value_type: tff.Type,
  clipped_sum: _ClippedSum,
  mechanism: gaussian_mechanism.GaussianMechanism,
) -> tff.templates.AggregationProcess:
  """Builds the steps of `DpStructuredUpdateFactory`."""
  initial_state = tff.tensorflow.computation(mechanism.initial_state)
  state_type = initial_state.type_signature.result
  encode = tff.tensorflow.computation(
    clipped_sum.encode, value_type, tff.TensorType(np.float32)
  )
  zero = tff.tensorflow.computation(clipped_sum.zero)
  sums_type = zero.type_signature.result
  accumulate = tff.tensorflow.computation(
    clipped_sum.add, sums_type, encode.type_signature.result
  )

  @tff.tensorflow.computation(sums_type, sums_type)
  def merge(first, second):
    return tf.nest.map_structure(tf.add, first, second)

  @tff.tensorflow.computation(sums_type)
  def report(sums):
    return sums

  @tff.tensorflow.computation(state_type)
  def get_clip(state):
    return state['clip']

  @tff.tensorflow.computation(state_type, sums_type)
  def finish(state, sums):
    vectors = [
      tf.cast(x, tf.float32)
      for x in clipped_sum.layout.to_tensors(sums['updates'])
    ]
    new_state, means = mechanism.finish(state, vectors, sums['num_below'])
    measurements = collections.OrderedDict(
      payload_bytes=sums['payload_bytes'], clip=state['clip']
    )
    return new_state, clipped_sum.layout.from_tensors(means), measurements

  @tff.federated_computation
  def initialize():
    return tff.federated_eval(initial_state, tff.SERVER)

  @tff.federated_computation(
    initialize.type_signature.result,
    tff.FederatedType(value_type, tff.CLIENTS),
  )
  def next_fn(state, value):
    clip = tff.federated_broadcast(tff.federated_map(get_clip, state))
    payload = tff.federated_map(encode, (value, clip))
    sums = tff.federated_aggregate(payload, zero(), accumulate, merge, report)
    return tff.templates.MeasuredProcessOutput(
      *tff.federated_map(finish, (state, sums))
    )

  return tff.templates.AggregationProcess(initialize, next_fn)
