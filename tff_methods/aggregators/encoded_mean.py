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
"""Mean of encoded values: the common part of the encoding aggregators."""

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
  """Returns a factory for the mean of values that clients encode.

  Args:
    encoder_fn: Maps the `tf.TensorSpec` of a `float32` tensor and its index
      among the tensors of the value to its `GatherEncoder`.
    min_elements: Tensors with fewer elements are sent uncompressed.
    weighted: If true, the mean is weighted.

  Returns:
    A `WeightedAggregationFactory`, or, if `weighted` is false, an
    `UnweightedAggregationFactory`. If no client has weight, the mean is zero.

  Raises:
    TypeError: If `min_elements` is not an int. When the process is created: if
      a tensor to encode is not `float32`.
    ValueError: If `min_elements` is negative.
  """
  value_sum_factory = encoded_sum.EncodedSumFactory(
    skip_small_tensors(encoder_fn, min_elements)
  )
  if not weighted:
    return tff.aggregators.UnweightedMeanFactory(value_sum_factory)
  # If no client has weight the mean is zero, not NaN.
  return tff.aggregators.MeanFactory(value_sum_factory, no_nan_division=True)


def skip_small_tensors(
  encoder_fn: encoded_sum.EncoderFn, min_elements: int
) -> encoded_sum.EncoderFn:
  """Returns an encoder function that sends small tensors uncompressed.

  Args:
    encoder_fn: Maps the `tf.TensorSpec` of a `float32` tensor and its index
      among the tensors of the value to its `GatherEncoder`.
    min_elements: Tensors with fewer elements, of any dtype, are sent
      uncompressed.

  Returns:
    A function like `encoder_fn`. It raises `TypeError` for a tensor of
    `min_elements` elements or more that is not `float32`.

  Raises:
    TypeError: If `min_elements` is not an int.
    ValueError: If `min_elements` is negative.
  """
  argument_checks.check_int('min_elements', min_elements, minimum=0)

  def encoder_or_identity(
    spec: tf.TensorSpec, index: int
  ) -> encoders.GatherEncoder:
    if spec.shape.num_elements() < min_elements:
      return encoders.identity_encoder(spec)
    if spec.dtype != tf.float32:
      raise TypeError(
        f'Expected float32 values to encode, found {spec.dtype.name}: cast '
        'the model.'
      )
    return encoder_fn(spec, index)

  return encoder_or_identity
