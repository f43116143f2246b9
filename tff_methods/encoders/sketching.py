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
"""Encoder of sketched updates: rotation, subsampling, quantization.

Konečný et al. (2016), section 3.
"""

from collections.abc import Sequence

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.encoders import client_rotation
from tff_methods.encoders import eden_quantization
from tff_methods.encoders import rotation
from tff_methods.encoders import subsampling
from tff_methods.encoders import tensor_encoding
from tff_methods.encoders import uniform_quantization


def sketch_encoder(
  value_spec: tf.TensorSpec,
  options: options_lib.SketchOptions,
  seed: Sequence[int],
  scale: str = 'unbiased',
) -> tensor_encoding.GatherEncoder:
  """Builds an encoder that rotates, subsamples and quantizes one tensor.

  The rotation reduces the loss of subsampling and quantization; without either
  of them it is left out.

  Args:
    value_spec: `tf.TensorSpec` of the values: `float32`, of a fully defined
      shape.
    options: Options of the sketch. `min_elements` and `base_seed` are not used
      here: they concern the tensors of a model.
    seed: Integers that no other encoder of the model has, such as (base seed,
      index of the tensor).
    scale: Scale of decoded values. `'unbiased'`: their mean is the value.
      `'contractive'`: the Euclidean norm of the decoded value is at most that
      of the value, as stages prove one by one, so that a clipped value stays
      clipped; decoded values are then too small on average.

  Returns:
    A `GatherEncoder`.

  Raises:
    TypeError: If the values are not `float32`.
    ValueError: If `scale` is unknown.
  """
  if value_spec.dtype != tf.float32:
    raise TypeError(
      f'Expected float32 values to sketch, found {value_spec.dtype.name}: cast '
      'the model, or give min_elements above the size of its tensors.'
    )
  argument_checks.check_choice('scale', scale, options_lib.SCALES)
  stages = _rotation_and_subsampling(options, seed, scale)
  if options.bits is not None and options.quantizer == 'eden':
    stage = eden_quantization.EdenQuantizationStage(options.bits, scale)
    stages.append((stage, ''))
  elif options.bits is not None and options.quantizer == 'uniform':
    stage = uniform_quantization.UniformQuantizationStage(
      options.bits, seed, options.seed_source, scale
    )
    stages.append((stage, ''))
  return tensor_encoding.chain(stages, value_spec)


def _rotation_and_subsampling(
  options: options_lib.SketchOptions, seed: Sequence[int], scale: str
) -> list[tuple[tensor_encoding.Stage, str]]:
  """Returns the stages before the quantization, for `tensor_encoding.chain`."""
  stages: list[tuple[tensor_encoding.Stage, str]] = []
  if not options.shared_rotation:
    stage = client_rotation.ClientRotationStage(
      seed, options.fraction, options.seed_source, scale
    )
    return [(stage, 'values')]
  if options.rotates:
    stages.append((rotation.RotationStage(seed, scale), 'rotated'))
  if options.fraction < 1.0:
    stage = subsampling.SubsamplingStage(
      options.fraction, seed, options.seed_source, scale
    )
    stages.append((stage, 'values'))
  return stages


def contraction(num_elements: int, options: options_lib.SketchOptions) -> float:
  """Returns the shrinkage of the values of a contractive sketch encoder.

  Args:
    num_elements: Number of elements of the value.
    options: Options of the encoder, with the quantizer `'eden'` or no `bits`.

  Returns:
    The mean projection of decoded on encoded values, as a fraction: dividing
    sums of decoded values by it makes them unbiased.
  """
  fraction = subsampling.num_kept(num_elements, options.fraction) / max(
    num_elements, 1
  )
  if options.bits is None:
    return fraction * (rotation.CONTRACTION if options.rotates else 1.0)
  return (
    fraction
    * rotation.CONTRACTION
    * eden_quantization.contraction(options.bits)
  )
