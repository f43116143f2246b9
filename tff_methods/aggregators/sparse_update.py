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
"""Aggregators of sparse and of hierarchically quantized updates (DHQC)."""

import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_mean
from tff_methods.aggregators import encoded_sum


def top_k_aggregator(
  *,
  fraction: float,
  bits: int | None = None,
  scope: str = 'model',
  min_elements: int = 0,
  weighted: bool = True,
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of the values of largest magnitude.

  Each client sends the `max(1, round(fraction * n))` of its `n` values that
  have the largest magnitudes (see `encoders.TopKStage`), and their positions;
  with `bits`, the values are quantized (see
  `encoders.HierarchicalQuantizationStage`). Values that a client does not send
  in a round are lost: this aggregator keeps no client state, so its result is
  biased towards zero.

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
    fraction: Fraction of the values that is sent, in (0, 1].
    bits: Bits per sent value, 2 to 16; `None` sends `float32` values.
    scope: Values among which the largest are selected. `'model'`: all values of
      the model, as one vector, as in the paper. `'tensor'`: the values of each
      tensor.
    min_elements: With the scope `'tensor'`, tensors with fewer elements
      (biases) are sent whole.
    weighted: If true, the mean is weighted.

  Returns:
    A `WeightedAggregationFactory`, or, if `weighted` is false, an
    `UnweightedAggregationFactory`.

  Raises:
    TypeError: If an argument is of a wrong type. When the process is created:
      if the value has other parts than floating tensors of fully defined
      shapes, a tensor to encode is not `float32`, or, with the scope
      `'model'`, tensors are of different dtypes.
    ValueError: If an argument is out of range, or `min_elements` is given with
      the scope `'model'`.
  """
  options = options_lib.SparseOptions(
    fraction=fraction, bits=bits, scope=scope, min_elements=min_elements
  )
  return encoded_mean.encoded_mean_factory(
    sparse_encoder_fn(options),
    min_elements=options.min_elements,
    weighted=weighted,
    scope=options.scope,
  )


def sparse_encoder_fn(
  options: options_lib.SparseOptions,
) -> encoded_sum.EncoderFn:
  """Returns `encoders.sparse_encoder` as a function that can be pickled."""
  return functools.partial(_build_sparse_encoder, options=options)


def hierarchical_quantization_aggregator(
  *, bits: int = 4, min_elements: int = 256, weighted: bool = True
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the mean of hierarchically quantized updates.

  Each client sends a sign and an interval of the magnitude of each value (see
  `encoders.HierarchicalQuantizationStage`). Each tensor has its own intervals;
  wrap the factory in `tff.aggregators.concat_factory` for common intervals of
  the entire model. The result is biased by at most half an interval.

  The type signature of the created process, its measurements and its handling
  of NaN and Inf are those of `top_k_aggregator`.

  Args:
    bits: Bits per value, 2 to 16.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.
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
  # Checks bits here, before the process is created.
  stage = encoders.HierarchicalQuantizationStage(bits)
  return encoded_mean.encoded_mean_factory(
    functools.partial(_build_stage_encoder, stage=stage),
    min_elements=min_elements,
    weighted=weighted,
  )


def _build_sparse_encoder(
  spec: tf.TensorSpec, index: int, *, options: options_lib.SparseOptions
) -> encoders.GatherEncoder:
  del index  # The encoder draws no random numbers.
  return encoders.sparse_encoder(spec, options)


def _build_stage_encoder(
  spec: tf.TensorSpec,
  index: int,
  *,
  stage: encoders.HierarchicalQuantizationStage,
) -> encoders.GatherEncoder:
  del index  # The stage draws no random numbers.
  return encoders.chain([(stage, '')], spec)
