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
"""Ternary updates as an aggregator (TernGrad, Wen et al. 2017)."""

import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_mean


def ternary_aggregator(
  *,
  clip_factor: float | None = None,
  min_elements: int = 256,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
  weighted: bool = True,
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of updates that clients send as -u, 0 or u.

  Each tensor takes 1.6 bits a value and 4 bytes (see
  `encoders.TernaryQuantizationStage`). Without `clip_factor` the result
  estimates the mean without bias; with it, values that are cut off are biased.

  The created process has `next: <S@SERVER, {V}@CLIENTS, {float32}@CLIENTS> ->
  <state=S@SERVER, result=V@SERVER, measurements=M@SERVER>` (no weights if
  `weighted` is false); its measurements are those of
  `tff.aggregators.MeanFactory`, with `mean_value` (`UnweightedMeanFactory` has
  the same name) an `OrderedDict` of `payload_bytes`: the bytes of the encoded
  updates that arrived in the round, of all clients together.

  An update with NaN or Inf stops the round with an `InvalidArgumentError`.

  Args:
    clip_factor: Cuts magnitudes off at this many standard deviations of their
      tensor first; `None` does not. The paper takes 2.5.
    min_elements: Tensors of fewer elements (biases) are sent uncompressed.
    seed_source: Where a client's own random choices come from.
      `'reproducible'`: a fingerprint of its update, so that a simulation run
      again gives the same bits. `'entropy'`: the operating system.
    base_seed: Another seed gives other random choices.
    weighted: Whether the mean is weighted.

  Returns:
    A `WeightedAggregationFactory`, or, if `weighted` is false, an
    `UnweightedAggregationFactory`.

  Raises:
    TypeError: If `clip_factor` is not a number, or `min_elements` or
      `base_seed` is not an int. When the process is created: if a tensor to
      encode is not `float32`.
    ValueError: If an argument is out of range.
  """
  options = options_lib.TernGradOptions(
    clip_factor=clip_factor,
    min_elements=min_elements,
    seed_source=seed_source,
    base_seed=base_seed,
  )

  def encoder_fn(spec, index):
    stage = encoders.TernaryQuantizationStage(
      (base_seed, index), options.seed_source, options.clip_factor
    )
    return encoders.chain([(stage, '')], spec)

  return encoded_mean.encoded_mean_factory(
    encoder_fn, min_elements=min_elements, weighted=weighted
  )
