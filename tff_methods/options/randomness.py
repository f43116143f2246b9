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
"""Options of random choices, common to all randomized methods."""

import dataclasses

from tff_methods.common import argument_checks

# Sources of a client's random choices.
SEED_SOURCES = ('reproducible', 'entropy')


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomnessOptions:
  """Base class of the options of methods that draw random numbers.

  Attributes:
    seed_source: Source of a client's random choices. `'reproducible'`: a
      fingerprint of data that only the client holds, so that a repeated
      simulation gives the same bits. `'entropy'`: the operating system.
    base_seed: Seed of the process. Different seeds give independent choices.

  Raises:
    TypeError: If `base_seed` is not an int.
    ValueError: If `seed_source` is not in `SEED_SOURCES`.
  """

  seed_source: str = 'reproducible'
  base_seed: int = 0

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_choice('seed_source', self.seed_source, SEED_SOURCES)
    argument_checks.check_int('base_seed', self.base_seed)
