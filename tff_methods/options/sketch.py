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
"""Options of sketched updates. Konečný et al. (2016), section 3."""

import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import randomness

# Quantizers of sampled values: see `SketchOptions`.
QUANTIZERS = ('eden', 'uniform')
# Scales of decoded values: see `encoders.sketch_encoder`.
SCALES = ('unbiased', 'contractive')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SketchOptions(randomness.RandomnessOptions):
  """Options of the rotation, subsampling and quantization of an update.

  Attributes:
    bits: Bits per sent value, 1 to 16; `None` sends `float32` values.
    fraction: Fraction of each tensor's values that is sent, in (0, 1].
    rotation: If true, each tensor is rotated before subsampling and
      quantization.
    shared_rotation: If true, all clients of a round share one rotation, which
      the server inverts once, on the sum. If false, each client draws its own
      and sends its key: the errors of similar updates then average out with
      `'eden'`, too, and the server inverts a rotation for each client.
    quantizer: `'eden'`: optimal levels for rotated values; requires
      `rotation`. `'uniform'`: the paper's quantizer, evenly spaced levels
      between minimum and maximum with stochastic rounding.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range, `quantizer` is `'eden'` without
      rotation, or `shared_rotation` is false and nothing is rotated.
  """

  bits: int | None = 2
  fraction: float = 1.0
  rotation: bool = True
  shared_rotation: bool = True
  quantizer: str = 'eden'
  min_elements: int = 256

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.bits is not None:
      argument_checks.check_bits(self.bits)
    argument_checks.check_fraction(self.fraction)
    argument_checks.check_bool('rotation', self.rotation)
    argument_checks.check_bool('shared_rotation', self.shared_rotation)
    argument_checks.check_choice('quantizer', self.quantizer, QUANTIZERS)
    argument_checks.check_int('min_elements', self.min_elements, minimum=0)
    if self.bits is not None and self.quantizer == 'eden' and not self.rotation:
      raise ValueError(
        "Expected rotation=True with quantizer='eden', whose levels are those "
        'of a normal distribution, found rotation=False: choose '
        "quantizer='uniform'."
      )
    if not self.shared_rotation and not self.rotates:
      found = (
        'bits=None and fraction=1.0, which send each value as it is'
        if self.rotation
        else 'rotation=False'
      )
      raise ValueError(
        f'Expected a rotation with shared_rotation=False, found {found}: leave '
        'it out.'
      )

  @property
  def rotates(self) -> bool:
    """True if values are rotated: values sent as they are need no rotation."""
    return self.rotation and (self.bits is not None or self.fraction < 1.0)

  @property
  def clients_draw(self) -> bool:
    """True if a client makes random choices of its own."""
    is_rounded = self.bits is not None and self.quantizer == 'uniform'
    return self.fraction < 1.0 or is_rounded or not self.shared_rotation
