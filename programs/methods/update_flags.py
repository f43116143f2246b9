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
"""Flags of the methods that compress the updates of clients."""

from typing import Any

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.methods import aggregation_flags
from programs.methods import base
from programs.methods import compression_flags
from programs.methods import privacy_flags
from tff_methods import options as options_lib

_RANK = flags.DEFINE_integer(
  'rank',
  None,
  'Rank of the updates, instead of --fraction. Needs a low learning rate, such '
  'as --client_learning_rate=0.01.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_LEFT_FACTOR = flags.DEFINE_enum(
  'left_factor',
  'signs',
  list(options_lib.LEFT_FACTORS),
  'Fixed random factor of updates of low rank. signs: entries of equal '
  'magnitude, whose steps are longer the lower the rank; orthonormal: a '
  'projection, whose steps are as long as without restriction.',
)
_STEP_SCALE = flags.DEFINE_float(
  'step_scale',
  None,
  'Factor of --client_learning_rate for tensors that are not trained whole.',
)
_WHOLE_OUTER_LAYERS = flags.DEFINE_bool(
  'whole_outer_layers',
  False,
  'Train and send the first and the last layer whole, without restriction and '
  'quantization, as Konečný et al. (2016) do.',
)
_ROTATION = flags.DEFINE_bool(
  'rotation', True, 'Rotate updates before subsampling and quantization.'
)
# `None` unless given, so that runs from before the flag resume.
_SHARED_ROTATION = flags.DEFINE_bool(
  'shared_rotation',
  None,
  'One rotation for all clients of a round, which the server inverts once. If '
  'false, each client draws its own: the server inverts one for each client, '
  'and the errors of similar updates average out with eden, too.',
)
_QUANTIZER = flags.DEFINE_enum(
  'quantizer',
  'eden',
  list(options_lib.QUANTIZERS),
  'Quantizer to --bits. eden: levels for rotated values; uniform: evenly '
  'spaced levels, as in Konečný et al. (2016).',
)
_FEEDBACK = flags.DEFINE_enum(
  'feedback',
  'residual',
  list(options_lib.FEEDBACKS),
  'Part of the update that a client keeps for its next round. residual: update '
  'minus decoded update; unsent_values: only values that are not sent.',
)
_SCOPE = flags.DEFINE_enum(
  'scope',
  None,
  list(options_lib.SCOPES),
  'Values among which the largest are selected: those of the entire model, or '
  'of each tensor.',
)
_MOMENTUM = flags.DEFINE_float(
  'momentum',
  0.9,
  "Momentum in [0, 1): of the clients' velocities (dgc), or of the server's "
  'sketch (fetch_sgd).',
)
_NESTEROV = flags.DEFINE_bool(
  'nesterov', False, "Nesterov momentum of the clients' velocities."
)
_WARM_UP_FRACTIONS = flags.DEFINE_list(
  'warm_up_fractions',
  None,
  'Fractions of the first rounds, in place of --fraction and above it, '
  'separated by commas; empty for no warm-up. Default: those of 0.25, 0.0625, '
  '0.015625, 0.004 that are above --fraction.',
)
_ROUNDS_PER_WARM_UP_FRACTION = flags.DEFINE_integer(
  'rounds_per_warm_up_fraction',
  1,
  'Rounds with each of --warm_up_fractions.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_APPLIED_FRACTION = flags.DEFINE_float(
  'applied_fraction',
  None,
  'Fraction of the weights that a round changes, in (0, 1].',
)
_SKETCH_ROWS = flags.DEFINE_integer(
  'sketch_rows',
  None,
  'Number of rows of a count sketch.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_ERROR_RESET = flags.DEFINE_enum(
  'error_reset',
  None,
  list(options_lib.ERROR_RESETS),
  "Part of the server's error that applied values leave behind. buckets: all "
  'but their buckets, in the momentum, too; values: all but the values, as in '
  'the paper.',
)


