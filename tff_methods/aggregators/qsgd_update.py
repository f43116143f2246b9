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
"""Aggregator of QSGD. Alistarh et al. (2017)."""

import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum


def qsgd_aggregator(
  *,
  bits: int = 4,
  bucket_size: int = 512,
  norm: str = 'max',
  min_elements: int = 256,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
  weighted: bool = True,
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of updates that QSGD quantizes.

  A tensor takes `bits` bits per value and 4 bytes per bucket (see
  `encoders.NormQuantizationStage`). The result is an unbiased estimate of the
  mean.

  The type signature of the created process, its measurements and its handling
  of NaN and Inf are those of `ternary_aggregator`.

  Args:
    bits: Bits per value, 2 to 16, including the sign.
    bucket_size: Values that have a norm in common.
    norm: Norm of a bucket: `'max'` or `'euclidean'`.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.
    seed_source: See `ternary_aggregator`.
    base_seed: Seed of the process. Different seeds give independent choices.
    weighted: If true, the mean is weighted.

  Returns:
    A `WeightedAggregationFactory`, or, if `weighted` is false, an
    `UnweightedAggregationFactory`.

  Raises:
    TypeError: If an argument is of a wrong type. When the process is created:
      if the value has other parts than floating tensors of fully defined
      shapes, or a tensor to encode is not `float32`.
    ValueError: If an argument is out of range.
  """
  options = options_lib.QsgdOptions(
    bits=bits,
    bucket_size=bucket_size,
    norm=norm,
    min_elements=min_elements,
    seed_source=seed_source,
    base_seed=base_seed,
  )
  return encoded_mean.encoded_mean_factory(
    qsgd_encoder_fn(options),
    min_elements=options.min_elements,
    weighted=weighted,
  )


def qsgd_encoder_fn(
  options: options_lib.QsgdOptions,
) -> encoded_sum.EncoderFn:
  """Returns the encoder of QSGD as a function, to be pickled."""
  return functools.partial(_build_encoder, options=options)


def _build_encoder(
  spec: tf.TensorSpec, index: int, *, options: options_lib.QsgdOptions
) -> encoders.GatherEncoder:
  stage = encoders.NormQuantizationStage(
    options.bits,
    (options.base_seed, index),
    options.seed_source,
    bucket_size=options.bucket_size,
    norm=options.norm,
  )
  return encoders.chain([(stage, '')], spec)
