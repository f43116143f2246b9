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
"""Privacy loss of training with Gaussian noise on fixed-size cohorts."""

import collections
from collections.abc import Iterable
import math

import dp_accounting
from dp_accounting import rdp

from tff_methods.common import argument_checks


def epsilon(
  *,
  noise_multiplier: float,
  cohort_sizes: Iterable[int],
  num_clients: int,
  delta: float,
) -> float:
  """Returns the ε of (ε, δ)-differential privacy at the level of clients.

  Two populations are neighbours if they have the same number of clients, of
  which one has other data. Replacing a client changes a sum of vectors of norm
  `C` by up to `2 * C`. So noise of standard deviation `noise_multiplier * C` is
  a Gaussian mechanism of multiplier `noise_multiplier / 2`.

  Cohorts are drawn without replacement, independently and uniformly in each
  round. The bound of Wang et al. (2019), "Subsampled Rényi Differential Privacy
  and Analytical Moments Accountant", theorem 27, applies, as `dp_accounting`
  computes it. It assumes that nobody who sees the results knows who was drawn.

  Args:
    noise_multiplier: Standard deviation of the noise, in clipping norms.
    cohort_sizes: Number of clients in each round.
    num_clients: Number of clients in the population.
    delta: δ, in (0, 1).

  Returns:
    The smallest ε of all Rényi orders; infinite without noise, 0 without
    rounds.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range, or a cohort larger than the
      population.
  """
  z = argument_checks.check_nonnegative('noise_multiplier', noise_multiplier)
  num_clients = argument_checks.check_int('num_clients', num_clients, minimum=1)
  delta = argument_checks.check_number('delta', delta)
  if not 0.0 < delta < 1.0:
    raise ValueError(f'Expected delta between 0 and 1, found {delta}.')
  num_rounds = collections.Counter(cohort_sizes)
  for size in num_rounds:
    argument_checks.check_int('cohort_sizes', size, minimum=1)
    if size > num_clients:
      raise ValueError(
        f'Expected cohorts of at most {num_clients} clients, the population, '
        f'found {size}.'
      )
  if not num_rounds:
    return 0.0
  if z == 0.0:
    return math.inf
  accountant = rdp.RdpAccountant(
    neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE
  )
  for size, count in num_rounds.items():
    accountant.compose(
      dp_accounting.SampledWithoutReplacementDpEvent(
        num_clients, size, dp_accounting.GaussianDpEvent(z / 2)
      ),
      count,
    )
  return float(accountant.get_epsilon(delta))


def default_delta(num_clients: int) -> float:
  """Returns `num_clients**-1.1`, as in McMahan et al. (2018), below 1 / n.

  Args:
    num_clients: Number of clients in the population, at least 2.

  Raises:
    TypeError: If `num_clients` is not an int.
    ValueError: If `num_clients` is below 2.
  """
  num_clients = argument_checks.check_int('num_clients', num_clients, minimum=2)
  return float(num_clients) ** -1.1
