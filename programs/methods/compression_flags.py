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
"""Flags that several methods of compressed updates have in common."""

from collections.abc import Callable
from typing import Any

from absl import flags

from programs.command_line import common_flags
from programs.methods import base
from tff_methods import options as options_lib

MIN_ELEMENTS = flags.DEFINE_integer(
  'min_elements',
  None,
  'Tensors with fewer elements are sent uncompressed (and, with random_mask '
  'and low_rank, trained whole).',
  lower_bound=0,
  upper_bound=common_flags.MAX_INT,
)
CLIP_NORM = flags.DEFINE_float(
  'clip_norm',
  None,
  'Largest Euclidean norm of an update, all tensors together; longer ones are '
  'scaled. Bounds the influence of a client; for privacy, see '
  '--dp_noise_multiplier.',
)
ZERO_ABOVE = flags.DEFINE_float(
  'zero_above', None, 'Updates of a larger Euclidean norm are set to zero.'
)


def bounds() -> dict[str, Any]:
  """Returns `bounds` as a keyword argument, if given."""
  given = base.given(clip=CLIP_NORM.value, zero_above=ZERO_ABOVE.value)
  return {'bounds': options_lib.UpdateBounds(**given)} if given else {}


def randomness(seed: int) -> dict[str, Any]:
  """Returns the keyword arguments of `options.RandomnessOptions`.

  Args:
    seed: Seed of the process.
  """
  return dict(seed_source=base.SEED_SOURCE.value, base_seed=seed)


def method_flags(
  make_options: Callable[[int], object],
  options_class: type,
  *own_flags: flags.FlagHolder,
) -> base.MethodFlags:
  """Returns the flags of a method, with the defaults of its options.

  Args:
    make_options: See `base.MethodFlags`.
    options_class: Dataclass of the options.
    *own_flags: Flags of the method, without `--downlink_bits`.
  """
  defaults = base.field_defaults(
    options_class,
    'bits',
    'fraction',
    'min_elements',
    'shared_rotation',
    'scope',
    'step_scale',
    'applied_fraction',
    'sketch_rows',
    'error_reset',
  )
  return base.MethodFlags(
    (*own_flags, base.DOWNLINK_BITS), make_options, defaults
  )