def _noise() -> dict[str, Any]:
  """Returns `noise` as a keyword argument, if given."""
  privacy_flags.check_flags()
  if not privacy_flags.is_private():
    return {}
  return {'noise': privacy_flags.noise_options()}


def _fed_avg_options(
  seed: int,
) -> (
  options_lib.DpSketchOptions | aggregation_flags.TffAggregatorOptions | None
):
  """Returns the options of noise or of TFF's aggregator; `None` for neither."""
  privacy_flags.check_flags()
  if aggregation_flags.TFF_AGGREGATOR.value is not None:
    return aggregation_flags.tff_aggregator_options()
  if not privacy_flags.is_private():
    return None
  return privacy_flags.options(seed, bits=None)


def _sketch_options(
  seed: int,
) -> (
  options_lib.SketchOptions
  | options_lib.DpSketchOptions
  | options_lib.SecureSketchOptions
):
  privacy_flags.check_flags()
  for choice, make_options in (
    (aggregation_flags.SECURE_CLIP, aggregation_flags.secure_sketch_options),
    (privacy_flags.NOISE_MULTIPLIER, privacy_flags.options),
  ):
    if choice.value is not None:
      _refuse_sketches_of_tensors(choice)
      return make_options(
        seed,
        **base.bits(),
        **base.given(fraction=base.FRACTION.value),
      )
  return options_lib.SketchOptions(
    rotation=_ROTATION.value,
    quantizer=_QUANTIZER.value,
    **base.bits(),
    **base.given(
      fraction=base.FRACTION.value,
      min_elements=compression_flags.MIN_ELEMENTS.value,
      shared_rotation=_SHARED_ROTATION.value,
    ),
    **compression_flags.randomness(seed),
  )


def _refuse_sketches_of_tensors(choice: flags.FlagHolder) -> None:
  """Refuses flags of tensors with a choice that sketches the entire model."""
  for flag in (
    _ROTATION,
    _SHARED_ROTATION,
    _QUANTIZER,
    compression_flags.MIN_ELEMENTS,
  ):
    if flag.present:
      raise runner.UsageError(
        f'Expected no --{flag.name} with --{choice.name}, which rotates the '
        f'entire model as one vector, found --{flag.name}={flag.value}; leave '
        'it out.'
      )


def _random_mask_options(seed: int) -> options_lib.RandomMaskOptions:
  runner.check_given(base.FRACTION)
  return options_lib.RandomMaskOptions(
    fraction=base.FRACTION.value,
    whole_outer_layers=_WHOLE_OUTER_LAYERS.value,
    **base.bits(),
    **base.given(
      min_elements=compression_flags.MIN_ELEMENTS.value,
      step_scale=_STEP_SCALE.value,
    ),
    **compression_flags.bounds(),
    **_noise(),
    **compression_flags.randomness(seed),
  )


def _low_rank_options(seed: int) -> options_lib.LowRankOptions:
  return options_lib.LowRankOptions(
    rank=_RANK.value,
    fraction=base.FRACTION.value,
    left_factor=_LEFT_FACTOR.value,
    whole_outer_layers=_WHOLE_OUTER_LAYERS.value,
    **base.bits(),
    **base.given(
      min_elements=compression_flags.MIN_ELEMENTS.value,
      step_scale=_STEP_SCALE.value,
    ),
    **compression_flags.bounds(),
    **_noise(),
    **compression_flags.randomness(seed),
  )


def _sparse_options() -> dict[str, Any]:
  return base.given(
    fraction=base.FRACTION.value,
    scope=_SCOPE.value,
    min_elements=compression_flags.MIN_ELEMENTS.value,
    **compression_flags.bounds(),
  )


def _dhqc_options(seed: int) -> options_lib.DhqcOptions:
  del seed  # Nothing is random.
  return options_lib.DhqcOptions(
    feedback=_FEEDBACK.value, **base.bits(), **_sparse_options()
  )


