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
"""Privacy loss of training with shares of discrete Gaussian noise."""

from collections.abc import Callable
import math

from dp_accounting import rdp
import numpy as np
from scipy import special

from tff_methods.common import argument_checks

_ORDERS = (*range(2, 65), 80, 96, 128, 192, 256)


def discrete_gaussian_epsilon(
  *,
  noise_multiplier: float,
  local_stddev: float,
  num_values: int,
  clients_per_round: int,
  num_rounds: int,
  num_clients: int,
  delta: float,
) -> float:
  """Returns the ε of (ε, δ)-differential privacy with shares of noise.

  Clients send vectors of integers of a Euclidean norm of at most `D`, and add
  discrete Gaussian noise of the parameter `s = z * D / sqrt(n)` to each; the
  sum of `n` clients is released. Neighbours are as for `epsilon`: a replaced
  client changes the sum by at most `2 * D`.

  The Rényi divergence of order `a` of a round is at most `2 * a / z**2 + t *
  k`, and at most `a / 2 * (2 / z + t * sqrt(k))**2`, with `t = 10 * sum(exp(-2
  * pi**2 * s**2 * i / (i + 1)) for i from 1 to n - 1)` and `k` values: Kairouz
  et al. (2021), "The Distributed Discrete Gaussian Mechanism for Federated
  Learning with Secure Aggregation", proposition 14, for `s` of at least 1/2.

  Sampling without replacement amplifies it by Wang et al. (2019), "Subsampled
  Rényi Differential Privacy and Analytical Moments Accountant", theorem 9,
  which holds for any mechanism. (The tighter bound of `epsilon` is for
  Gaussian noise alone.)

  Args:
    noise_multiplier: `z`, above 0.
    local_stddev: `s`, at least 1/2.
    num_values: `k`, the number of integers of a client.
    clients_per_round: `n`, the number of clients in each round.
    num_rounds: Number of rounds.
    num_clients: Number of clients in the population.
    delta: δ, in (0, 1).

  Returns:
    The smallest ε of integer Rényi orders up to 256.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range, or a cohort larger than the
      population.
  """
  z = argument_checks.check_positive_float32(
    'noise_multiplier', noise_multiplier
  )
  s = argument_checks.check_number('local_stddev', local_stddev)
  k = argument_checks.check_int('num_values', num_values, minimum=1)
  n = argument_checks.check_int(
    'clients_per_round', clients_per_round, minimum=1
  )
  num_rounds = argument_checks.check_int('num_rounds', num_rounds, minimum=0)
  num_clients = argument_checks.check_int('num_clients', num_clients, minimum=1)
  delta = argument_checks.check_number('delta', delta)
  if not s >= 0.5:
    raise ValueError(
      f'Expected local_stddev of at least 0.5, found {s}: raise bits or '
      'noise_multiplier.'
    )
  if not 0.0 < delta < 1.0:
    raise ValueError(f'Expected delta between 0 and 1, found {delta}.')
  if n > num_clients:
    raise ValueError(
      f'Expected cohorts of at most {num_clients} clients, the population, '
      f'found {n}.'
    )
  if not num_rounds:
    return 0.0
  excess = 10.0 * sum(
    math.exp(-2.0 * (math.pi * s) ** 2 * i / (i + 1)) for i in range(1, n)
  )

  def divergence(order: int) -> float:
    return min(
      2.0 * order / z**2 + excess * k,
      order / 2.0 * (2.0 / z + excess * math.sqrt(k)) ** 2,
    )

  losses = [
    min(divergence(order), _subsampled(divergence, order, n / num_clients))
    for order in _ORDERS
  ]
  found, _ = rdp.compute_epsilon(_ORDERS, num_rounds * np.array(losses), delta)
  return float(found)


def _subsampled(
  divergence: Callable[[int], float], order: int, fraction: float
) -> float:
  """Returns the bound of a mechanism on a sample without replacement.

  With `divergence(infinity)` infinite, the minima of theorem 9 are 4 *
  (exp(divergence(2)) - 1) or 2 * exp(divergence(2)) for the second term, and 2
  for the others.
  """
  second = divergence(2)
  terms = [0.0]
  for j in range(2, order + 1):
    factor = math.log(2.0) + (j - 1) * divergence(j)
    if j == 2:
      factor = min(
        factor, math.log(4.0) + second + math.log1p(-math.exp(-second))
      )
    binomial = (
      special.gammaln(order + 1)
      - special.gammaln(j + 1)
      - special.gammaln(order - j + 1)
    )
    terms.append(j * math.log(fraction) + binomial + factor)
  return float(special.logsumexp(terms)) / (order - 1)
