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
"""The methods that programs can train with, by name, and their flags."""

from absl import flags
import tensorflow_federated as tff

from programs.command_line import runner
from programs.methods import base
from programs.methods import label_methods
from programs.methods import row_methods
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import encoders
from tff_methods import templates
from tff_methods import update_spaces

_BITS = flags.DEFINE_enum(
  'bits',
  None,
  ['none', *map(str, range(1, 17))],
  'Bits for each number that a client sends; none: float32 values. By default '
  '2 with sketched_update, 4 with dhqc, none with structured updates.',
)
_FRACTION = flags.DEFINE_float(
  'fraction',
  None,
  'The fraction of its coordinates that a client sends (sketched_update: by '
  'default all; dhqc: 0.01; dgc: 0.001), or trains and sends (random_mask), or '
  "the rank of updates as a fraction of each matrix's smaller dimension "
  '(low_rank). Above 0, at most 1.',
)
_RANK = flags.DEFINE_integer(
  'rank',
  None,
  'The rank of updates, instead of --fraction (low_rank). It takes low rates, '
  'such as --client_learning_rate=0.01.',
  lower_bound=1,
)
_ROTATION = flags.DEFINE_bool(
  'rotation', True, 'Whether clients rotate updates before they quantize them.'
)
_QUANTIZER = flags.DEFINE_enum(
  'quantizer',
  'eden',
  list(encoders.QUANTIZERS),
  'How values are rounded to --bits; uniform: as Konečný et al. (2016) do.',
)
_MIN_ELEMENTS = flags.DEFINE_integer(
  'min_elements',
  None,
  'Tensors with fewer elements are (trained whole and) sent as they are. By '
  'default 256; 0 with dhqc and dgc, which take them for a part of the whole '
  'with --scope=model.',
  lower_bound=0,
)
_FEEDBACK = flags.DEFINE_enum(
  'feedback',
  'residual',
  list(aggregators.FEEDBACKS),
  'What a client keeps for its next round (dhqc).',
)
_SCOPE = flags.DEFINE_enum(
  'scope',
  None,
  list(aggregators.SCOPES),
  'Among which values the largest are taken: all of the model (by default with '
  'dhqc) or those of each tensor (dgc).',
)
_MOMENTUM = flags.DEFINE_float(
  'momentum', 0.9, 'Of what clients accumulate (dgc). At least 0, below 1.'
)
_WARM_UP_FRACTIONS = flags.DEFINE_list(
  'warm_up_fractions',
  None,
  'In the place of --fraction in the first rounds (dgc), above it. By default '
  '0.25,0.0625,0.015625,0.004, as far as they are; nothing for no warm-up.',
)
_ROUNDS_PER_WARM_UP_FRACTION = flags.DEFINE_integer(
  'rounds_per_warm_up_fraction', 1, 'For how many rounds each.', lower_bound=1
)
_CLIP_FACTOR = flags.DEFINE_float(
  'clip_factor',
  2.5,
  'Cuts magnitudes off at this many standard deviations (terngrad); 0: not.',
  lower_bound=0.0,
)
flags.adopt_module_key_flags(base)
flags.adopt_module_key_flags(row_methods)
flags.adopt_module_key_flags(label_methods)


def _build_fed_avg(task, client_optimizer, server_optimizer, seed):
  del seed  # Nothing here is random.
  return tff.learning.algorithms.build_weighted_fed_avg(
    task.model_fn,
    client_optimizer,
    server_optimizer,
    loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  )


def _bits(default: int | None) -> int | None:
  if _BITS.value is None:
    return default
  return None if _BITS.value == 'none' else int(_BITS.value)


def _min_elements() -> int:
  return 256 if _MIN_ELEMENTS.value is None else _MIN_ELEMENTS.value


def _sketch_options() -> dict[str, object]:
  return dict(
    bits=_bits(default=2),
    fraction=1.0 if _FRACTION.value is None else _FRACTION.value,
    rotation=_ROTATION.value,
    quantizer=_QUANTIZER.value,
    seed_source=base.SEED_SOURCE.value,
  )


def _random_mask() -> update_spaces.RandomMask:
  if _FRACTION.value is None:
    raise ValueError(
      'Expected --fraction with --method=random_mask, found none: give it.'
    )
  return update_spaces.RandomMask(_FRACTION.value, min_elements=_min_elements())


def _low_rank() -> update_spaces.LowRank:
  return update_spaces.LowRank(
    rank=_RANK.value,
    fraction=_FRACTION.value,
    min_elements=_min_elements(),
  )


