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
"""Flags of the methods that quantize all values of an update."""

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.methods import base
from programs.methods import compression_flags
from tff_methods import options as options_lib

_CLIP_FACTOR = flags.DEFINE_float(
  'clip_factor',
  2.5,
  'Clip magnitudes at this many standard deviations of their tensor; 0 '
  'disables clipping.',
  lower_bound=0.0,
)
_SHARE_SCALE = flags.DEFINE_bool(
  'share_scale',
  False,
  'Give all clients of a round the largest of their scales. Not with several '
  '--workers: one sum of the round depends on another.',
)
_BUCKET_SIZE = flags.DEFINE_integer(
  'bucket_size',
  512,
  'Number of values that have a norm in common.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_NORM = flags.DEFINE_enum(
  'norm',
  'max',
  list(options_lib.NORMS),
  'Norm of which values are rounded to multiples: the largest magnitude, as in '
  "the experiments of QSGD's paper, or the Euclidean norm, as in its theory.",
)
_SIGN_LEVELS = flags.DEFINE_enum(
  'sign_levels',
  'one',
  list(options_lib.SIGN_LEVELS),
  'Magnitudes of decoded values of a tensor: one for both signs (EF-SignSGD), '
  'or two, one for each (1-bit SGD).',
)


def _terngrad_options(seed: int) -> options_lib.TernGradOptions:
  if _SHARE_SCALE.value:
    _refuse_shared_scale()
  return options_lib.TernGradOptions(
    clip_factor=_CLIP_FACTOR.value or None,
    share_scale=_SHARE_SCALE.value,
    **base.given(min_elements=compression_flags.MIN_ELEMENTS.value),
    **compression_flags.randomness(seed),
  )


def _refuse_shared_scale() -> None:
  """Refuses flags that do not go with `--share_scale`."""
  if base.DOWNLINK_DELTAS.value:
    raise runner.UsageError(
      f'Expected no --{base.DOWNLINK_DELTAS.name} with --{_SHARE_SCALE.name}, '
      'found both; leave one out.'
    )
  if len(common_flags.WORKERS.value or []) > 1:
    raise runner.UsageError(
      f'Expected one of --{common_flags.WORKERS.name} at most with '
      f'--{_SHARE_SCALE.name}, whose sum depends on a maximum of the same '
      f'round, found {len(common_flags.WORKERS.value)}; leave one out.'
    )


def _qsgd_options(seed: int) -> options_lib.QsgdOptions:
  return options_lib.QsgdOptions(
    bucket_size=_BUCKET_SIZE.value,
    norm=_NORM.value,
    **base.bits(),
    **base.given(min_elements=compression_flags.MIN_ELEMENTS.value),
    **compression_flags.randomness(seed),
  )


def _ef_sign_options(seed: int) -> options_lib.EfSignOptions:
  del seed  # Nothing is random.
  return options_lib.EfSignOptions(
    levels=_SIGN_LEVELS.value,
    **base.given(min_elements=compression_flags.MIN_ELEMENTS.value),
    **compression_flags.bounds(),
  )


METHOD_FLAGS = {
  'terngrad': compression_flags.method_flags(
    _terngrad_options,
    options_lib.TernGradOptions,
    _CLIP_FACTOR,
    _SHARE_SCALE,
    compression_flags.MIN_ELEMENTS,
    base.SEED_SOURCE,
    base.DOWNLINK_DELTAS,
  ),
  'qsgd': compression_flags.method_flags(
    _qsgd_options,
    options_lib.QsgdOptions,
    base.BITS,
    _BUCKET_SIZE,
    _NORM,
    compression_flags.MIN_ELEMENTS,
    base.SEED_SOURCE,
    base.DOWNLINK_DELTAS,
  ),
  'ef_sign': compression_flags.method_flags(
    _ef_sign_options,
    options_lib.EfSignOptions,
    _SIGN_LEVELS,
    compression_flags.MIN_ELEMENTS,
    compression_flags.CLIP_NORM,
    compression_flags.ZERO_ABOVE,
  ),
}
