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
"""The encoder of sketched updates: rotate, subsample, quantize (section 3)."""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods.common import seeds
from tff_methods.encoders import bit_packing
from tff_methods.encoders import eden_quantization
from tff_methods.encoders import rotation as rotation_lib
from tff_methods.encoders import subsampling
from tff_methods.encoders import tensor_encoding
from tff_methods.encoders import uniform_quantization

QUANTIZERS = ('eden', 'uniform')


def check_sketch(
  *,
  bits: int | None,
  fraction: float,
  rotation: bool,
  quantizer: str,
  seed_source: str,
) -> None:
  """Raises `TypeError` or `ValueError` unless `sketch_encoder` takes these."""
  if bits is not None:
    bit_packing.check_bits(bits)
  subsampling.check_fraction(fraction)
  seeds.check_seed_source(seed_source)
  if quantizer not in QUANTIZERS:
    raise ValueError(
      f'Expected quantizer to be one of {QUANTIZERS}, found {quantizer!r}.'
    )
  if bits is not None and quantizer == 'eden' and not rotation:
    raise ValueError(
      "Expected rotation=True with quantizer='eden', whose levels are those of "
      "a normal distribution, found rotation=False: take quantizer='uniform'."
    )


def sketch_encoder(
  value_spec: tf.TensorSpec,
  *,
  bits: int | None,
  fraction: float,
  rotation: bool,
  quantizer: str,
  seed_source: str,
  seed: Sequence[int],
) -> tensor_encoding.GatherEncoder:
  """Returns an encoder that sketches values of one shape.

  Args:
    value_spec: The spec of the values: `float32`, of a fully defined shape.
    bits: Bits per value, 1 to 16, or `None` to send `float32` values.
    fraction: The part of the values that is sent, in (0, 1].
    rotation: Whether to rotate first. It serves only what loses something, so
      without quantization and subsampling it is left out.
    quantizer: `'eden'` or `'uniform'`.
    seed_source: `'reproducible'` or `'entropy'`: see `seeds.client_key`.
    seed: Integers that no other encoder of the model has.

  Returns:
    A `GatherEncoder`.

  Raises:
    TypeError: If the values are not `float32`, or `bits` is not an int.
    ValueError: If an argument is out of range.
  """
  check_sketch(
    bits=bits,
    fraction=fraction,
    rotation=rotation,
    quantizer=quantizer,
    seed_source=seed_source,
  )
  if value_spec.dtype != tf.float32:
    raise TypeError(
      f'Expected float32 values to sketch, found {value_spec.dtype.name}: cast '
      'the model, or give min_elements above the size of its tensors.'
    )
  stages = []
  if rotation and (bits is not None or fraction < 1.0):
    stages.append((rotation_lib.RotationStage(seed), 'rotated'))
  if fraction < 1.0:
    stage = subsampling.SubsamplingStage(fraction, seed, seed_source)
    stages.append((stage, 'values'))
  if bits is not None and quantizer == 'eden':
    stages.append((eden_quantization.EdenQuantizationStage(bits), ''))
  elif bits is not None:
    stage = uniform_quantization.UniformQuantizationStage(
      bits, seed, seed_source
    )
    stages.append((stage, ''))
  return tensor_encoding.chain(stages, value_spec)