def _structured_update(space_fn, *own_flags) -> base.Method:
  """The method that trains in the space that flags ask for."""

  def options():
    return dict(
      update_space=space_fn(),
      bits=_bits(default=None),
      min_elements=_min_elements(),
      seed_source=base.SEED_SOURCE.value,
    )

  own_flags += (_BITS, _MIN_ELEMENTS, base.SEED_SOURCE)
  return base.Method(
    base.builder('build_structured_update_fed_avg', options),
    own_flags,
    check=space_fn,
  )


def _sparse_options() -> dict[str, object]:
  return base.given(
    fraction=_FRACTION.value,
    scope=_SCOPE.value,
    min_elements=_MIN_ELEMENTS.value,
  )


def _dhqc_options() -> dict[str, object]:
  return dict(
    bits=_bits(default=4), feedback=_FEEDBACK.value, **_sparse_options()
  )


def _dgc_options() -> dict[str, object]:
  return dict(
    momentum=_MOMENTUM.value,
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
      'Expected --warm_up_fractions to be numbers with commas between them, '
      f'found {",".join(_WARM_UP_FRACTIONS.value)}.'
    ) from e


def _ternary_options() -> dict[str, object]:
  return dict(
    clip_factor=_CLIP_FACTOR.value or None, seed_source=base.SEED_SOURCE.value
  )


METHODS = {
  'fed_avg': base.Method(_build_fed_avg),
  'sketched_update': base.Method(
    base.builder(
      'build_sketched_update_fed_avg',
      lambda: _sketch_options() | {'min_elements': _min_elements()},
    ),
    (
      _BITS,
      _FRACTION,
      _ROTATION,
      _QUANTIZER,
      _MIN_ELEMENTS,
      base.SEED_SOURCE,
    ),
    lambda: encoders.check_sketch(**_sketch_options()),
  ),
  'random_mask': _structured_update(_random_mask, _FRACTION),
  'low_rank': _structured_update(_low_rank, _RANK, _FRACTION),
  'dhqc': base.Method(
    base.builder('build_dhqc_fed_avg', _dhqc_options, is_random=False),
    (_BITS, _FRACTION, _FEEDBACK, _SCOPE, _MIN_ELEMENTS),
    lambda: algorithms.dhqc_aggregator(**_dhqc_options()),
  ),
  'dgc': base.Method(
    base.builder('build_dgc_fed_avg', _dgc_options, is_random=False),
    (
      _FRACTION,
      _MOMENTUM,
      _WARM_UP_FRACTIONS,
      _ROUNDS_PER_WARM_UP_FRACTION,
      _SCOPE,
      _MIN_ELEMENTS,
    ),
    lambda: algorithms.dgc_aggregators(**_dgc_options()),
  ),
  'terngrad': base.Method(
    base.builder(
      'build_terngrad_fed_avg',
      lambda: _ternary_options() | {'min_elements': _min_elements()},
    ),
    (_CLIP_FACTOR, _MIN_ELEMENTS, base.SEED_SOURCE),
    lambda: encoders.check_ternary(**_ternary_options()),
  ),
  **row_methods.METHODS,
  **label_methods.METHODS,
}


def build_process(
  name: str,
  task: tff.simulation.baselines.BaselineTask,
  client_optimizer: tff.learning.optimizers.Optimizer,
  server_optimizer: tff.learning.optimizers.Optimizer,
  seed: int,
) -> tff.learning.templates.LearningProcess | templates.ClientStateProcess:
  """Builds the process of a method for a task.

  Args:
    name: The method's.
    task: What to train.
    client_optimizer: Of the clients.
    server_optimizer: Of the server.
    seed: Of all random choices.

  Raises:
    UsageError: If the method or its flags are not for this task.
  """
  METHODS[name].check_task(task)
  return METHODS[name].build(task, client_optimizer, server_optimizer, seed)


def check_flags(name: str) -> None:
  """Raises `UsageError` for given flags that a method does not take.

  That is flags that only others take, and values that do not go together.

  Args:
    name: The method's.
  """
  taken = {flag.name for flag in METHODS[name].own_flags}
  for other in METHODS.values():
    for flag in other.own_flags:
      if flag.present and flag.name not in taken:
        raise runner.UsageError(
          f'Expected no --{flag.name} with --method={name}, found '
          f'--{flag.name}={flag.value}; leave it out or choose another method.'
        )
  try:
    METHODS[name].check()
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
