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

from collections.abc import Callable
import dataclasses

from absl import flags
import tensorflow_federated as tff

from programs import usage
from tff_methods import encoders
from tff_methods import processes
from tff_methods import update_spaces

_BITS = flags.DEFINE_enum(
  'bits',
  None,
  ['none', *map(str, range(1, 17))],
  'Bits for each number that a client sends; none: float32 values. By default '
  '2 with sketched_update, none with structured updates.',
)
_FRACTION = flags.DEFINE_float(
  'fraction',
  None,
  'The fraction of its coordinates that a client sends (sketched_update: by '
  'default all), or trains and sends (random_mask), or the rank of updates as '
  "a fraction of each matrix's smaller dimension (low_rank). Above 0, at most "
  '1.',
)
_RANK = flags.DEFINE_integer(
  'rank', None, 'The rank of updates, instead of --fraction.', lower_bound=1
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
  256,
  'Tensors with fewer elements are (trained whole and) sent as they are.',
  lower_bound=0,
)
_SEED_SOURCE = flags.DEFINE_enum(
  'seed_source',
  'reproducible',
  list(encoders.SEED_SOURCES),
  'Where clients take randomness from: --seed, or the machine, which makes '
  'runs differ.',
)

ModelFn = Callable[[], tff.learning.models.VariableModel]


@dataclasses.dataclass(frozen=True)
class Method:
  """A way to train.

  Attributes:
    build: From a model function, the clients' and the server's optimizer, and a
      seed to the learning process.
    own_flags: The flags that this method takes, besides those of all methods.
    check: Raises `ValueError` unless these flags go together.
  """

  build: Callable[
    [
      ModelFn,
      tff.learning.optimizers.Optimizer,
      tff.learning.optimizers.Optimizer,
      int,
    ],
    tff.learning.templates.LearningProcess,
  ]
  own_flags: tuple[flags.FlagHolder, ...] = ()
  check: Callable[[], object] = lambda: None


def _build_fed_avg(model_fn, client_optimizer, server_optimizer, seed):
  del seed  # Nothing here is random.
  return tff.learning.algorithms.build_weighted_fed_avg(
    model_fn,
    client_optimizer,
    server_optimizer,
    loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  )


def _bits(default: int | None) -> int | None:
  if _BITS.value is None:
    return default
  return None if _BITS.value == 'none' else int(_BITS.value)


def _sketch_options() -> dict[str, object]:
  return dict(
    bits=_bits(default=2),
    fraction=1.0 if _FRACTION.value is None else _FRACTION.value,
    rotation=_ROTATION.value,
    quantizer=_QUANTIZER.value,
    seed_source=_SEED_SOURCE.value,
  )


def _build_sketched_update(model_fn, client_optimizer, server_optimizer, seed):
  return processes.build_sketched_update_fed_avg(
    model_fn,
    client_optimizer,
    server_optimizer,
    **_sketch_options(),
    min_elements=_MIN_ELEMENTS.value,
    base_seed=seed,
  )


def _random_mask() -> update_spaces.RandomMask:
  if _FRACTION.value is None:
    raise ValueError('Expected --fraction with --method=random_mask.')
  return update_spaces.RandomMask(
    _FRACTION.value, min_elements=_MIN_ELEMENTS.value
  )


def _low_rank() -> update_spaces.LowRank:
  return update_spaces.LowRank(
    rank=_RANK.value,
    fraction=_FRACTION.value,
    min_elements=_MIN_ELEMENTS.value,
  )


def _structured_update(space_fn, *own_flags) -> Method:
  """The method that trains in the space that flags ask for."""

  def build(model_fn, client_optimizer, server_optimizer, seed):
    return processes.build_structured_update_fed_avg(
      model_fn,
      client_optimizer,
      server_optimizer,
      update_space=space_fn(),
      bits=_bits(default=None),
      min_elements=_MIN_ELEMENTS.value,
      seed_source=_SEED_SOURCE.value,
      base_seed=seed,
    )

  own_flags += (_BITS, _MIN_ELEMENTS, _SEED_SOURCE)
  return Method(build, own_flags, check=space_fn)


METHODS = {
  'fed_avg': Method(_build_fed_avg),
  'sketched_update': Method(
    _build_sketched_update,
    (_BITS, _FRACTION, _ROTATION, _QUANTIZER, _MIN_ELEMENTS, _SEED_SOURCE),
    lambda: encoders.check_sketch(**_sketch_options()),
  ),
  'random_mask': _structured_update(_random_mask, _FRACTION),
  'low_rank': _structured_update(_low_rank, _RANK, _FRACTION),
}


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
        raise usage.UsageError(
          f'Expected no --{flag.name} with --method={name}, found '
          f'--{flag.name}={flag.value}; leave it out or choose another method.'
        )
  try:
    METHODS[name].check()
  except ValueError as e:
    raise usage.UsageError(str(e)) from e
