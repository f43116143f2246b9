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
"""Mean of ternary updates whose clients share their scales.

Wen et al. (2017), "TernGrad", section 3: scaler sharing.
"""

import collections
from collections.abc import Callable, Sequence
import functools
import itertools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import received_bytes
from tff_methods.aggregators import value_types
from tff_methods.encoders import ternary_quantization


class SharedTernaryMeanFactory(tff.aggregators.WeightedAggregationFactory):
  """`WeightedAggregationFactory` for the mean of values -u, 0 and u, one u.

  Each tensor has one scale u for all clients of a round. In `next`:

  1.  A client multiplies its tensors by its weight, clips each at its own
      standard deviations (see `encoders.TernaryQuantizationStage`), and sends
      the largest magnitudes.
  2.  The server broadcasts the largest of these, the shared scales.
  3.  The client divides by the shared scales, rounds to -1, 0 or 1 at random,
      and sends these; small tensors are sent whole.
  4.  The server sums what arrives, which are whole numbers, and multiplies by
      the scales, once. It divides by the sum of the weights.

  The sum of step 4 depends on the maximum of step 2, so TFF cannot split the
  computation over several workers.

  The created process has `next: <S@SERVER, {<salt=int32[2], value=V>}@CLIENTS,
  {float32}@CLIENTS> -> <state=S@SERVER, result=V@SERVER,
  measurements=M@SERVER>`; salts are not sent. Measurements: an `OrderedDict` of
  `mean_value`, with `payload_bytes`: `int64`, the bytes of steps 1 and 3,
  summed over the clients of the round.
  """

  def __init__(self, options: options_lib.TernGradOptions):
    """Initializes the factory.

    Args:
      options: Clipping and random choices.
    """
    self._options = options

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
    is_rounded = [
      bool(spec.shape.num_elements())
      and not encoded_mean.is_small(spec, self._options.min_elements)
      for spec in tf.nest.flatten(specs)
    ]
    trit_sum = encoded_sum.EncodedSum(
      encoded_mean.skip_small_tensors(
        functools.partial(_build_encoder, options=self._options),
        self._options.min_elements,
      ),
      tf.nest.flatten(specs),
    )

    @tff.tensorflow.computation(value_type, weight_type)
    def measure(value, weight):
      tensors = [x * tf.cast(weight, x.dtype) for x in tf.nest.flatten(value)]
      scales = [
        ternary_quantization.largest_magnitude(x, self._options.clip_factor)
        for x in itertools.compress(tensors, is_rounded)
      ]
      scales = tf.stack(scales) if scales else tf.zeros([0])
      return collections.OrderedDict(
        tensors=_map_rounded(_clip, tensors, is_rounded, scales), scales=scales
      )

    tensors_type, scales_type = measure.type_signature.result

    @tff.tensorflow.computation(
      tensors_type, salt_type, scales_type, trit_sum.client_params_type
    )
    def encode(tensors, salt, scales, params):
      units = _map_rounded(tf.math.divide_no_nan, tensors, is_rounded, scales)
      return trit_sum.encode(units, params, salt)

    @tff.tensorflow.computation(tensors_type, scales_type, weight_type)
    def finish(sums, scales, weight):
      sums = _map_rounded(tf.multiply, sums, is_rounded, scales)
      # If no client has weight the mean is zero, not NaN.
      means = [tf.math.divide_no_nan(x, tf.cast(weight, x.dtype)) for x in sums]
      return tf.nest.pack_sequence_as(specs, means)

    return _build_process(trit_sum, measure, encode, finish)


def _map_rounded(
  fn: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
  tensors: Sequence[tf.Tensor],
  is_rounded: Sequence[bool],
  scales: tf.Tensor,
) -> list[tf.Tensor]:
  """Applies a function of tensor and scale to the tensors that are rounded."""
  remaining = iter(tf.unstack(scales))
  return [
    fn(x, next(remaining)) if rounded else x
    for x, rounded in zip(tensors, is_rounded, strict=True)
  ]


