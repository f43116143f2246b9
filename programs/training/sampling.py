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
"""Which clients take part in a round, and how many: flags and functions."""

from collections.abc import Callable, Sequence
import math

from absl import flags
import numpy as np

from programs.command_line import runner

_CLIENTS_PER_ROUND = flags.DEFINE_integer(
  'clients_per_round',
  10,
  'Clients in a round; in the first one with --sampling=exponential.',
  lower_bound=1,
)
_SAMPLING = flags.DEFINE_enum(
  'sampling',
  'static',
  ['static', 'exponential'],
  'Whether each round has as many clients, or ever fewer.',
)
_DECAY = flags.DEFINE_float(
  'sampling_decay',
  None,
  'How fast --sampling=exponential lowers the number of clients: by a factor '
  'of exp(-decay) a round.',
)
_MINIMUM = flags.DEFINE_integer(
  'sampling_minimum',
  5,
  'The fewest clients in a round of --sampling=exponential.',
  lower_bound=1,
)
_EXPONENTIAL_FLAGS = (_DECAY, _MINIMUM)

flags.register_validator(
  _DECAY.name, runner.positive, 'Expected a positive number.'
)


def check_flags() -> None:
  """Raises `UsageError` for flags that do not go together."""
  if _SAMPLING.value == 'static':
    for flag in _EXPONENTIAL_FLAGS:
      runner.refuse_given(
        flag, _SAMPLING, 'leave it out or give --sampling=exponential.'
      )
    return
  if _DECAY.value is None:
    raise runner.UsageError(
      f'Expected --{_DECAY.name} with --sampling=exponential, found none; '
      'give it.'
    )
  if _MINIMUM.value > _CLIENTS_PER_ROUND.value:
    raise runner.UsageError(
      f'Expected --{_MINIMUM.name} of at most '
      f'--{_CLIENTS_PER_ROUND.name}={_CLIENTS_PER_ROUND.value}, found '
      f'{_MINIMUM.value}; lower it or raise the other.'
    )


def flags_in_use() -> list[flags.FlagHolder]:
  """The flags that samples depend on; static ones on their number alone."""
  if _SAMPLING.value == 'static':
    return [_CLIENTS_PER_ROUND]
  return [_CLIENTS_PER_ROUND, _SAMPLING, *_EXPONENTIAL_FLAGS]


def build_sampling_fn_from_flags(
  client_ids: Sequence[str], seed: int
) -> Callable[[int], list[str]]:
  """As `build_sampling_fn`, with cohort sizes as the flags say."""
  cohort_size_fn = None
  if _SAMPLING.value == 'exponential':
    cohort_size_fn = build_exponential_cohort_size_fn(
      _CLIENTS_PER_ROUND.value, _DECAY.value, _MINIMUM.value
    )
  return build_sampling_fn(
    client_ids, _CLIENTS_PER_ROUND.value, seed, cohort_size_fn
  )


def build_exponential_cohort_size_fn(
  clients_per_round: int, decay: float, minimum: int
) -> Callable[[int], int]:
  """Builds the cohort sizes of dynamic sampling with exponential annealing.

  The size in round t = 1, 2, ... is

    max(minimum, round(clients_per_round * exp(-decay * (t - 1)))).

  That is equation 6 of Jiang et al., "Deep Hierarchy Quantization Compression
  algorithm based on Dynamic Sampling", and the minimum in the text below it.
  The paper does not say where its t begins. Here it begins at 0, since "as many
  client models as possible" shall take part at the beginning: the first round
  has all of `clients_per_round`, and not a factor of exp(-decay) fewer.

  Args:
    clients_per_round: The size in the first round; the paper's M, for which it
      takes all clients that there are.
    decay: The paper's phi, above 0.
    minimum: The smallest size; 5 in the paper.

  Returns:
    A function from a round's number to the size of its cohort.
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

  Since a round's clients follow from the seed and the round alone, a resumed
  program samples what it would have sampled without the interruption.

  Args:
    client_ids: All clients; their order does not matter.
    clients_per_round: How many take part in a round, at most.
    seed: A non-negative integer.
    cohort_size_fn: From a round's number to how many take part; by default
      `clients_per_round` always do.

  Returns:
    A function from a round's number to the ids of its clients.

  Raises:
    ValueError: If there are not as many clients.
  """
  population = np.array(sorted(client_ids))
  if not 0 < clients_per_round <= len(population):
    raise ValueError(
      f'Expected from 1 to {len(population)} clients per round, as many as '
      f'there are, found {clients_per_round}.'
    )

  def sample_clients(round_num: int) -> list[str]:
    rng = np.random.default_rng((seed, round_num))
    size = cohort_size_fn(round_num) if cohort_size_fn else clients_per_round
    return rng.choice(population, size=size, replace=False).tolist()

  return sample_clients
