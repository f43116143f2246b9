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
"""Aggregator of ternary updates: TernGrad, Wen et al. (2017)."""

import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum


def ternary_aggregator(
  *,
  clip_factor: float | None = None,
  min_elements: int = 256,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
  weighted: bool = True,
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of updates of values -u, 0 and u.

  A tensor takes 1.6 bits per value, and 4 bytes for its scale u (see
  `encoders.TernaryQuantizationStage`). Without `clip_factor` the result is an
  unbiased estimate of the mean; with it, clipped values are biased.

  The created process has `next: <S@SERVER, {V}@CLIENTS, {float32}@CLIENTS> ->
  <state=S@SERVER, result=V@SERVER, measurements=M@SERVER>` (without weights if
  `weighted` is false). Its measurements are those of
  `tff.aggregators.MeanFactory` or `UnweightedMeanFactory`, with `mean_value` an
  `OrderedDict` of `payload_bytes`: the bytes of the encoded updates, summed
  over the clients of the round and counted on arrival.

  NaN or Inf in an update stops the round with an `InvalidArgumentError`.
  A mean does not fit into `tff.aggregators.DifferentiallyPrivateFactory`: see
  `dp_sketched_aggregator`.

  Args:
    clip_factor: Magnitudes are clipped at this many standard deviations of
      their tensor, 2.5 in the paper; `None` disables clipping.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.
    seed_source: Source of a client's random choices. `'reproducible'`: a
      fingerprint of its update, so that a repeated simulation on the same
      processor gives the same bits. `'entropy'`: the operating system.
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
  options = options_lib.TernGradOptions(
    clip_factor=clip_factor,
    min_elements=min_elements,
    seed_source=seed_source,
    base_seed=base_seed,
  )

  return encoded_mean.encoded_mean_factory(
    ternary_encoder_fn(options),
    min_elements=options.min_elements,
    weighted=weighted,
  )


def ternary_encoder_fn(
  options: options_lib.TernGradOptions,
) -> encoded_sum.EncoderFn:
  """Returns the encoder of ternary updates as a function, to be pickled."""
  return functools.partial(_build_encoder, options=options)


def _build_encoder(
  spec: tf.TensorSpec, index: int, *, options: options_lib.TernGradOptions
) -> encoders.GatherEncoder:
  stage = encoders.TernaryQuantizationStage(
    (options.base_seed, index), options.seed_source, options.clip_factor
  )
  return encoders.chain([(stage, '')], spec)
