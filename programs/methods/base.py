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
"""Interface between methods, their flags and the programs; no TensorFlow."""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

from absl import flags

from tff_methods import options as options_lib

SEED_SOURCE = flags.DEFINE_enum(
  'seed_source',
  'reproducible',
  list(options_lib.SEED_SOURCES),
  'Source of the random choices of clients. reproducible: --seed and the '
  "client's data; entropy: the operating system, so runs differ.",
)
BITS = flags.DEFINE_enum(
  'bits',
  None,
  ['none', *map(str, range(1, 17))],
  'Bits for each value that a client sends; none: float32 values.',
)
FRACTION = flags.DEFINE_float(
  'fraction',
  None,
  'Fraction of the coordinates that a client sends, in (0, 1]. With '
  'random_mask those that it trains (required); with low_rank the rank, as a '
  "fraction of each matrix's smaller dimension; with fetch_sgd the size of a "
  'sketch, as a fraction of the weights.',
)
DOWNLINK_BITS = flags.DEFINE_enum(
  'downlink_bits',
  'none',
  ['none', *map(str, range(1, 17))],
  'Bits for each weight, or value of a row, that the server sends to the '
  'clients, rotated and quantized (EDEN); none: float32 weights.',
)
DOWNLINK_DELTAS = flags.DEFINE_bool(
  'downlink_deltas',
  False,
  'Send quantized differences to a reference that clients keep between rounds, '
  'instead of the quantized model. If a client of a cohort missed a round, all '
  'of them receive the reference in float32; for clients that take part in '
  'every round.',
)


@dataclasses.dataclass(frozen=True)
class MethodFlags:
  """Flags of a method, and the options that they are turned into.

  Attributes:
    holders: Flags that the method takes in addition to those of all methods.
    make_options: Function from `--seed` to the options of the method's
      process. Raises `ValueError` or `UsageError` for values that do not fit
      together.
    defaults: Defaults of flags that have another one in each method, by flag
      name; for `--help`.
  """

  holders: tuple[flags.FlagHolder, ...] = ()
  make_options: Callable[[int], object] = lambda seed: None
  defaults: Mapping[str, object] = dataclasses.field(default_factory=dict)


def bits() -> dict[str, Any]:
  """Returns `bits` of the flag as a keyword argument, if it is given."""
  if BITS.value is None:
    return {}
  return {'bits': None if BITS.value == 'none' else int(BITS.value)}


def given(**flag_values: Any) -> dict[str, Any]:
  """Returns the values that are not `None`, as keyword arguments."""
  return {n: value for n, value in flag_values.items() if value is not None}


def field_defaults(options_class: type, *names: str) -> dict[str, object]:
  """Returns the defaults of fields of a dataclass, by name."""
  return {
    field.name: field.default
    for field in dataclasses.fields(options_class)
    if field.name in names and field.default is not dataclasses.MISSING
  }
