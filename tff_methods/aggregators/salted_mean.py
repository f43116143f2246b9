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
"""Mean of encoded updates whose clients draw from a salt.

An aggregator that users plug in sees updates alone, so its clients draw from a
fingerprint of the update, which the rounding of the processor changes. In the
processes of this library, the client work adds a salt to the update, made of
the client's data (`templates/client_salt.py`).
"""

import collections
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import value_types


def mean_factory(
  encoder_fn: encoded_sum.EncoderFn, min_elements: int, *, salted: bool
) -> tff.aggregators.WeightedAggregationFactory:
  """Returns a factory for the weighted mean of encoded values.

  Args:
    encoder_fn: See `SaltedMeanFactory`.
    min_elements: Tensors with fewer elements are sent uncompressed.
    salted: If true, values come with salts.

  Returns:
    A `SaltedMeanFactory`, or the factory of `encoded_mean`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If `min_elements` is negative.
  """
  if salted:
    return SaltedMeanFactory(encoder_fn, min_elements=min_elements)
  return encoded_mean.encoded_mean_factory(
    encoder_fn, min_elements=min_elements, weighted=True
  )


class SaltedMeanFactory(tff.aggregators.WeightedAggregationFactory):
  """`WeightedAggregationFactory` for the mean of values encoded with salts.

  The created process has `next: <S@SERVER, {<salt=int32[2], value=V>}@CLIENTS,
  {float32}@CLIENTS> -> <state=S@SERVER, result=V@SERVER,
  measurements=M@SERVER>`, with the states, measurements and, for equal salts,
  the bits of `encoded_mean.encoded_mean_factory`. Salts are not sent.
  """

  def __init__(self, encoder_fn: encoded_sum.EncoderFn, *, min_elements: int):
    """Initializes the factory.

    Args:
      encoder_fn: Maps the `tf.TensorSpec` of a `float32` tensor and its index
        among the tensors of the value to its `GatherEncoder`.
      min_elements: Tensors with fewer elements are sent uncompressed.

    Raises:
      TypeError: If an argument is of a wrong type.
      ValueError: If `min_elements` is negative.
    """
    self._encoder_fn = encoded_mean.skip_small_tensors(encoder_fn, min_elements)

  def create(
    self, value_type: tff.Type, weight_type: tff.Type
  ) -> tff.templates.AggregationProcess:
    """Creates the process.

    Args:
      value_type: `<salt=int32[2], value=V>`.
      weight_type: Type of a client's weight.

    Returns:
      A `tff.templates.AggregationProcess`.

    Raises:
      TypeError: If the value has other parts than floating tensors of fully
        defined shapes, or a tensor to encode is not `float32`.
    """
    salt_type, value_type = value_type['salt'], value_type['value']
    value_type = value_types.check_value_type(
      value_type, value_types.MEAN_DTYPES
    )
    value_types.check_weight_type(weight_type)
    specs = tff.types.type_to_tf_tensor_specs(value_type)
    salted_type = tff.types.to_type(
      collections.OrderedDict(salt=salt_type, value=value_type)
    )
    weighted_sum = encoded_sum.EncodedSum(
      self._encoder_fn, tf.nest.flatten(specs)
    )

    @tff.tensorflow.computation(
      salted_type, weight_type, weighted_sum.client_params_type
    )
    def encode(salted, weight, params):
      weighted = [
        x * tf.cast(weight, x.dtype) for x in tf.nest.flatten(salted['value'])
      ]
      return weighted_sum.encode(weighted, params, salted['salt'])

    @tff.tensorflow.computation(value_type, weight_type)
    def divide(total, weight):
      # If no client has weight the mean is zero, not NaN.
      return tf.nest.map_structure(
        lambda x: tf.math.divide_no_nan(x, tf.cast(weight, x.dtype)), total
      )

    return _build_process(weighted_sum, specs, encode, divide)


def _build_process(
  weighted_sum: encoded_sum.EncodedSum,
  specs: Any,
  encode: tff.Computation,
  divide: tff.Computation,
) -> tff.templates.AggregationProcess:
  """Builds the mean, with states and measurements of TFF's `MeanFactory`."""
  salted_type, weight_type, _ = encode.type_signature.parameter
  sum_payloads = weighted_sum.build_sum(encode.type_signature.result, specs)

  @tff.federated_computation
  def init_fn():
    return tff.federated_zip(
      collections.OrderedDict(
        value_sum_process=weighted_sum.initialize(),
        weight_sum_process=tff.federated_value((), tff.SERVER),
      )
    )

  @tff.federated_computation(
    init_fn.type_signature.result,
    tff.FederatedType(salted_type, tff.CLIENTS),
    tff.FederatedType(weight_type, tff.CLIENTS),
  )
  def next_fn(state, salted, weight):
    sum_state = state['value_sum_process']
    client_params, after_sum_params = tff.federated_map(
      weighted_sum.get_params, sum_state
    )
    payload = tff.federated_map(
      encode, (salted, weight, tff.federated_broadcast(client_params))
    )
    total = sum_payloads(sum_state, payload, after_sum_params)
    new_state = collections.OrderedDict(
      value_sum_process=total.state,
      weight_sum_process=state['weight_sum_process'],
    )
    measurements = collections.OrderedDict(
      mean_value=total.measurements,
      mean_weight=tff.federated_value((), tff.SERVER),
    )
    return tff.templates.MeasuredProcessOutput(
      tff.federated_zip(new_state),
      tff.federated_map(divide, (total.result, tff.federated_sum(weight))),
      tff.federated_zip(measurements),
    )

  return tff.templates.AggregationProcess(init_fn, next_fn)
