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
"""Flags of the methods that hash labels."""

import dataclasses

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.methods import base
from tff_methods import options as options_lib

_NUM_TABLES = flags.DEFINE_integer(
  'num_tables',
  4,
  'Hash tables of labels, each with its own network.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_NUM_BUCKETS = flags.DEFINE_integer(
  'num_buckets',
  None,
  'Buckets of each hash table of labels. Required.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_DECODING = flags.DEFINE_enum(
  'decoding',
  'mean',
  list(options_lib.DECODINGS),
  'Score of a label: mean or median of the log-probabilities of its buckets '
  'over the hash tables, mean of their logits, or median of signed '
  'probabilities (count_sketch, for an even number of buckets).',
)
_COMPARED_DECODINGS = flags.DEFINE_list(
  'compared_decodings',
  [],
  'Other decodings, A,B,..., whose precisions evaluations of the same model '
  'report, too, as median_precision_at_5.',
)


def _check_decodings(names: list[str]) -> bool:
  for name in names:
    if name not in options_lib.DECODINGS:
      raise flags.ValidationError(
        f'Expected names of {", ".join(options_lib.DECODINGS)}, found '
        f'{name!r}; correct it.'
      )
  return True


flags.register_validator(_COMPARED_DECODINGS.name, _check_decodings)
_NUM_MODELS = flags.DEFINE_integer(
  'num_models',
  4,
  'Models of the ensemble, each with its own initial weights.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)


@dataclasses.dataclass(frozen=True)
class LabelHashChoice:
  """Hash tables of labels, and the decoding of their buckets.

  Attributes:
    num_tables: Number of hash tables.
    num_buckets: Number of buckets of each table; `None` for one for each label,
      so that each table is a model of all labels.
    decoding: One of `tff_methods.options.DECODINGS`.
    seed: Seed of hash functions and initial weights.
    compared_decodings: Other decodings, whose precisions are reported, too.
  """

  num_tables: int
  num_buckets: int | None
  decoding: str
  seed: int
  compared_decodings: tuple[str, ...] = ()

  @property
  def decodings(self) -> tuple[str, ...]:
    """All decodings, each once, that of the model first."""
    return tuple(dict.fromkeys((self.decoding, *self.compared_decodings)))


def _fed_mlh_options(seed: int) -> LabelHashChoice:
  runner.check_given(_NUM_BUCKETS)
  choice = _choice(_NUM_TABLES.value, _NUM_BUCKETS.value, seed)
  if 'count_sketch' in choice.decodings and _NUM_BUCKETS.value % 2:
    raise runner.UsageError(
      'Expected an even --num_buckets with the decoding count_sketch, found '
      f'{_NUM_BUCKETS.value}; add or leave out one.'
    )
  return choice


def _fed_avg_ensemble_options(seed: int) -> LabelHashChoice:
  choice = _choice(_NUM_MODELS.value, None, seed)
  if 'count_sketch' in choice.decodings:
    raise runner.UsageError(
      'Expected another decoding than count_sketch with this --method, whose '
      'labels share no buckets; choose mean, median or mean_logits.'
    )
  return choice


def _choice(
  num_tables: int, num_buckets: int | None, seed: int
) -> LabelHashChoice:
  return LabelHashChoice(
    num_tables,
    num_buckets,
    _DECODING.value,
    seed,
    tuple(_COMPARED_DECODINGS.value),
  )


METHOD_FLAGS = {
  'fed_mlh': base.MethodFlags(
    (
      _NUM_TABLES,
      _NUM_BUCKETS,
      _DECODING,
      _COMPARED_DECODINGS,
      base.DOWNLINK_BITS,
    ),
    _fed_mlh_options,
  ),
  'fed_avg_ensemble': base.MethodFlags(
    (_NUM_MODELS, _DECODING, _COMPARED_DECODINGS, base.DOWNLINK_BITS),
    _fed_avg_ensemble_options,
  ),
}
