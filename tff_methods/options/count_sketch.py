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
"""Options of updates as count sketches."""

import dataclasses

from tff_methods.common import argument_checks

# Ways to take applied values out of the error.
ERROR_RESETS = ('buckets', 'values')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountSketchOptions:
  """Options of FetchSGD.

  Attributes:
    fraction: Number of values that a client sends, as a fraction of the model's
      weights, in (0, 1].
    applied_fraction: Fraction of the weights that a round changes, in (0, 1].
    sketch_rows: Number of rows of a sketch: the estimate of a weight is the
      median of this many values.
    momentum: Momentum of the server, in [0, 1).
    error_reset: Part of the error and the momentum that applied values leave
      behind. `'values'`: the applied values are subtracted from the error, as
      in the paper's algorithm 1. `'buckets'`: all buckets of applied weights
      are set to zero, in both.
    base_seed: Seed of the hash functions.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range.
  """

  fraction: float = 0.1
  applied_fraction: float = 0.002
  sketch_rows: int = 5
  momentum: float = 0.9
  error_reset: str = 'buckets'
  base_seed: int = 0

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_fraction(self.fraction)
    argument_checks.check_fraction(self.applied_fraction, 'applied_fraction')
    argument_checks.check_int('sketch_rows', self.sketch_rows, minimum=1)
    argument_checks.check_momentum(self.momentum)
    argument_checks.check_choice('error_reset', self.error_reset, ERROR_RESETS)
    argument_checks.check_int('base_seed', self.base_seed)
