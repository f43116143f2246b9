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

from collections.abc import Sequence

from programs.methods import aggregation_flags
from tff_methods import options as options_lib
from tff_methods import privacy

# Options that may ask for noise.
WithNoise = options_lib.DpSketchOptions | aggregation_flags.TffAggregatorOptions


def describe(
  options: WithNoise,
  cohort_sizes: Sequence[int],
  num_clients: int,
  delta: float | None,
) -> dict[str, object]:
  """Returns the guarantee of a run, and what it rests on.

  Args:
    options: Options of the noise.
    cohort_sizes: Number of clients in each round.
    num_clients: Number of clients of the task.
    delta: δ; `None` for `privacy.default_delta`.

  Returns:
    A dict of JSON values. `epsilon` is `None` if there is no guarantee, and
    `reason` then says why.
  """
  if delta is None:
    delta = privacy.default_delta(num_clients)
  description: dict[str, object] = {
    'epsilon': None,
    'delta': delta,
    'noise_multiplier': options.noise_multiplier,
    'clip': getattr(options, 'clip', 'adaptive'),
    'num_clients': num_clients,
    'neighbours': 'one client replaced by another',
    'assumption': 'nobody knows which clients took part in which round',
  }
  if isinstance(options, aggregation_flags.TffAggregatorOptions):
    return description | {'reason': "TFF's aggregator comes without accounting"}
  if options.noise_seed_for_tests is not None:
    return description | {'reason': 'the noise follows from a seed for tests'}
  if not options.noise_multiplier:
    return description | {'reason': 'there is no noise'}
  return description | {
    'epsilon': privacy.epsilon(
      noise_multiplier=options.noise_multiplier,
      cohort_sizes=cohort_sizes,
      num_clients=num_clients,
      delta=delta,
    )
  }
