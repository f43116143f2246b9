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
"""Mean of values that the server decodes as each payload arrives."""

import collections
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.aggregators import received_bytes
from tff_methods.aggregators import value_types


def build_decoded_mean(
  weight_type: tff.Type,
  encode: tff.Computation,
  *,
  zero: Callable[[], Any],
  add: Callable[[Any, Any, tf.Tensor], Any],
  mean: Callable[[Any], Any],
) -> tff.templates.AggregationProcess:
  """Builds a stateless mean of payloads that have to be decoded one by one.

  `next: <<>@SERVER, {V}@CLIENTS, {W}@CLIENTS> -> <state=<>@SERVER,
  result=R@SERVER, measurements=<payload_bytes=int64>@SERVER>`, where
  `payload_bytes` are the bytes of the payloads, summed over the clients of the
  round and counted on arrival.

  Args:
    weight_type: `W`.
    encode: `(V -> P)`, from a client's value to its payload.
    zero: Returns the sums of no clients, a structure `S` of tensors. This and
      the following functions are called inside TensorFlow computations.
    add: Maps `S`, a client's `P` and its `W` to the next `S`. Two `S` are
      merged by adding their tensors.
    mean: Maps `S` to `R`.

  Returns:
    A `tff.templates.AggregationProcess` of values and weights.

  Raises:
    TypeError: If `weight_type` is not the type of a number.
  """
  value_types.check_weight_type(weight_type)
  value_type = encode.type_signature.parameter
  payload_type = encode.type_signature.result

  @tff.tensorflow.computation
  def zero_fn():
    return collections.OrderedDict(
      sums=zero(), payload_bytes=tf.constant(0, tf.int64)
    )

  accumulator_type = zero_fn.type_signature.result

  @tff.tensorflow.computation(
    accumulator_type, tff.types.to_type((payload_type, weight_type))
  )
  def accumulate(accumulator, received):
    payload, weight = received
    return collections.OrderedDict(
      sums=add(accumulator['sums'], payload, weight),
      payload_bytes=(
        accumulator['payload_bytes'] + received_bytes.num_bytes(payload)
      ),
    )

  @tff.tensorflow.computation(accumulator_type, accumulator_type)
  def merge(first, second):
    return tf.nest.map_structure(tf.add, first, second)

  @tff.tensorflow.computation(accumulator_type)
  def report(accumulator):
    return mean(accumulator['sums']), collections.OrderedDict(
      payload_bytes=accumulator['payload_bytes']
    )

  @tff.federated_computation
  def init_fn():
    return tff.federated_value((), tff.SERVER)

  @tff.federated_computation(
    tff.FederatedType((), tff.SERVER),
    tff.FederatedType(value_type, tff.CLIENTS),
    tff.FederatedType(weight_type, tff.CLIENTS),
  )
  def next_fn(state, value, weight):
    payload = tff.federated_map(encode, value)
    result, measurements = tff.federated_aggregate(
      tff.federated_zip((payload, weight)), zero_fn(), accumulate, merge, report
    )
    return tff.templates.MeasuredProcessOutput(state, result, measurements)

  return tff.templates.AggregationProcess(init_fn, next_fn)
