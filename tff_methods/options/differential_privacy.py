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
"""Options of differentially private aggregation."""

import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import randomness


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoiseOptions:
  """Options of sums of clipped updates with Gaussian noise.

  Attributes:
    noise_multiplier: Standard deviation of the noise of the sum, in clipping
      norms, at least 0.
    clients_per_round: Number of clients that the sum is divided by, however
      many take part.
    clip: Largest Euclidean norm of an update; `'adaptive'` for a private
      estimate of the median norm.
    noise_seed_for_tests: Seed of the noise, for tests of repeatability: who
      knows it can subtract the noise. `None` draws the noise from TensorFlow's
      Philox generator, which is not cryptographic, with keys of 64 bits that
      follow from the operating system's entropy.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range.
  """

  noise_multiplier: float
  clients_per_round: int
  clip: float | str = 'adaptive'
  noise_seed_for_tests: int | None = None

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_nonnegative('noise_multiplier', self.noise_multiplier)
    argument_checks.check_int(
      'clients_per_round', self.clients_per_round, minimum=1
    )
    if isinstance(self.clip, str):
      if self.clip != 'adaptive':
        raise ValueError(
          f"Expected clip to be a number or 'adaptive', found {self.clip!r}: "
          'give a norm above 0.'
        )
    else:
      clip = argument_checks.check_positive_float32('clip', self.clip)
      if self.noise_multiplier:
        argument_checks.check_positive_float32(
          'noise_multiplier * clip', self.noise_multiplier * clip
        )
    if self.noise_seed_for_tests is not None:
      argument_checks.check_int(
        'noise_seed_for_tests', self.noise_seed_for_tests
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DpSketchOptions(NoiseOptions, randomness.RandomnessOptions):
  """Options of sums of sketched updates with Gaussian noise.

  `base_seed` and `seed_source` concern the sketches alone: noise follows from
  neither.

  Attributes:
    bits: Bits per sent value, 1 to 16; `None` sends `float32` values.
    fraction: Fraction of the values that is sent, in (0, 1].

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range.
  """

  bits: int | None = 2
  fraction: float = 1.0

  def __post_init__(self) -> None:
    NoiseOptions.__post_init__(self)
    randomness.RandomnessOptions.__post_init__(self)
    if self.bits is not None:
      argument_checks.check_bits(self.bits)
    argument_checks.check_fraction(self.fraction)
