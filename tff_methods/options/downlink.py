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
"""Options of the quantization of the model that clients receive."""

import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import sketch


@dataclasses.dataclass(frozen=True, kw_only=True)
class DownlinkOptions:
  """Options of the rotation and quantization of a model on its way to clients.

  Attributes:
    bits: Bits per value, 1 to 16; `None` sends `float32` values.
    rotation: If true, rotates each tensor, or each row of a table that clients
      select rows of, before quantization.
    quantizer: `'eden'`: optimal levels for rotated values; requires
      `rotation`. `'uniform'`: evenly spaced levels between minimum and maximum
      with stochastic rounding.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.
    base_seed: Seed of the process. Different seeds give independent choices.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range, or `quantizer` is `'eden'` without
      rotation.
  """

  bits: int | None = 8
  rotation: bool = True
  quantizer: str = 'eden'
  min_elements: int = 256
  base_seed: int = 0

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    _ = self.sketch  # Checks all values.

  @property
  def sketch(self) -> sketch.SketchOptions:
    """The options of the encoders of single tensors."""
    return sketch.SketchOptions(**vars(self))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeltaDownlinkOptions(DownlinkOptions):
  """Options of quantized differences to a reference that clients keep.

  See `templates.build_delta_downlink_fed_avg`.

  Raises:
    ValueError: Also for `bits=None`, and for the quantizer `'uniform'`, whose
      error can exceed the difference at few bits: the reference would not
      converge.
  """

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.bits is None:
      raise ValueError(
        'Expected bits from 1 to 16 of differences, found None: broadcast the '
        'model instead.'
      )
    if self.quantizer != 'eden':
      raise ValueError(
        "Expected quantizer='eden' for differences, whose error is always "
        f'below the difference, found {self.quantizer!r}: leave it out.'
      )
