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
"""The methods that train a few rows of the output layer, and their flags."""

from absl import flags

from programs.command_line import runner
from programs.methods import base
import tasks
from tff_methods import algorithms
from tff_methods import retrieval
from tff_methods import templates

_VARIANT = flags.DEFINE_enum(
  'variant',
  'fed_ss',
  list(algorithms.FED_SS_VARIANTS),
  'Which classes push in the loss of a client (fed_ss).',
)
_NUM_SAMPLED_CLASSES = flags.DEFINE_integer(
  'num_sampled_classes',
  None,
  'The rows of the output layer that each client gets and sends (fed_ss): its '
  'own classes, and random others.',
  lower_bound=1,
)
_RETRIEVAL_MODE = flags.DEFINE_enum(
  'retrieval_mode',
  'broadcast',
  list(templates.RETRIEVAL_MODES),
  'How rows reach a client in the simulation (fed_ss, lsh_select), which '
  'changes its time only: bytes are those of select in any case.',
)
_SPREADOUT_RATE = flags.DEFINE_float(
  'spreadout_rate',
  None,
  'How far the server pushes rows apart in a round (fed_ss with '
  '--variant=fed_aws); by default 0.01.',
  lower_bound=0.0,
)
_SPREADOUT_MARGIN = flags.DEFINE_float(
  'spreadout_margin',
  None,
  'At what distance of their directions rows are left alone (fed_ss with '
  '--variant=fed_aws): above 0 and at most 2, by default 1.',
)
_INDEX = flags.DEFINE_enum(
  'index',
  'simhash',
  ['simhash', 'product_quantization', 'random', 'exact'],
  'How clients find rows that are near their data (lsh_select).',
)
_ROW_BUDGET = flags.DEFINE_float(
  'row_budget',
  0.3,
  'The fraction of the rows that a client trains (lsh_select): those of its '
  'data, of the index, and others at random. Above 0, at most 1.',
)
_OWN_BUDGET = flags.DEFINE_float(
  'own_budget',
  None,
  'The fraction of all rows that a client gets to embed its data with, where '
  'rows embed the input (lsh_select); a part of --row_budget, by default half.',
)
_RETRIEVED_BUDGET = flags.DEFINE_float(
  'retrieved_budget',
  None,
  'The fraction of the rows that a client gets, of which it trains those of '
  'the largest activations (lsh_select); by default --row_budget.',
)
_CORRECTS_LOSS = flags.DEFINE_bool(
  'corrects_loss',
  False,
  'Whether random rows stand for those that a client does not have, in the '
  'loss (lsh_select).',
)
_ROUNDS_PER_BUILD = flags.DEFINE_integer(
  'rounds_per_build',
  1,
  'For how many rounds an index is used (lsh_select).',
  lower_bound=1,
)
HASH_BITS = flags.DEFINE_integer(
  'hash_bits', None, 'Of a code, K (simhash); by default 8.', lower_bound=1
)
HASH_TRANSFORM = flags.DEFINE_enum(
  'hash_transform',
  None,
  list(retrieval.TRANSFORMS),
  'How angles come to tell inner products (simhash).',
)
_SIMHASH_OPTIONS = {
  'num_bits': HASH_BITS,
  'num_tables': flags.DEFINE_integer(
    'hash_tables',
    None,
    'Hash tables, L (simhash); by default 8.',
    lower_bound=1,
  ),
  'transform': HASH_TRANSFORM,
  'num_queries': flags.DEFINE_integer(
    'hash_queries',
    None,
    'Buckets that a client looks up (simhash).',
    lower_bound=1,
  ),
  'bucket_capacity': flags.DEFINE_integer(
    'bucket_capacity',
    None,
    'The most rows that a client gets of a bucket (simhash).',
    lower_bound=1,
  ),
}
_NUM_PARTS = flags.DEFINE_integer(
  'num_parts',
  None,
  'Bytes for each row (product_quantization); by default 8.',
  lower_bound=1,
)


def _check_fed_ss() -> None:
  algorithms.check_fed_ss(_VARIANT.value, _NUM_SAMPLED_CLASSES.value)
  is_full = _VARIANT.value == 'full_softmax'
  for flag, is_taken in (
    (_SPREADOUT_RATE, _VARIANT.value == 'fed_aws'),
    (_SPREADOUT_MARGIN, _VARIANT.value == 'fed_aws'),
    (_RETRIEVAL_MODE, not is_full),
    (base.SEED_SOURCE, not is_full),
  ):
    if not is_taken:
      runner.refuse_given(flag, _VARIANT)


