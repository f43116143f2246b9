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
"""Measures the figures of the documentation, beside TFF's implementations.

  python -m programs.bench

Candidates take turns and each time is a median, so that other load on the
machine affects all of them alike. Times of different machines are not
comparable; ratios are. Exit codes: 0, 2 for a bad command line.
"""

from collections.abc import Iterable
import os

from absl import flags
from absl import logging
import numpy as np

from programs.benchmarks import scale_sizes
from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.reports import progress
from programs.reports import tables
from programs.runs import saved_weights

# The keys of `programs.benchmarks.registry.measures`, which takes seconds to
# import.
_PART_NAMES = (
  'encoders',
  'errors',
  'common_rotation',
  'sparse',
  'expansion',
  'rounds',
  'method_rounds',
  'vectorized_step',
  'downlink',
  'runtime',
  'scale',
  'workers',
  'private_sums',
  'start',
  'client_states',
  'select',
  'cross_entropy',
  'index',
  'lsh_select',
  'row_client',
  'bag_client',
  'label_hashing',
  'label_rounds',
  'xc_files',
)
_REPEATS = flags.DEFINE_integer(
  'repeats',
  11,
  'Timed runs of each candidate, of which the median is shown.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_PARTS = flags.DEFINE_multi_enum(
  'part',
  list(_PART_NAMES),
  list(_PART_NAMES),
  'Benchmark to run; repeat the flag for several. Default: all.',
)
_INDEX_WEIGHTS = flags.DEFINE_string(
  'index_weights',
  None,
  'Path of the model_weights.npz of a run, for --part=index: its last '
  'trainable tensor has the rows to search. Default: synthetic rows.',
)
_SIZES = scale_sizes.Sizes()
_SCALE_FLAGS = {
  name: flags.DEFINE_list(
    f'scale_{name}', [str(size) for size in getattr(_SIZES, name)], text
  )
  for name, text in (
    ('cohorts', 'Clients of a round, for --part=scale.'),
    ('registered', 'Clients to sample from, for --part=scale.'),
    ('weights', 'Approximate weights of models, for --part=scale.'),
    ('rows', 'Rows of row models, for --part=scale.'),
  )
}
_ROWS_OF_CLIENT = flags.DEFINE_list(
  'rows_of_client',
  ['10000', '80000'],
  'Rows of the models, for --part=row_client.',
)
_HEADER = ['measured', 'candidate', 'value', 'comparison']


def main() -> int:
  """Runs the benchmarks and prints one table of them.

  Returns:
    The exit code.

  Raises:
    UsageError: If --index_weights has no rows to search, or sizes are no
      positive integers, or have cohorts that are larger than the registered
      clients.
  """
  sizes = _scale_sizes()
  rows_of_client = _rows_of_client()
  searched_rows = _searched_rows()
  with slow_imports.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.benchmarks import registry

  # TensorFlow's encoders log a warning at each use.
  logging.set_verbosity(logging.ERROR)
  measures = registry.measures(searched_rows, sizes, rows_of_client)
  rows = []
  for part in progress.track(_PARTS.value, 'Measuring'):
    rows.extend(measures[part](_REPEATS.value))
  tables.print_table(_HEADER, _without_repetitions(rows))
  num_cores = len(os.sched_getaffinity(0))
  print(f'{num_cores} cores; medians of {_REPEATS.value}; no GPU used.')
  return 0


def _without_repetitions(rows: list[list[str]]) -> list[list[str]]:
  """Returns rows that say what was measured in the first of each group."""
  before = ['', *(measured for measured, *_ in rows)]
  return [
    ['' if measured == last else measured, *cells]
    for last, (measured, *cells) in zip(before, rows, strict=False)
  ]


def _searched_rows() -> np.ndarray | None:
  """Returns the rows in --index_weights; `None` without the flag."""
  if _INDEX_WEIGHTS.value is None:
    return None
  trainable = saved_weights.load(_INDEX_WEIGHTS.value).trainable
  if not trainable or trainable[-1].ndim != 2:
    raise runner.UsageError(
      'Expected weights that end in rows in --index_weights, found others in '
      f'{_INDEX_WEIGHTS.value}; give those of a run with a row model.'
    )
  return trainable[-1]


def _scale_sizes() -> scale_sizes.Sizes:
  """Returns the sizes of --part=scale."""
  _check_part('scale', _SCALE_FLAGS.values())
  sizes = scale_sizes.Sizes(
    **{name: _positive_ints(flag) for name, flag in _SCALE_FLAGS.items()}
  )
  if max(sizes.cohorts) > min(sizes.registered):
    raise runner.UsageError(
      'Expected --scale_cohorts of at most --scale_registered, found '
      f'{max(sizes.cohorts)} of {min(sizes.registered)}: lower them.'
    )
  return sizes


def _rows_of_client() -> list[int]:
  """Returns the sizes of --part=row_client."""
  _check_part('row_client', [_ROWS_OF_CLIENT])
  return _positive_ints(_ROWS_OF_CLIENT)


def _check_part(part: str, holders: Iterable[flags.FlagHolder]) -> None:
  """Raises `UsageError` for flags of a part that does not run."""
  given = [flag for flag in holders if flag.present]
  if given and part not in _PARTS.value:
    raise runner.UsageError(
      f'Expected --part={part} with --{given[0].name}, found '
      f'{", ".join(_PARTS.value)}: add it, or leave the flag out.'
    )


def _positive_ints(flag: flags.FlagHolder) -> list[int]:
  """Returns the numbers of a flag that is a list."""
  if not flag.value or not all(
    text.isdecimal() and 0 < int(text) <= common_flags.MAX_INT
    for text in flag.value
  ):
    raise runner.UsageError(
      f'Expected positive integers in --{flag.name}, separated by commas, '
      f'found {",".join(flag.value)!r}: correct it.'
    )
  return [int(text) for text in flag.value]


if __name__ == '__main__':
  runner.run(main)
