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
"""Schedules of learning rates over rounds; no TensorFlow.

A schedule gives the factor of a round, which multiplies the learning rate. It
does not depend on the number of rounds, so that a finished run can be
continued.
"""

import bisect
import dataclasses
import math
from typing import Any

from absl import flags
import numpy as np

from programs.command_line import runner

_HELP = (
  'Factors of --{0}_learning_rate by round: ROUND:FACTOR,ROUND:FACTOR,... from '
  'these rounds on, the first being 1, or exponential:FACTOR, its power by the '
  'number of completed rounds. Default: 1.'
)
CLIENT_SCHEDULE = flags.DEFINE_string(
  'client_learning_rate_schedule', None, _HELP.format('client')
)
SERVER_SCHEDULE = flags.DEFINE_string(
  'server_learning_rate_schedule', None, _HELP.format('server')
)
_EXPONENTIAL = 'exponential'


@dataclasses.dataclass(frozen=True)
class Schedule:
  """Factor of a learning rate by round.

  Attributes:
    rounds: Rounds from which on the factor of the same place applies, rising.
    factors: Factors, positive.
    base: Factor of each round, to the power of the completed rounds.
  """

  rounds: tuple[int, ...] = ()
  factors: tuple[float, ...] = ()
  base: float = 1.0

  def factor(self, round_num: int) -> float:
    """Returns the factor of a round, of which the first is 1."""
    i = bisect.bisect_right(self.rounds, round_num)
    return self.base ** (round_num - 1) * (self.factors[i - 1] if i else 1.0)

  def largest_factor(self, num_rounds: int) -> float:
    """Returns the largest factor of the first rounds; infinite if too large."""
    reached = bisect.bisect_right(self.rounds, num_rounds)
    try:
      last = self.base ** (num_rounds - 1)
    except OverflowError:
      last = math.inf
    return max(1.0, last, *self.factors[:reached])


def parse(flag: flags.FlagHolder) -> Schedule | None:
  """Returns the schedule of a flag, `None` if it is not given.

  Args:
    flag: `CLIENT_SCHEDULE` or `SERVER_SCHEDULE`.

  Raises:
    UsageError: If the value is malformed.
  """
  if flag.value is None:
    return None
  try:
    pairs = [part.split(':') for part in flag.value.split(',')]
    names, factors = zip(*pairs, strict=True)
    factors = tuple(map(float, factors))
    if not all(0 < factor < math.inf for factor in factors):
      raise ValueError('factors have to be positive')
    if names == (_EXPONENTIAL,):
      return Schedule(base=factors[0])
    rounds = tuple(map(int, names))
    if list(rounds) != sorted({*rounds}) or rounds[0] < 1:
      raise ValueError('rounds have to rise')
    return Schedule(rounds, factors)
  except ValueError as e:
    raise runner.UsageError(
      f'Expected ROUND:FACTOR,... with rising rounds and positive factors, or '
      f'exponential:FACTOR in --{flag.name}, found {flag.value!r}.'
    ) from e


def check_finite(
  flag: flags.FlagHolder, rate: flags.FlagHolder, num_rounds: int
) -> None:
  """Raises `UsageError` if a schedule is malformed, or a rate overflows.

  Args:
    flag: `CLIENT_SCHEDULE` or `SERVER_SCHEDULE`.
    rate: Flag of the learning rate that it multiplies.
    num_rounds: Number of rounds.
  """
  schedule = parse(flag)
  if schedule is None:
    return
  largest = rate.value * schedule.largest_factor(num_rounds)
  if largest > np.finfo(np.float32).max:
    raise runner.UsageError(
      f'Expected --{flag.name} whose rates are finite in float32 in all of '
      f'{num_rounds} rounds, found {flag.value!r} with --{rate.name}='
      f'{rate.value:g}; lower the factor.'
    )


def with_rate(state: Any, rate: float) -> Any:
  """Returns the state of a client work or finalizer with another rate.

  Args:
    state: A mapping with `learning_rate`, or with such a mapping as `hparams`.
    rate: The learning rate.
  """
  if 'learning_rate' in state:
    dtype = np.asarray(state['learning_rate']).dtype
    return type(state)({**state, 'learning_rate': dtype.type(rate)})
  return type(state)({**state, 'hparams': with_rate(state['hparams'], rate)})
