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
"""The encoder of sparse updates (DHQC, section 3): top-k, then quantization."""

import tensorflow as tf

from tff_methods.encoders import hierarchical_quantization
from tff_methods.encoders import subsampling
from tff_methods.encoders import tensor_encoding
from tff_methods.encoders import top_k


def check_sparsification(*, fraction: float, bits: int | None) -> None:
  """Raises `TypeError` or `ValueError` unless `sparse_encoder` takes these."""
  subsampling.check_fraction(fraction)
  if bits is not None:
    hierarchical_quantization.check_bits(bits)


def sparse_encoder(
  value_spec: tf.TensorSpec, *, fraction: float, bits: int | None
) -> tensor_encoding.GatherEncoder:
  """Returns an encoder that sends the largest values of one tensor.

  Of `n` values, `k = max(1, round(fraction * n))` are sent, in `ceil(k * bits /
  8)` bytes, and 8 for their range (`4 * k` without `bits`), and the positions
  in `elias_fano.packed_size(k, n)` bytes.

  Args:
    value_spec: The spec of the values: `float32`, of a fully defined shape.
    fraction: The part of the values that is sent, in (0, 1].
    bits: Bits per sent value, 2 to 16, or `None` to send `float32` values.

  Returns:
    A `GatherEncoder`.

  Raises:
    TypeError: If `bits` is not an int.
    ValueError: If an argument is out of range.
  """
  check_sparsification(fraction=fraction, bits=bits)
  stages = [(top_k.TopKStage(fraction), 'values')]
  if bits is not None:
    stage = hierarchical_quantization.HierarchicalQuantizationStage(bits)
    stages.append((stage, ''))
  return tensor_encoding.chain(stages, value_spec)
