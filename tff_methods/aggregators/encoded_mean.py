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

import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import scope as scopes
from tff_methods.aggregators import value_types
from tff_methods.common import argument_checks


def encoded_mean_factory(
  encoder_fn: encoded_sum.EncoderFn,
  *,
  min_elements: int,
  weighted: bool,
  scope: str = 'tensor',
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of values that clients encode.

  The factory can be pickled if `encoder_fn` can.

  Args:
    encoder_fn: Maps the `tf.TensorSpec` of a `float32` tensor and its index
      among the tensors of the value to its `GatherEncoder`.
    min_elements: Tensors with fewer elements are sent uncompressed.
    weighted: If true, the mean is weighted.
    scope: Unit of encoding, one of `options.SCOPES`. `'model'`: the entire
      value as one vector. `'tensor'`: each tensor.

  Returns:
    A `WeightedAggregationFactory`, or, if `weighted` is false, an
    `UnweightedAggregationFactory`. If no client has weight, the mean is zero.

  Raises:
    TypeError: If `min_elements` is not an int, or `weighted` not a bool. When
      the process is created: if the value has other parts than floating
      tensors of fully defined shapes, or a tensor to encode is not `float32`.
    ValueError: If `min_elements` is negative.
  """
  value_sum_factory = encoded_sum.EncodedSumFactory(
    skip_small_tensors(encoder_fn, min_elements)
  )
  if argument_checks.check_bool('weighted', weighted):
    # If no client has weight the mean is zero, not NaN.
    mean = tff.aggregators.MeanFactory(value_sum_factory, no_nan_division=True)
    return _WeightedEncodedMeanFactory(mean, scope)
  mean = tff.aggregators.UnweightedMeanFactory(value_sum_factory)
  return _UnweightedEncodedMeanFactory(mean, scope)


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
    TypeError: If `encoder_fn` is not a function, or `min_elements` not an int.
    ValueError: If `min_elements` is negative.
  """
  encoded_sum.check_encoder_fn(encoder_fn)
  # A partial, not a closure: it can be pickled.
  return functools.partial(
    _encoder_or_identity,
    encoder_fn=encoder_fn,
    min_elements=argument_checks.check_int(
      'min_elements', min_elements, minimum=0
    ),
  )


def is_small(spec: tf.TensorSpec, min_elements: int) -> bool:
  """Returns true for a tensor that `skip_small_tensors` skips."""
  return spec.shape.num_elements() < min_elements


def _encoder_or_identity(
  spec: tf.TensorSpec,
  index: int,
  *,
  encoder_fn: encoded_sum.EncoderFn,
  min_elements: int,
) -> encoders.GatherEncoder:
  """Returns the encoder of a tensor, the identity for a small one."""
  if is_small(spec, min_elements):
    return encoders.identity_encoder(spec)
  if spec.dtype != tf.float32:
    raise TypeError(
      f'Expected float32 values to encode, found {spec.dtype.name}: cast the '
      'model.'
    )
  return encoder_fn(spec, index)


class _WeightedEncodedMeanFactory(tff.aggregators.WeightedAggregationFactory):
  """See `encoded_mean_factory`."""

  def __init__(
    self, mean: tff.aggregators.WeightedAggregationFactory, scope: str
  ):
    self._mean = mean
    self._scope = scope

  def create(
    self, value_type: tff.Type, weight_type: tff.Type
  ) -> tff.templates.AggregationProcess:
    """Creates the process."""
    value_type = value_types.check_value_type(
      value_type, value_types.MEAN_DTYPES
    )
    value_types.check_weight_type(weight_type)
    mean = _concatenate(self._mean, self._scope, value_type)
    return mean.create(value_type, weight_type)


class _UnweightedEncodedMeanFactory(
  tff.aggregators.UnweightedAggregationFactory
):
  """See `encoded_mean_factory`."""

  def __init__(
    self, mean: tff.aggregators.UnweightedAggregationFactory, scope: str
  ):
    self._mean = mean
    self._scope = scope

  def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
    """Creates the process."""
    value_type = value_types.check_value_type(
      value_type, value_types.MEAN_DTYPES
    )
    return _concatenate(self._mean, self._scope, value_type).create(value_type)


def _concatenate(
  mean: tff.aggregators.AggregationFactory, scope: str, value_type: tff.Type
) -> tff.aggregators.AggregationFactory:
  """Wraps the mean for values as one vector with the scope `'model'`."""
  specs = tf.nest.flatten(tff.types.type_to_tf_tensor_specs(value_type))
  # `concat_factory` refuses a value without tensors.
  if scope == 'tensor' or not specs:
    return mean
  scopes.check_one_dtype(specs)
  return tff.aggregators.concat_factory(mean)
