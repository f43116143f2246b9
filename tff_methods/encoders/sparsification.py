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
"""Encoder of sparse updates: top-k, then quantization (DHQC, section 3)."""

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.encoders import hierarchical_quantization
from tff_methods.encoders import tensor_encoding
from tff_methods.encoders import top_k


def sparse_encoder(
  value_spec: tf.TensorSpec,
  options: options_lib.SparseOptions,
  scale: str = 'unbiased',
) -> tensor_encoding.GatherEncoder:
  """Builds an encoder that sends the values of largest magnitude of one tensor.

  Of `n` values, `k = max(1, round(fraction * n))` are sent, in `ceil(k * bits /
  8)` bytes, and 8 for their range (`4 * k` without `bits`), and the positions
  in `elias_fano.packed_size(k, n)` bytes.

  Args:
    value_spec: `tf.TensorSpec` of the values: `float32`, of a fully defined
      shape.
    options: Options of the selection and quantization. `scope` and
      `min_elements` are not used here: they concern the tensors of a model.
    scale: Scale of quantized values, see `HierarchicalQuantizationStage`. With
      `'contractive'`, and without `bits` in any case, the Euclidean norm of the
      decoded value is at most that of the value.

  Returns:
    A `GatherEncoder`.

  Raises:
    ValueError: If `scale` is unknown.
  """
  argument_checks.check_choice('scale', scale, options_lib.SCALES)
  stages = [(top_k.TopKStage(options.fraction), 'values')]
  if options.bits is not None:
    stage = hierarchical_quantization.HierarchicalQuantizationStage(
      options.bits, scale
    )
    stages.append((stage, ''))
  return tensor_encoding.chain(stages, value_spec)
