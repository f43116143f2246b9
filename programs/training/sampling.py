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
"""Cohort sampling: the clients of each round."""

from collections.abc import Callable, Sequence
import math

from absl import flags
import numpy as np

from programs.command_line import common_flags
from programs.command_line import runner

CLIENTS_PER_ROUND = flags.DEFINE_integer(
  'clients_per_round',
  10,
  'Clients in each round; with --sampling=exponential, in the first round.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
SAMPLING = flags.DEFINE_enum(
  'sampling',
  'static',
  ['static', 'exponential'],
  'Cohort size: the same in each round, or exponentially decreasing.',
)
DECAY = flags.DEFINE_float(
  'sampling_decay',
  None,
  'Decay rate of --sampling=exponential: the cohort size shrinks by a factor '
  'of exp(-decay) in each round.',
)
MINIMUM = flags.DEFINE_integer(
  'sampling_minimum',
  5,
  'Smallest cohort size of --sampling=exponential, in clients.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_EXPONENTIAL_FLAGS = (DECAY, MINIMUM)
SAMPLING_FLAGS = (CLIENTS_PER_ROUND, SAMPLING, *_EXPONENTIAL_FLAGS)

flags.register_validator(
  DECAY.name, runner.positive, 'Expected a positive number.'
)


def check_flags() -> None:
  """Raises `UsageError` for flags that do not go together."""
  if SAMPLING.value == 'static':
    for flag in _EXPONENTIAL_FLAGS:
      runner.refuse_given(
        flag, SAMPLING, 'leave it out or give --sampling=exponential.'
      )
    return
  if DECAY.value is None:
    raise runner.UsageError(
      f'Expected --{DECAY.name} with --sampling=exponential, found none; '
      'give it.'
    )
  if MINIMUM.value > CLIENTS_PER_ROUND.value:
    raise runner.UsageError(
      f'Expected --{MINIMUM.name} of at most '
      f'--{CLIENTS_PER_ROUND.name}={CLIENTS_PER_ROUND.value}, found '
      f'{MINIMUM.value}; lower it or raise the other.'
    )


def check_num_clients(num_clients: int, num_held_out: int = 0) -> None:
  """Raises `ValueError` if a task has fewer clients than the first round.

  Args:
    num_clients: Number of clients of the task.
    num_held_out: Number of clients of these that do not train.
  """
  _check_cohort_size(CLIENTS_PER_ROUND.value, num_clients, num_held_out)


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that samples depend on."""
  if SAMPLING.value == 'static':
    return [CLIENTS_PER_ROUND]
  return [CLIENTS_PER_ROUND, SAMPLING, *_EXPONENTIAL_FLAGS]


def cohort_size_fn_from_flags() -> Callable[[int], int]:
  """Returns the cohort sizes that the flags ask for.

  Returns:
    A function from the number of a round, from 1, to its cohort size.
  """
  clients_per_round = CLIENTS_PER_ROUND.value
  if SAMPLING.value == 'exponential':
    return build_exponential_cohort_size_fn(
      clients_per_round, DECAY.value, MINIMUM.value
    )
  return lambda round_num: clients_per_round


def build_exponential_cohort_size_fn(
  clients_per_round: int, decay: float, minimum: int
) -> Callable[[int], int]:
  """Builds the cohort sizes of dynamic sampling with exponential annealing.

  The size in round t = 1, 2, ... is

    max(minimum, round(clients_per_round * exp(-decay * (t - 1)))).

  This is equation 6 of Jiang et al. (2022), "Deep Hierarchy Quantization
  Compression algorithm based on Dynamic Sampling", with the minimum given in
  the text below it. The paper does not define the first value of its t. Here
  the exponent starts at 0, since "as many client models as possible" are to
  take part at the beginning: the first round has all of `clients_per_round`,
  not a factor of exp(-decay) fewer.

  Args:
    clients_per_round: Cohort size of the first round, the paper's M (all
      clients, in the paper).
    decay: Decay rate, the paper's φ, above 0.
    minimum: Smallest cohort size, 5 in the paper.

  Returns:
    A function from the number of a round, from 1, to its cohort size.
  """

  def cohort_size(round_num: int) -> int:
    annealed = clients_per_round * math.exp(-decay * (round_num - 1))
    return max(minimum, round(annealed))

  return cohort_size


def build_sampling_fn(
  client_ids: Sequence[str],
  clients_per_round: int,
  seed: int,
  cohort_size_fn: Callable[[int], int] | None = None,
) -> Callable[[int], list[str]]:
  """Builds uniform sampling without replacement, as a pure function of rounds.

  The clients of a round depend on the seed and the round only, so a resumed
  run samples the same clients as an uninterrupted one.

  Args:
    client_ids: Ids of all clients; their order does not matter.
    clients_per_round: Largest cohort size.
    seed: Non-negative integer.
    cohort_size_fn: Function from the number of a round to its cohort size.
      Default: `clients_per_round`.

  Returns:
    A function from the number of a round, from 1, to the ids of its clients.

  Raises:
    ValueError: If there are fewer than `clients_per_round` clients.
  """
  population = np.array(sorted(client_ids))
  _check_cohort_size(clients_per_round, len(population))

  def sample_clients(round_num: int) -> list[str]:
    size = cohort_size_fn(round_num) if cohort_size_fn else clients_per_round
    return sample(population, size, seed, round_num)

  return sample_clients


def sample(
  population: np.ndarray, size: int, seed: int, round_num: int
) -> list[str]:
  """Samples the clients of a round uniformly without replacement.

  Args:
    population: Ids of all clients, sorted.
    size: Number of clients of the round.
    seed: Non-negative integer.
    round_num: Number of the round, from 1.

  Returns:
    The ids of the clients; they depend on the arguments only.
  """
  rng = np.random.default_rng((seed, round_num))
  return rng.choice(population, size=size, replace=False).tolist()


def _check_cohort_size(
  clients_per_round: int, num_clients: int, num_held_out: int = 0
) -> None:
  num_training = num_clients - num_held_out
  if not 0 < clients_per_round <= num_training:
    which = f' without the {num_held_out} held out' if num_held_out else ''
    raise ValueError(
      f'Expected from 1 to {num_training} clients per round, the number of '
      f'clients of the task{which}, found {clients_per_round}: lower '
      '--clients_per_round.'
    )