def _clip(x: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
  """Returns a tensor whose magnitudes are clipped at a limit."""
  return tf.clip_by_value(x, -limit, limit)


def _build_encoder(
  spec: tf.TensorSpec, index: int, *, options: options_lib.TernGradOptions
) -> encoders.GatherEncoder:
  stage = encoders.TernaryRoundingStage(
    (options.base_seed, index), options.seed_source
  )
  return encoders.chain([(stage, '')], spec)


def _build_max(scales_type: tff.TensorType) -> tff.Computation:
  """Builds the maximum of the clients' scales, with the bytes on arrival.

  Args:
    scales_type: `float32[n]`.

  Returns:
    `({float32[n]}@CLIENTS -> <scales=float32[n], num_bytes=int64>@SERVER)`.
  """

  @tff.tensorflow.computation
  def zero():
    return collections.OrderedDict(
      scales=tf.zeros(scales_type.shape),
      num_bytes=tf.constant(0, tf.int64),
    )

  accumulator_type = zero.type_signature.result

  @tff.tensorflow.computation(accumulator_type, scales_type)
  def accumulate(accumulator, scales):
    return collections.OrderedDict(
      scales=tf.maximum(accumulator['scales'], scales),
      num_bytes=accumulator['num_bytes'] + received_bytes.num_bytes(scales),
    )

  @tff.tensorflow.computation(accumulator_type, accumulator_type)
  def merge(first, second):
    return collections.OrderedDict(
      scales=tf.maximum(first['scales'], second['scales']),
      num_bytes=first['num_bytes'] + second['num_bytes'],
    )

  @tff.tensorflow.computation(accumulator_type)
  def report(accumulator):
    return accumulator

  @tff.federated_computation(tff.FederatedType(scales_type, tff.CLIENTS))
  def federated_max(scales):
    return tff.federated_aggregate(scales, zero(), accumulate, merge, report)

  return federated_max


def _build_process(
  trit_sum: encoded_sum.EncodedSum,
  measure: tff.Computation,
  encode: tff.Computation,
  finish: tff.Computation,
) -> tff.templates.AggregationProcess:
  """Builds the process of its steps: see `SharedTernaryMeanFactory`."""
  value_type, weight_type = measure.type_signature.parameter
  tensors_type, salt_type, scales_type, _ = encode.type_signature.parameter
  federated_max = _build_max(scales_type)
  sum_trits = trit_sum.build_sum(
    encode.type_signature.result,
    tff.types.type_to_tf_tensor_specs(tensors_type),
  )

  @tff.tensorflow.computation(np.int64, np.int64)
  def add(first, second):
    return first + second

  @tff.federated_computation(
    trit_sum.initialize.type_signature.result,
    tff.FederatedType(
      collections.OrderedDict(salt=salt_type, value=value_type), tff.CLIENTS
    ),
    tff.FederatedType(weight_type, tff.CLIENTS),
  )
  def next_fn(state, salted, weight):
    client_params, after_sum_params = tff.federated_map(
      trit_sum.get_params, state
    )
    own = tff.federated_map(measure, (salted.value, weight))
    shared = federated_max(own.scales)
    trits = tff.federated_map(
      encode,
      (
        own.tensors,
        salted.salt,
        tff.federated_broadcast(shared.scales),
        tff.federated_broadcast(client_params),
      ),
    )
    total = sum_trits(state, trits, after_sum_params)
    num_bytes = tff.federated_map(
      add, (total.measurements.payload_bytes, shared.num_bytes)
    )
    return tff.templates.MeasuredProcessOutput(
      total.state,
      tff.federated_map(
        finish, (total.result, shared.scales, tff.federated_sum(weight))
      ),
      tff.federated_zip(
        collections.OrderedDict(
          mean_value=tff.federated_zip(
            collections.OrderedDict(payload_bytes=num_bytes)
          )
        )
      ),
    )

  return tff.templates.AggregationProcess(trit_sum.initialize, next_fn)