def _dgc_options(seed: int) -> options_lib.DgcOptions:
  del seed  # Nothing is random.
  return options_lib.DgcOptions(
    momentum=_MOMENTUM.value,
    nesterov=_NESTEROV.value,
    warm_up_fractions=_warm_up_fractions(),
    rounds_per_warm_up_fraction=_ROUNDS_PER_WARM_UP_FRACTION.value,
    **_sparse_options(),
  )


def _warm_up_fractions() -> list[float] | None:
  if _WARM_UP_FRACTIONS.value is None:
    return None
  try:
    return list(map(float, _WARM_UP_FRACTIONS.value))
  except ValueError as e:
    raise ValueError(
      'Expected --warm_up_fractions to be numbers separated by commas, found '
      f'{",".join(_WARM_UP_FRACTIONS.value)}.'
    ) from e


def _fetch_sgd_options(seed: int) -> options_lib.CountSketchOptions:
  return options_lib.CountSketchOptions(
    momentum=_MOMENTUM.value,
    base_seed=seed,
    **base.given(
      fraction=base.FRACTION.value,
      applied_fraction=_APPLIED_FRACTION.value,
      sketch_rows=_SKETCH_ROWS.value,
      error_reset=_ERROR_RESET.value,
    ),
  )


METHOD_FLAGS = {
  'fed_avg': base.MethodFlags(
    (
      base.DOWNLINK_BITS,
      base.DOWNLINK_DELTAS,
      *privacy_flags.HOLDERS,
      aggregation_flags.TFF_AGGREGATOR,
    ),
    _fed_avg_options,
  ),
  'sketched_update': compression_flags.method_flags(
    _sketch_options,
    options_lib.SketchOptions,
    base.BITS,
    base.FRACTION,
    _ROTATION,
    _SHARED_ROTATION,
    _QUANTIZER,
    compression_flags.MIN_ELEMENTS,
    base.SEED_SOURCE,
    *privacy_flags.HOLDERS,
    aggregation_flags.SECURE_CLIP,
    base.DOWNLINK_DELTAS,
  ),
  'random_mask': compression_flags.method_flags(
    _random_mask_options,
    options_lib.RandomMaskOptions,
    base.FRACTION,
    _STEP_SCALE,
    _WHOLE_OUTER_LAYERS,
    base.BITS,
    compression_flags.MIN_ELEMENTS,
    compression_flags.CLIP_NORM,
    compression_flags.ZERO_ABOVE,
    base.SEED_SOURCE,
    *privacy_flags.HOLDERS,
  ),
  'low_rank': compression_flags.method_flags(
    _low_rank_options,
    options_lib.LowRankOptions,
    _RANK,
    base.FRACTION,
    _LEFT_FACTOR,
    _STEP_SCALE,
    _WHOLE_OUTER_LAYERS,
    base.BITS,
    compression_flags.MIN_ELEMENTS,
    compression_flags.CLIP_NORM,
    compression_flags.ZERO_ABOVE,
    base.SEED_SOURCE,
    *privacy_flags.HOLDERS,
  ),
  'dhqc': compression_flags.method_flags(
    _dhqc_options,
    options_lib.DhqcOptions,
    base.BITS,
    base.FRACTION,
    _FEEDBACK,
    _SCOPE,
    compression_flags.MIN_ELEMENTS,
    compression_flags.CLIP_NORM,
    compression_flags.ZERO_ABOVE,
  ),
  'dgc': compression_flags.method_flags(
    _dgc_options,
    options_lib.DgcOptions,
    base.FRACTION,
    _MOMENTUM,
    _NESTEROV,
    _WARM_UP_FRACTIONS,
    _ROUNDS_PER_WARM_UP_FRACTION,
    _SCOPE,
    compression_flags.MIN_ELEMENTS,
    compression_flags.CLIP_NORM,
    compression_flags.ZERO_ABOVE,
  ),
  'fetch_sgd': compression_flags.method_flags(
    _fetch_sgd_options,
    options_lib.CountSketchOptions,
    base.FRACTION,
    _APPLIED_FRACTION,
    _SKETCH_ROWS,
    _ERROR_RESET,
    _MOMENTUM,
  ),
}
