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

from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import update_spaces
from tff_methods.aggregators import clipping
from tff_methods.aggregators import decoded_mean
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import structured_payload
from tff_methods.common import argument_checks


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
    bounds: options_lib.UpdateBounds | None = None,
  ):
    """Initializes the factory.

    Args:
      model_space: Space of the updates.
      encoder_fn: Maps the `tf.TensorSpec` of a tensor's parameters and the
        tensor's index to a `GatherEncoder` of stages of this package. All its
        random choices are drawn from the client's key. `None` sends parameters
        unencoded.
      bounds: Bounds of the norm of an expanded update, which the server
        applies to each as it arrives; `None` for none.

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
    if bounds is not None:
      argument_checks.check_options(bounds, options_lib.UpdateBounds)
    self._bounds = bounds
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
    payloads = structured_payload.StructuredPayload(
      self._model_space, self._encoder_fn
    )
    return _build_process(
      payloads,
      self._model_space.specs,
      payloads.check_type(value_type),
      weight_type,
      self._bounds,
    )


def _build_process(
  payloads: structured_payload.StructuredPayload,
  specs: Any,
  value_type: tff.Type,
  weight_type: tff.Type,
  bounds: options_lib.UpdateBounds | None,
) -> tff.templates.AggregationProcess:
  """Builds the mean from sums of full updates and of weights."""
  flat_specs = tf.nest.flatten(specs)
  encode = tff.tensorflow.computation(payloads.encode, value_type)

  def zero():
    return (
      [tf.zeros(spec.shape, tf.float64) for spec in flat_specs],
      tf.constant(0.0, tf.float64),
    )

  def add(sums, payload, weight):
    totals, total_weight = sums
    if bounds is None:
      totals = payloads.map_updates(
        lambda update, total: total + tf.cast(update, tf.float64),
        payload,
        totals,
        weight=weight,
      )
    else:
      updates = payloads.map_updates(lambda x: tf.cast(x, tf.float64), payload)
      factor = clipping.bounding_factor(clipping.global_norm(updates), bounds)
      factor *= tf.cast(weight, tf.float64)
      totals = [
        total + tf.math.multiply_no_nan(update, factor)
        for total, update in zip(totals, updates, strict=True)
      ]
    return totals, total_weight + tf.cast(weight, tf.float64)

  def mean(sums):
    totals, total_weight = sums
    means = [
      tf.cast(tf.math.divide_no_nan(total, total_weight), spec.dtype)
      for total, spec in zip(totals, flat_specs, strict=True)
    ]
    return tf.nest.pack_sequence_as(specs, means)

  return decoded_mean.build_decoded_mean(
    weight_type, encode, zero=zero, add=add, mean=mean
  )
