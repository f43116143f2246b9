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
"""Guarantee of a run with noise, for `summary.json`."""

from collections.abc import Iterable
from typing import TypeAlias

from programs.methods import aggregation_flags
from tff_methods import aggregators
from tff_methods import options as options_lib
from tff_methods import privacy

Noise: TypeAlias = (
  options_lib.NoiseOptions
  | options_lib.SecureSketchOptions
  | aggregation_flags.TffAggregatorOptions
)


def noise_of(options: object) -> Noise | None:
  """Returns the noise that the options of a method ask for, `None` for none."""
  match options:
    case options_lib.NoiseOptions():
      return options
    case options_lib.StructuredUpdateOptions():
      return options.noise
    case (
      options_lib.SecureSketchOptions()
      | aggregation_flags.TffAggregatorOptions()
    ):
      return options if options.noise_multiplier is not None else None
    case _:
      return None


def is_repeatable(noise: Noise) -> bool:
  """Returns true if noise and cohorts follow from seeds, as in tests."""
  return getattr(noise, 'noise_seed_for_tests', None) is not None


def describe(
  noise: Noise,
  cohort_sizes: Iterable[int],
  num_clients: int,
  delta: float | None,
  *,
  num_weights: int,
  gap: str | None = None,
  assumed: str | None = None,
) -> dict[str, object]:
  """Returns the guarantee of a run, and what it rests on.

  Args:
    noise: Options of the noise.
    cohort_sizes: Number of clients in each round.
    num_clients: Number of clients of the task.
    delta: δ; `None` for `privacy.default_delta`.
    num_weights: Number of values of an update.
    gap: Reason why the noise does not cover all that the results depend on;
      `None` if it does.
    assumed: A further assumption; `None` for none.

  Returns:
    A dict of JSON values. `epsilon` is `None` if there is no guarantee, and
    `reason` then says why.

  Raises:
    ValueError: If a value is out of range.
  """
  if delta is None:
    delta = privacy.default_delta(num_clients)
  cohort_sizes = list(cohort_sizes)
  assumption = 'nobody knows which clients took part in which round'
  if isinstance(noise, options_lib.SecureSketchOptions):
    _check_cohorts(cohort_sizes, noise.clients_per_round)
    assumption += (
      '; the server sees sums alone; no client reveals its share of the noise'
    )
  if assumed is not None:
    assumption += f'; {assumed}'
  description: dict[str, object] = {
    'epsilon': None,
    'delta': delta,
    'noise_multiplier': noise.noise_multiplier,
    'clip': getattr(noise, 'clip', 'adaptive'),
    'num_clients': num_clients,
    'rounds': len(cohort_sizes),
    'neighbours': 'one client replaced by another',
    'assumption': assumption,
  }
  if isinstance(noise, aggregation_flags.TffAggregatorOptions):
    return description | {'reason': "TFF's aggregator comes without accounting"}
  if is_repeatable(noise):
    return description | {'reason': 'the noise follows from a seed for tests'}
  if not noise.noise_multiplier:
    return description | {'reason': 'there is no noise'}
  if gap is not None:
    return description | {'reason': gap}
  if isinstance(noise, options_lib.SecureSketchOptions):
    epsilon = privacy.discrete_gaussian_epsilon(
      noise_multiplier=noise.noise_multiplier,
      clients_per_round=noise.clients_per_round,
      num_rounds=len(cohort_sizes),
      num_clients=num_clients,
      delta=delta,
      **aggregators.secure_sum_noise(num_weights, noise)._asdict(),
    )
  else:
    epsilon = privacy.epsilon(
      noise_multiplier=noise.noise_multiplier,
      cohort_sizes=cohort_sizes,
      num_clients=num_clients,
      delta=delta,
    )
  return description | {'epsilon': epsilon}


def _check_cohorts(cohort_sizes: Iterable[int], clients_per_round: int) -> None:
  """Raises `ValueError` if shares of noise do not add up in a round."""
  for size in cohort_sizes:
    if size != clients_per_round:
      raise ValueError(
        f'Expected rounds of {clients_per_round} clients, whose shares of '
        f'noise add up, found one of {size}: leave out --sampling=exponential.'
      )
