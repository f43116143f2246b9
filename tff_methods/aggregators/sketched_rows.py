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
"""Mean of updates of selected rows, rotated, subsampled and quantized."""

import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import selected_rows
from tff_methods.common import argument_checks


def sketched_rows_aggregator(
  num_rows: int,
  sketch: options_lib.SketchOptions,
  *,
  weighting: str = 'client',
) -> tff.aggregators.WeightedAggregationFactory:
  """Returns a factory for the mean of sketched updates of selected rows.

  The `selected_rows_aggregator` whose clients send their rows, as one tensor,
  in the encoding of `sketched_update_aggregator`, however few they are: Konečný
  et al. (2016), "Federated Learning: Strategies for Improving Communication
  Efficiency", section 3.

  The created process has `next: <S@SERVER, {<keys=int32[k], values=float32[k,
  d]>}@CLIENTS, {float32}@CLIENTS> -> <state=S@SERVER, result=float32[num_rows,
  d]@SERVER, measurements=M@SERVER>`, `M` as for `selected_rows_aggregator`.

  Args:
    num_rows: Number of rows of the table.
    sketch: Options of the encoding, and source of its random choices.
      `min_elements` has no effect.
    weighting: See `selected_rows_aggregator`.

  Returns:
    A `WeightedAggregationFactory`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  sketch = argument_checks.check_options(sketch, options_lib.SketchOptions)
  return selected_rows.selected_rows_aggregator(
    num_rows,
    weighting=weighting,
    encoder_fn=functools.partial(_build_encoder, sketch=sketch),
    seed_source=sketch.seed_source,
    base_seed=sketch.base_seed,
  )


def _build_encoder(
  spec: tf.TensorSpec, *, sketch: options_lib.SketchOptions
) -> encoders.GatherEncoder:
  return encoders.sketch_encoder(spec, sketch, (sketch.base_seed,))
