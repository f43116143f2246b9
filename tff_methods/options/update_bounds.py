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
"""Options of bounds on the norms of updates."""

import dataclasses

from tff_methods.common import argument_checks


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpdateBounds:
  """Fixed bounds of the Euclidean norm of a client's update, as one vector.

  They limit what single clients do to the model, for robustness, and give no
  privacy.

  Attributes:
    clip: Longer updates are scaled to this norm; `None` for no such norm.
    zero_above: Longer updates are replaced by zeros; their weights stay, as
      with `tff.aggregators.zeroing_factory`. `None` for no such norm.

  Raises:
    TypeError: If a value is not a number.
    ValueError: If a value is not above 0, none is given, or `zero_above` is
      below `clip`.
  """

  clip: float | None = None
  zero_above: float | None = None

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    for name in ('clip', 'zero_above'):
      if getattr(self, name) is not None:
        argument_checks.check_positive_float32(name, getattr(self, name))
    if self.clip is None and self.zero_above is None:
      raise ValueError('Expected clip or zero_above, found neither: give one.')
    if self.clip is None or self.zero_above is None:
      return
    if self.zero_above < self.clip:
      raise ValueError(
        f'Expected zero_above of at least clip = {self.clip}, found '
        f'{self.zero_above}: without it, no update would be clipped.'
      )