def _check_row_task(task, name: str) -> None:
  if not isinstance(task, tasks.RowTask):
    raise runner.UsageError(
      'Expected a task whose model has a row for each class with '
      f'--method={name}, found another; docs/tasks.md tells which have.'
    )


def _check_fed_ss_task(task) -> None:
  _check_row_task(task, 'fed_ss')
  num_classes = task.row_model.num_classes
  if (_NUM_SAMPLED_CLASSES.value or 0) > num_classes:
    raise runner.UsageError(
      f'Expected --num_sampled_classes of at most {num_classes}, the classes '
      f'of the task, found {_NUM_SAMPLED_CLASSES.value}; lower it.'
    )


def _build_fed_ss(task, client_optimizer, server_optimizer, seed):
  return algorithms.build_fed_ss(
    task.row_model,
    client_optimizer,
    server_optimizer,
    num_sampled_classes=_NUM_SAMPLED_CLASSES.value,
    variant=_VARIANT.value,
    retrieval_mode=_RETRIEVAL_MODE.value,
    spreadout_rate=_SPREADOUT_RATE.value,
    spreadout_margin=_SPREADOUT_MARGIN.value,
    seed_source=base.SEED_SOURCE.value,
    base_seed=seed,
  )


def _build_index() -> retrieval.RowIndex:
  options = base.given(
    **{name: flag.value for name, flag in _SIMHASH_OPTIONS.items()}
  )
  if _INDEX.value == 'simhash':
    return retrieval.SimHash(**options)
  if _INDEX.value == 'product_quantization':
    return retrieval.ProductQuantization(
      **base.given(num_parts=_NUM_PARTS.value)
    )
  if _INDEX.value == 'random':
    return retrieval.RandomRows()
  return retrieval.ExactRows()


def _check_lsh_select() -> None:
  algorithms.check_lsh_select(
    _ROW_BUDGET.value, _OWN_BUDGET.value, _RETRIEVED_BUDGET.value
  )
  for index, index_flags in (
    ('simhash', _SIMHASH_OPTIONS.values()),
    ('product_quantization', [_NUM_PARTS]),
  ):
    if _INDEX.value != index:
      for flag in index_flags:
        runner.refuse_given(flag, _INDEX)
  _build_index()


def _check_lsh_select_task(task) -> None:
  _check_row_task(task, 'lsh_select')
  if _OWN_BUDGET.value and not task.row_model.rows_embed_input:
    raise runner.UsageError(
      'Expected no --own_budget with a task whose rows do not embed the input, '
      f'found {_OWN_BUDGET.value}; leave it out.'
    )


def _build_lsh_select(task, client_optimizer, server_optimizer, seed):
  return algorithms.build_lsh_select_fed_avg(
    task.row_model,
    client_optimizer,
    server_optimizer,
    index=_build_index(),
    row_budget=_ROW_BUDGET.value,
    own_budget=_OWN_BUDGET.value,
    retrieved_budget=_RETRIEVED_BUDGET.value,
    corrects_loss=_CORRECTS_LOSS.value,
    rounds_per_build=_ROUNDS_PER_BUILD.value,
    retrieval_mode=_RETRIEVAL_MODE.value,
    seed_source=base.SEED_SOURCE.value,
    base_seed=seed,
  )


METHODS = {
  'fed_ss': base.Method(
    _build_fed_ss,
    (
      _VARIANT,
      _NUM_SAMPLED_CLASSES,
      _RETRIEVAL_MODE,
      _SPREADOUT_RATE,
      _SPREADOUT_MARGIN,
      base.SEED_SOURCE,
    ),
    _check_fed_ss,
    _check_fed_ss_task,
  ),
  'lsh_select': base.Method(
    _build_lsh_select,
    (
      _INDEX,
      _ROW_BUDGET,
      _OWN_BUDGET,
      _RETRIEVED_BUDGET,
      _CORRECTS_LOSS,
      _ROUNDS_PER_BUILD,
      *_SIMHASH_OPTIONS.values(),
      _NUM_PARTS,
      _RETRIEVAL_MODE,
      base.SEED_SOURCE,
    ),
    _check_lsh_select,
    _check_lsh_select_task,
  ),
}
