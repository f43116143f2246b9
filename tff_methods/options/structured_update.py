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
"""Options of structured updates. Konečný et al. (2016), section 2."""

import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import differential_privacy
from tff_methods.options import randomness
from tff_methods.options import update_bounds

# Distributions of the fixed factor of low rank: see `update_spaces.LowRank`.
LEFT_FACTORS = ('signs', 'orthonormal')


@dataclasses.dataclass(frozen=True, kw_only=True)
class StructuredUpdateOptions(randomness.RandomnessOptions):
  """Options of structured updates in any update space.

  Attributes:
    bits: Bits per sent parameter, 1 to 16: parameters are rotated and
      quantized (EDEN). `None` sends `float32` parameters, as in the paper.
    min_elements: Tensors with fewer elements are trained and sent whole, and
      their parameters are not quantized.
    bounds: Bounds of the norms of the expanded updates; `None` for none.
    noise: Clip of the expanded updates and noise of their sum, for differential
      privacy; `None` for neither. With noise, all clients weigh the same.
    step_scale: Factor of the learning rate of tensors that are not trained
      whole, which keep it: see `update_spaces.Scaled`. (With optimizers whose
      steps do not grow with gradients, such as Adam, its root is.)
    whole_outer_layers: If true, the first and the last layer are trained and
      sent whole, as in the paper, and not quantized: see
      `update_spaces.InnerLayers`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range.
  """

  bits: int | None = None
  min_elements: int = 256
  bounds: update_bounds.UpdateBounds | None = None
  noise: differential_privacy.NoiseOptions | None = None
  step_scale: float = 1.0
  whole_outer_layers: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.bits is not None:
      argument_checks.check_bits(self.bits)
    argument_checks.check_int('min_elements', self.min_elements, minimum=0)
    if self.bounds is not None:
      argument_checks.check_options(self.bounds, update_bounds.UpdateBounds)
    if self.noise is not None:
      argument_checks.check_options(
        self.noise, differential_privacy.NoiseOptions
      )
      if self.bounds is not None:
        raise ValueError(
          'Expected no bounds with noise, whose clip is a bound, found both: '
          'leave one out.'
        )
    argument_checks.check_positive_float32('step_scale', self.step_scale)
    argument_checks.check_bool('whole_outer_layers', self.whole_outer_layers)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomMaskOptions(StructuredUpdateOptions):
  """Options of updates at random coordinates.

  Attributes:
    fraction: Fraction of each tensor's coordinates that a client trains and
      sends, in (0, 1].

  Raises:
    TypeError: As for `StructuredUpdateOptions`.
    ValueError: If a value is out of range.
  """

  fraction: float

  def __post_init__(self) -> None:
    super().__post_init__()
    argument_checks.check_fraction(self.fraction)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LowRankOptions(StructuredUpdateOptions):
  """Options of updates of low rank.

  Attributes:
    rank: Rank of the updates. Give either `rank` or `fraction`.
    fraction: Rank as a fraction of each matrix's smaller dimension, in (0, 1].
    left_factor: Distribution of the fixed left factor, one of `LEFT_FACTORS`:
      see `update_spaces.LowRank`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range, or not exactly one of `rank` and
      `fraction` is given.
  """

  rank: int | None = None
  fraction: float | None = None
  left_factor: str = 'signs'

  def __post_init__(self) -> None:
    super().__post_init__()
    if (self.rank is None) == (self.fraction is None):
      raise ValueError(
        f'Expected either rank or fraction, found rank={self.rank} and '
        f'fraction={self.fraction}: give one of them.'
      )
    if self.rank is not None:
      argument_checks.check_int('rank', self.rank, minimum=1)
    argument_checks.check_choice('left_factor', self.left_factor, LEFT_FACTORS)
    if self.fraction is not None:
      argument_checks.check_fraction(self.fraction)
