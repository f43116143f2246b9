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
"""Which clients take part in a round."""

from collections.abc import Callable, Sequence

import numpy as np


def build_sampling_fn(
  client_ids: Sequence[str], clients_per_round: int, seed: int
) -> Callable[[int], list[str]]:
  """Builds uniform sampling without replacement, as a pure function of rounds.

  Since a round's clients follow from the seed and the round alone, a resumed
  program samples what it would have sampled without the interruption.

  Args:
    client_ids: All clients; their order does not matter.
    clients_per_round: How many take part in a round.
    seed: A non-negative integer.

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
    sample = rng.choice(population, size=clients_per_round, replace=False)
    return sample.tolist()

  return sample_clients
