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
"""Flags of secure sums and of TFF's own aggregators."""

import dataclasses
from typing import Any

from absl import flags

from programs.command_line import runner
from programs.methods import base
from programs.methods import privacy_flags
from programs.training import sampling
from tff_methods import options as options_lib

TFF_AGGREGATORS = ('robust', 'compression', 'secure', 'ddp_secure')
SECURE_CLIP = flags.DEFINE_float(
  'secure_clip',
  None,
  'Secure sums: largest norm of an update, a fixed number. Clients send '
  'integers of --bits (default: 4) bits, of which the server sees the sum. The '
  'runtimes here only simulate this protection. With --dp_noise_multiplier, '
  'clients add shares of the noise.',
)
TFF_AGGREGATOR = flags.DEFINE_enum(
  'tff_aggregator',
  None,
  list(TFF_AGGREGATORS),
  'Aggregator of tff.learning, with its defaults, to compare with: '
  'robust_aggregator, compression_aggregator, secure_aggregator, or '
  'ddp_secure_aggregator with --dp_noise_multiplier.',
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TffAggregatorOptions:
  """Aggregator of `tff.learning`.

  Attributes:
    name: One of `TFF_AGGREGATORS`.
    clients_per_round: Number of clients in a round.
    noise_multiplier: Noise of `'ddp_secure'`; `None` for the others.
  """

  name: str
  clients_per_round: int
  noise_multiplier: float | None = None

  @property
  def is_secure(self) -> bool:
    """True if the server sees sums alone."""
    return self.name in ('secure', 'ddp_secure')


# Options whose mean has no weights of clients.
UNWEIGHTED_OPTIONS = (
  TffAggregatorOptions,
  options_lib.DpSketchOptions,
  options_lib.SecureSketchOptions,
)


def tff_aggregator_options() -> TffAggregatorOptions:
  """Returns the options of `--tff_aggregator`.

  Raises:
    UsageError: If flags do not go together.
  """
  name = TFF_AGGREGATOR.value
  _refuse_deltas(TFF_AGGREGATOR)
  noise = privacy_flags.NOISE_MULTIPLIER
  if name != 'ddp_secure':
    runner.refuse_given(
      noise, TFF_AGGREGATOR, 'leave one out; ddp_secure takes it.'
    )
    return TffAggregatorOptions(
      name=name, clients_per_round=sampling.CLIENTS_PER_ROUND.value
    )
  runner.check_given(noise)
  for flag in privacy_flags.HOLDERS:
    if flag is not noise:
      runner.refuse_given(flag, TFF_AGGREGATOR)
  clients_per_round = sampling.CLIENTS_PER_ROUND.value
  if noise.value >= clients_per_round / 10:
    # The noise of its count of clipped clients is clients_per_round / 20.
    raise runner.UsageError(
      f'Expected --{noise.name} below --{sampling.CLIENTS_PER_ROUND.name} / 10 '
      f'= {clients_per_round / 10:g} with --{TFF_AGGREGATOR.name}=ddp_secure, '
      f'found {noise.value:g}; lower it or raise the number of clients.'
    )
  return TffAggregatorOptions(
    name=name,
    clients_per_round=clients_per_round,
    noise_multiplier=noise.value,
  )


def secure_sketch_options(
  seed: int, **sketch: Any
) -> options_lib.SecureSketchOptions:
  """Returns the options of `--secure_clip`.

  Args:
    seed: Seed of the sketches.
    **sketch: Other fields of `SecureSketchOptions`: `bits` and `fraction`.

  Raises:
    UsageError: If flags do not go together.
    ValueError: If a value is out of range.
  """
  _refuse_deltas(SECURE_CLIP)
  runner.refuse_given(
    privacy_flags.CLIP,
    SECURE_CLIP,
    f'leave it out: --{SECURE_CLIP.name} is the clip.',
  )
  noise = privacy_flags.NOISE_MULTIPLIER
  if noise.value == 0:
    raise runner.UsageError(
      f'Expected --{noise.name} above 0 with --{SECURE_CLIP.name}, found 0; '
      'leave it out for no noise.'
    )
  return options_lib.SecureSketchOptions(
    clip=SECURE_CLIP.value,
    clients_per_round=sampling.CLIENTS_PER_ROUND.value,
    noise_multiplier=noise.value,
    noise_seed_for_tests=privacy_flags.NOISE_SEED_FOR_TESTS.value,
    seed_source=base.SEED_SOURCE.value,
    base_seed=seed,
    **sketch,
  )


def _refuse_deltas(flag: flags.FlagHolder) -> None:
  if base.DOWNLINK_DELTAS.value:
    raise runner.UsageError(
      f'Expected no --{base.DOWNLINK_DELTAS.name} with --{flag.name}, found '
      'both; leave one out.'
    )
