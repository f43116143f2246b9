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
"""The mean of values that clients encode: what encoding aggregators share."""

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods.aggregators import encoded_sum
from tff_methods.common import argument_checks


def encoded_mean_factory(
  encoder_fn: encoded_sum.EncoderFn,
  *,
  min_elements: int,
  weighted: bool,
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of values that are sent encoded.

  Args:
    encoder_fn: Maps the spec of a `float32` tensor and its index among the
      tensors of the value to the `GatherEncoder` for it.
    min_elements: Tensors of fewer elements are sent as they are.
    weighted: Whether the mean is weighted.

  Returns:
    A `WeightedAggregationFactory`, or, if `weighted` is false, an
    `UnweightedAggregationFactory`. Where no client has any weight, the mean is
    zero.

  Raises:
    TypeError: If `min_elements` is not an int. When the process is created: if
      a tensor to encode is not `float32`.
    ValueError: If `min_elements` is negative.
  """
  value_sum_factory = encoded_sum.EncodedSumFactory(
    with_small_tensors_whole(encoder_fn, min_elements)
  )
  if not weighted:
    return tff.aggregators.UnweightedMeanFactory(value_sum_factory)
  # Where no client has any weight the mean is zero, not NaN.
  return tff.aggregators.MeanFactory(value_sum_factory, no_nan_division=True)


def with_small_tensors_whole(
  encoder_fn: encoded_sum.EncoderFn, min_elements: int
) -> encoded_sum.EncoderFn:
  """Returns `encoder_fn`, but small tensors are sent as they are.

  Args:
    encoder_fn: As in `encoded_mean_factory`.
    min_elements: As there.

  Raises:
    TypeError: If `min_elements` is not an int; and, from what is returned, if a
      tensor to encode is not `float32`.
    ValueError: If `min_elements` is negative.
  """
  argument_checks.check_int('min_elements', min_elements, minimum=0)

  def encoder_or_identity(spec, index):
    if spec.shape.num_elements() < min_elements:
      return encoders.identity_encoder(spec)
    if spec.dtype != tf.float32:
      raise TypeError(
        f'Expected float32 values to encode, found {spec.dtype.name}: cast '
        'the model.'
      )
    return encoder_fn(spec, index)

  return encoder_or_identity
