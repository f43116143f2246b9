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
"""Flags of the methods that train a part of the output layer's rows."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.methods import base
from tff_methods import options as options_lib

INDEXES = ('simhash', 'product_quantization', 'ivf_pq', 'random', 'exact')
_MAX_HASH_BITS = 16
_MAX_LISTS = 256

_VARIANT = flags.DEFINE_enum(
  'variant',
  'fed_ss',
  list(options_lib.FED_SS_VARIANTS),
  "Classes that enter the client's softmax.",
)
_NUM_SAMPLED_CLASSES = flags.DEFINE_integer(
  'num_sampled_classes',
  None,
  'Rows of the output layer that each client receives and sends: its own '
  'classes and sampled negatives. Required, but with --variant=full_softmax.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_NUM_INPUT_ROWS = flags.DEFINE_integer(
  'num_input_rows',
  None,
  'Rows of each input table that a client receives and sends: the ids of its '
  'data, and padding. Required where the model has input tables, but with '
  '--variant=full_softmax.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_RETRIEVAL_MODE = flags.DEFINE_enum(
  'retrieval_mode',
  'broadcast',
  list(options_lib.RETRIEVAL_MODES),
  'Retrieval of rows in the simulation. Changes the running time only: counted '
  'bytes are those of select in both.',
)
_LAZY_ROWS = flags.DEFINE_bool(
  'lazy_rows',
  False,
  'Step only the rows whose mean update is not zero in the server optimizer, '
  'instead of moving the others by their momentum, too.',
)
_SPREADOUT_RATE = flags.DEFINE_float(
  'spreadout_rate',
  None,
  "Step size of the server's spreadout of rows, with --variant=fed_aws. "
  'Default: 0.01.',
  lower_bound=0.0,
)
_SPREADOUT_MARGIN = flags.DEFINE_float(
  'spreadout_margin',
  None,
  'Distance between the directions of two rows beyond which they do not repel '
  'each other, in (0, 2], with --variant=fed_aws. Default: 1.',
)
_INDEX = flags.DEFINE_enum(
  'index', 'simhash', INDEXES, 'Index in which clients search for rows.'
)
_ROW_BUDGET = flags.DEFINE_float(
  'row_budget',
  0.3,
  'Rows that a client trains, as a fraction of all rows, in (0, 1]: those of '
  'its data, those found in the index, and random ones to fill up.',
)
_OWN_BUDGET = flags.DEFINE_float(
  'own_budget',
  None,
  'Part of --row_budget that a client receives to embed its data, as a '
  'fraction of all rows, where rows embed the input. Default: half of '
  '--row_budget.',
)
_RETRIEVED_BUDGET = flags.DEFINE_float(
  'retrieved_budget',
  None,
  'Rows that a client receives, as a fraction of all rows; of these it trains '
  'those of largest activation. Default: --row_budget.',
)
_CORRECTS_LOSS = flags.DEFINE_bool(
  'corrects_loss',
  False,
  'Weight random rows in the loss for the rows that a client lacks.',
)
_ROUNDS_PER_BUILD = flags.DEFINE_integer(
  'rounds_per_build',
  1,
  'Rounds between two builds of the index.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
HASH_BITS = flags.DEFINE_integer(
  'hash_bits',
  None,
  'Bits of a hash code, K, with --index=simhash. Default: 8.',
  lower_bound=1,
  upper_bound=_MAX_HASH_BITS,
)
HASH_TRANSFORM = flags.DEFINE_enum(
  'hash_transform',
  None,
  list(options_lib.TRANSFORMS),
  'Reduction of maximum inner product search to angular search, with '
  '--index=simhash. Default: extra_coordinate.',
)
_SIMHASH_FLAGS = {
  'num_bits': HASH_BITS,
  'num_tables': flags.DEFINE_integer(
    'hash_tables',
    None,
    'Hash tables, L, with --index=simhash. Default: 8.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'transform': HASH_TRANSFORM,
  'num_queries': flags.DEFINE_integer(
    'hash_queries',
    None,
    'Buckets that a client looks up, with --index=simhash.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'bucket_capacity': flags.DEFINE_integer(
    'bucket_capacity',
    None,
    'Largest number of rows in a bucket, with --index=simhash.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
}
_PRODUCT_QUANTIZATION_FLAGS = {
  'num_parts': flags.DEFINE_integer(
    'num_parts',
    None,
    'Bytes of the code of a row, with --index=product_quantization or ivf_pq. '
    'Default: 8.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  )
}
_IVF_PQ_FLAGS = {
  'num_lists': flags.DEFINE_integer(
    'num_lists',
    None,
    'Lists of rows, one for each coarse centroid, with --index=ivf_pq. '
    'Default: 256.',
    lower_bound=1,
    upper_bound=_MAX_LISTS,
  ),
  'num_queries': flags.DEFINE_integer(
    'list_queries',
    None,
    'Lists that a client looks up, with --index=ivf_pq. Default: a quarter.',
    lower_bound=1,
    upper_bound=_MAX_LISTS,
  ),
  'list_capacity': flags.DEFINE_integer(
    'list_capacity',
    None,
    'Largest number of rows in a list, with --index=ivf_pq. Default: twice the '
    'mean.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
}
_INDEX_FLAGS = {
  'simhash': _SIMHASH_FLAGS,
  'product_quantization': _PRODUCT_QUANTIZATION_FLAGS,
  'ivf_pq': {**_PRODUCT_QUANTIZATION_FLAGS, **_IVF_PQ_FLAGS},
}


@dataclasses.dataclass(frozen=True)
class IndexChoice:
  """Index in which clients search for rows.

  Attributes:
    name: One of `INDEXES`.
    arguments: Keyword arguments of its constructor.
  """

  name: str = 'simhash'
  arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class FedSsChoice:
  """Options of `algorithms.build_fed_ss`, and of what clients send.

  Attributes:
    options: Options of the method.
    sketch: Sketch of body and rows; `None` for float32.
  """

  options: options_lib.FedSsOptions
  sketch: options_lib.SketchOptions | None = None


@dataclasses.dataclass(frozen=True)
class LshSelectChoice:
  """Options and index of `algorithms.build_lsh_select_fed_avg`.

  Attributes:
    options: Options of the method.
    index: Index in which clients search.
    sketch: Sketch of body and rows; `None` for float32.
  """

  options: options_lib.LshSelectOptions
  index: IndexChoice
  sketch: options_lib.SketchOptions | None = None


def _sketch(seed: int) -> options_lib.SketchOptions | None:
  """Returns the sketch of body and rows, if the flags ask for one."""
  given = {**base.bits(), **base.given(fraction=base.FRACTION.value)}
  if not given:
    return None
  arguments: dict[str, Any] = {'bits': None, **given}
  return options_lib.SketchOptions(
    **arguments,
    seed_source=base.SEED_SOURCE.value,
    base_seed=seed,
  )


def _fed_ss_options(seed: int) -> FedSsChoice:
  is_full = _VARIANT.value == 'full_softmax'
  is_spread_out = _VARIANT.value == 'fed_aws'
  for flag, is_taken in (
    (_SPREADOUT_RATE, is_spread_out),
    (_SPREADOUT_MARGIN, is_spread_out),
    (_RETRIEVAL_MODE, not is_full),
    (_LAZY_ROWS, not is_full),
    (base.SEED_SOURCE, not is_full),
  ):
    if not is_taken:
      runner.refuse_given(flag, _VARIANT)
  options = options_lib.FedSsOptions(
    num_sampled_classes=_NUM_SAMPLED_CLASSES.value,
    num_input_rows=_NUM_INPUT_ROWS.value,
    variant=_VARIANT.value,
    retrieval_mode=_RETRIEVAL_MODE.value,
    lazy_rows=_LAZY_ROWS.value,
    spreadout_rate=_SPREADOUT_RATE.value,
    spreadout_margin=_SPREADOUT_MARGIN.value,
    seed_source=base.SEED_SOURCE.value,
    base_seed=seed,
  )
  return FedSsChoice(options, _sketch(seed))


def _lsh_select_options(seed: int) -> LshSelectChoice:
  options = options_lib.LshSelectOptions(
    row_budget=_ROW_BUDGET.value,
    own_budget=_OWN_BUDGET.value,
    retrieved_budget=_RETRIEVED_BUDGET.value,
    corrects_loss=_CORRECTS_LOSS.value,
    rounds_per_build=_ROUNDS_PER_BUILD.value,
    retrieval_mode=_RETRIEVAL_MODE.value,
    lazy_rows=_LAZY_ROWS.value,
    seed_source=base.SEED_SOURCE.value,
    base_seed=seed,
  )
  return LshSelectChoice(options, _index_choice(), _sketch(seed))


def _index_choice() -> IndexChoice:
  taken = _INDEX_FLAGS.get(_INDEX.value, {})
  for index_flags in _INDEX_FLAGS.values():
    for name, flag in index_flags.items():
      if name not in taken or taken[name] is not flag:
        runner.refuse_given(flag, _INDEX)
  arguments = base.given(**{name: flag.value for name, flag in taken.items()})
  return IndexChoice(_INDEX.value, arguments)


METHOD_FLAGS = {
  'fed_ss': base.MethodFlags(
    (
      _VARIANT,
      _NUM_SAMPLED_CLASSES,
      _NUM_INPUT_ROWS,
      _RETRIEVAL_MODE,
      _LAZY_ROWS,
      _SPREADOUT_RATE,
      _SPREADOUT_MARGIN,
      base.BITS,
      base.FRACTION,
      base.SEED_SOURCE,
      base.DOWNLINK_BITS,
    ),
    _fed_ss_options,
  ),
  'lsh_select': base.MethodFlags(
    (
      _INDEX,
      _ROW_BUDGET,
      _OWN_BUDGET,
      _RETRIEVED_BUDGET,
      _CORRECTS_LOSS,
      _ROUNDS_PER_BUILD,
      *_SIMHASH_FLAGS.values(),
      *_PRODUCT_QUANTIZATION_FLAGS.values(),
      *_IVF_PQ_FLAGS.values(),
      _RETRIEVAL_MODE,
      _LAZY_ROWS,
      base.BITS,
      base.FRACTION,
      base.SEED_SOURCE,
      base.DOWNLINK_BITS,
    ),
    _lsh_select_options,
  ),
}
