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
"""Flags of differential privacy."""

import dataclasses
from typing import Any

from absl import flags

from programs.command_line import runner
from programs.methods import base
from programs.training import sampling
from tff_methods import options as options_lib

NOISE_MULTIPLIER = flags.DEFINE_float(
  'dp_noise_multiplier',
  None,
  'Differential privacy: standard deviation of the noise that is added to the '
  'sum of updates, in clipping norms. Noise does not follow from --seed, so '
  'runs differ.',
  lower_bound=0.0,
)
CLIP = flags.DEFINE_string(
  'dp_clip',
  None,
  'With --dp_noise_multiplier: largest norm of an update, or adaptive (the '
  'default) for a private estimate of the median norm. With --secure_clip: '
  'leave it out.',
)
DELTA = flags.DEFINE_float(
  'dp_delta',
  None,
  'With --dp_noise_multiplier: δ of the ε in summary.json. Default: '
  '(number of clients)^-1.1.',
)
NOISE_SEED_FOR_TESTS = flags.DEFINE_integer(
  'dp_noise_seed_for_tests',
  None,
  'With --dp_noise_multiplier: seed of the noise, for tests. Such noise hides '
  'nothing, so no ε is reported.',
)
_OTHERS = (CLIP, DELTA, NOISE_SEED_FOR_TESTS)
HOLDERS = (NOISE_MULTIPLIER, *_OTHERS)


def is_private() -> bool:
  """Returns true if the flags ask for noise."""
  return NOISE_MULTIPLIER.value is not None


def check_flags() -> None:
  """Raises `UsageError` for flags that do not go together."""
  if not is_private():
    for flag in _OTHERS:
      if flag.value is not None:
        raise runner.UsageError(
          f'Expected --{NOISE_MULTIPLIER.name} with --{flag.name}, found none; '
          'give it.'
        )
  elif base.DOWNLINK_DELTAS.value:
    raise runner.UsageError(
      f'Expected no --{base.DOWNLINK_DELTAS.name} with '
      f'--{NOISE_MULTIPLIER.name}, found both; leave one out.'
    )
  if DELTA.value is not None and not 0.0 < DELTA.value < 1.0:
    raise runner.UsageError(
      f'Expected --{DELTA.name} between 0 and 1, found {DELTA.value}.'
    )


def options(seed: int, **sketch: Any) -> options_lib.DpSketchOptions:
  """Returns the options of a private mean.

  Args:
    seed: Seed of the sketches.
    **sketch: Other fields of `DpSketchOptions`: `bits` and `fraction`.

  Raises:
    UsageError: If `--dp_clip` is not a norm.
    ValueError: If a value is out of range.
  """
  return options_lib.DpSketchOptions(
    **dataclasses.asdict(noise_options()),
    seed_source=base.SEED_SOURCE.value,
    base_seed=seed,
    **sketch,
  )


def noise_options() -> options_lib.NoiseOptions:
  """Returns the options of clip and noise.

  Raises:
    UsageError: If `--dp_clip` is not a norm.
    ValueError: If a value is out of range.
  """
  return options_lib.NoiseOptions(
    noise_multiplier=NOISE_MULTIPLIER.value,
    clients_per_round=sampling.CLIENTS_PER_ROUND.value,
    clip=_clip(),
    noise_seed_for_tests=NOISE_SEED_FOR_TESTS.value,
  )


def _clip() -> float | str:
  if CLIP.value in (None, 'adaptive'):
    return 'adaptive'
  try:
    return float(CLIP.value)
  except ValueError as e:
    raise runner.UsageError(
      f'Expected --{CLIP.name} to be a number or adaptive, found {CLIP.value}.'
    ) from e
