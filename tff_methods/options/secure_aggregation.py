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
"""Options of secure sums of sketched updates."""

import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import randomness

# Runtimes sum secure values in int32.
_MAX_MODULUS = 2**31 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecureSketchOptions(randomness.RandomnessOptions):
  """Options of sketches that are summed as integers.

  Attributes:
    clip: Largest Euclidean norm of an update, above 0.
    clients_per_round: Largest number of clients in a round.
    bits: Bits per value, 1 to 16.
    fraction: Fraction of the values that is sent, in (0, 1].
    noise_multiplier: Standard deviation of the noise of the sum, in norms of
      rounded updates, above 0: clients add shares of it. `None` for no noise.
    noise_seed_for_tests: Seed of the noise, for tests of repeatability: who
      knows it can subtract the noise.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range, or the modulus is above 2**31 - 1.
  """

  clip: float
  clients_per_round: int
  bits: int = 4
  fraction: float = 1.0
  noise_multiplier: float | None = None
  noise_seed_for_tests: int | None = None

  def __post_init__(self) -> None:
    super().__post_init__()
    argument_checks.check_positive_float32('clip', self.clip)
    argument_checks.check_int(
      'clients_per_round', self.clients_per_round, minimum=1
    )
    if self.bits is None:
      raise TypeError(
        f'Expected bits from 1 to {argument_checks.MAX_BITS}, found None: give '
        'the bits of the integers that a secure sum adds.'
      )
    argument_checks.check_bits(self.bits)
    argument_checks.check_fraction(self.fraction)
    check_modulus(self.modulus)
    if self.noise_multiplier is not None:
      argument_checks.check_positive_float32(
        'noise_multiplier', self.noise_multiplier
      )
    if self.noise_seed_for_tests is not None:
      argument_checks.check_int(
        'noise_seed_for_tests', self.noise_seed_for_tests
      )

  @property
  def modulus(self) -> int:
    """Modulus without noise: one more than the largest sum of all clients."""
    return self.clients_per_round * (2**self.bits - 1) + 1


def check_modulus(modulus: int) -> int:
  """Checks the modulus of a sum.

  Args:
    modulus: The modulus.

  Returns:
    The modulus.

  Raises:
    ValueError: If it is above 2**31 - 1.
  """
  if modulus > _MAX_MODULUS:
    raise ValueError(
      f'Expected a modulus of at most 2**31 - 1, found {modulus}: lower bits '
      'or clients_per_round.'
    )
  return modulus
