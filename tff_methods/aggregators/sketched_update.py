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
"""Aggregator of sketched updates: Konečný et al. (2016), section 3."""

import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum


def sketched_update_aggregator(
  *,
  bits: int | None = 2,
  fraction: float = 1.0,
  rotation: bool = True,
  shared_rotation: bool = True,
  quantizer: str = 'eden',
  min_elements: int = 256,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
  weighted: bool = True,
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of sketched updates.

  Each client rotates, subsamples and quantizes each tensor of its update. The
  server decodes each payload on arrival and inverts the rotation once, on the
  sum (with `shared_rotation=False`, one for each payload). The result is an
  unbiased estimate of the mean (with `'eden'` nearly so: see
  `encoders.EdenQuantizationStage`). Wrap clipping and zeroing around this
  factory, not inside. It does not fit into
  `tff.aggregators.DifferentiallyPrivateFactory`, which needs a sum of values of
  bounded norm: this is a mean, and decoding can increase the norm. Use
  `dp_sketched_aggregator`.

  The created process has `next: <S@SERVER, {V}@CLIENTS, {float32}@CLIENTS> ->
  <state=S@SERVER, result=V@SERVER, measurements=M@SERVER>` (without weights if
  `weighted` is false). Its measurements are those of
  `tff.aggregators.MeanFactory` or `UnweightedMeanFactory`, with `mean_value` an
  `OrderedDict` of `payload_bytes`: the bytes of the sketched updates, summed
  over the clients of the round and counted on arrival.

  NaN or Inf in any tensor of an update stops the round with an
  `InvalidArgumentError`. (The client works of `tff.learning` replace such an
  update by zeros of weight zero before it is aggregated.)

  Args:
    bits: Bits per sent value, 1 to 16; `None` sends `float32` values.
    fraction: Fraction of each tensor's values that is sent, in (0, 1].
    rotation: If true, rotates each tensor before subsampling and quantization.
    shared_rotation: If true, all clients of a round share one rotation. If
      false, each client draws its own, and sends its key of 8 bytes, once for
      each tensor: the errors of similar updates then average out with `'eden'`,
      too.
    quantizer: `'eden'`: optimal levels for rotated values; requires `rotation`.
      `'uniform'`: the paper's quantizer, evenly spaced levels between minimum
      and maximum with stochastic rounding.
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
      shapes, or a tensor to sketch is not `float32`.
    ValueError: If an argument is out of range, `quantizer` is `'eden'` without
      rotation, or `shared_rotation` is false and nothing is rotated.
  """
  options = options_lib.SketchOptions(
    bits=bits,
    fraction=fraction,
    rotation=rotation,
    shared_rotation=shared_rotation,
    quantizer=quantizer,
    min_elements=min_elements,
    seed_source=seed_source,
    base_seed=base_seed,
  )
  return encoded_mean.encoded_mean_factory(
    sketch_encoder_fn(options),
    min_elements=options.min_elements,
    weighted=weighted,
  )


def sketch_encoder_fn(
  options: options_lib.SketchOptions,
) -> encoded_sum.EncoderFn:
  """Returns `encoders.sketch_encoder` as a function that can be pickled."""
  return functools.partial(_build_encoder, options=options)


def _build_encoder(
  spec: tf.TensorSpec, index: int, *, options: options_lib.SketchOptions
) -> encoders.GatherEncoder:
  return encoders.sketch_encoder(spec, options, (options.base_seed, index))
