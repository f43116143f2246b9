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
"""Options of sparse updates with error feedback: DHQC and DGC."""

from collections.abc import Sequence
import dataclasses

import numpy as np

from tff_methods.common import argument_checks
from tff_methods.options import update_bounds

# Values among which the largest are selected.
SCOPES = ('model', 'tensor')
# Parts of an update that a client can keep for its next round.
FEEDBACKS = ('unsent_values', 'residual')

# Lin et al. (2018), section 3.3.
_WARM_UP_FRACTIONS = (0.25, 0.0625, 0.015625, 0.004)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseOptions:
  """Options of top-k selection, and of quantization of selected values.

  Attributes:
    fraction: Fraction of the values that a client sends, in (0, 1].
    bits: Bits per sent value, 2 to 16; `None` sends `float32` values.
    scope: Values among which the largest are selected. `'model'`: all values
      of the model, as one vector. `'tensor'`: the values of each tensor.
    min_elements: With the scope `'tensor'`, tensors with fewer elements are
      sent whole.
    bounds: Bounds of the norms of updates, applied before error feedback adds
      what a client kept; `None` for none.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range, or `min_elements` is given with the
      scope `'model'`.
  """

  fraction: float
  bits: int | None = None
  scope: str = 'model'
  min_elements: int = 0
  bounds: update_bounds.UpdateBounds | None = None

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_fraction(self.fraction)
    if self.bits is not None:
      argument_checks.check_bits(
        self.bits, minimum=argument_checks.MIN_SIGNED_BITS
      )
    argument_checks.check_int('min_elements', self.min_elements, minimum=0)
    argument_checks.check_choice('scope', self.scope, SCOPES)
    if self.bounds is not None:
      argument_checks.check_options(self.bounds, update_bounds.UpdateBounds)
    if self.scope == 'model' and self.min_elements:
      raise ValueError(
        "Expected min_elements of 0 with scope='model', which makes all "
        f"tensors one vector, found {self.min_elements}: choose scope='tensor'."
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DhqcOptions(SparseOptions):
  """Options of DHQC. Jiang et al. (2022), algorithm 1.

  Attributes:
    feedback: Part of the update that a client keeps for its next round.
      `'unsent_values'`: the values that it does not send, as in the paper.
      `'residual'`: also the quantization error of the values that it sends.

  Raises:
    TypeError: As for `SparseOptions`.
    ValueError: As for `SparseOptions`, or if `feedback` is not in `FEEDBACKS`.
  """

  fraction: float = 0.01
  bits: int | None = 4
  feedback: str = 'residual'

  def __post_init__(self) -> None:
    super().__post_init__()
    argument_checks.check_choice('feedback', self.feedback, FEEDBACKS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DgcOptions(SparseOptions):
  """Options of deep gradient compression. Lin et al. (2018).

  Attributes:
    momentum: Momentum of the clients' velocities, in [0, 1).
    nesterov: If true, the momentum is Nesterov's.
    warm_up_fractions: Fractions of the first rounds, each above `fraction`;
      empty for no warm-up. `None`: those of the paper's 0.25, 0.0625, 0.015625
      and 0.004 that are above `fraction`.
    rounds_per_warm_up_fraction: Number of rounds for each warm-up fraction.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range.
  """

  fraction: float = 0.001
  scope: str = 'tensor'
  momentum: float = 0.9
  nesterov: bool = False
  warm_up_fractions: Sequence[float] | None = None
  rounds_per_warm_up_fraction: int = 1

  def __post_init__(self) -> None:
    super().__post_init__()
    argument_checks.check_momentum(self.momentum)
    argument_checks.check_bool('nesterov', self.nesterov)
    argument_checks.check_int(
      'rounds_per_warm_up_fraction', self.rounds_per_warm_up_fraction, minimum=1
    )
    if self.warm_up_fractions is None:
      return
    if not isinstance(self.warm_up_fractions, Sequence | np.ndarray):
      raise TypeError(
        'Expected warm_up_fractions to be a sequence, found '
        f'{type(self.warm_up_fractions).__name__}: put it into a tuple.'
      )
    fractions = tuple(
      argument_checks.check_fraction(found, 'each of warm_up_fractions')
      for found in self.warm_up_fractions
    )
    object.__setattr__(self, 'warm_up_fractions', fractions)
    for found in fractions:
      if found <= self.fraction:
        raise ValueError(
          f'Expected warm_up_fractions above fraction={self.fraction}, found '
          f'{found}: a warm-up sends more values than later rounds.'
        )

  @property
  def warm_up(self) -> tuple[float, ...]:
    """Fractions of the warm-up, in order."""
    if self.warm_up_fractions is None:
      return tuple(f for f in _WARM_UP_FRACTIONS if f > self.fraction)
    return tuple(self.warm_up_fractions)
