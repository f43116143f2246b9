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
"""Measures what the documentation claims, ours beside TFF's own, in one run.

  python -m programs.bench

Candidates take turns, and each time is a median, so that what else runs on the
machine touches all of them alike. Times of different machines do not compare;
their ratios do.
"""

import os

from absl import flags
from absl import logging
import rich.progress

from programs.benchmarks import bench_client_states
from programs.benchmarks import bench_cross_entropy
from programs.benchmarks import bench_encoders
from programs.benchmarks import bench_expansion
from programs.benchmarks import bench_index
from programs.benchmarks import bench_label_hashing
from programs.benchmarks import bench_lsh_select
from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_runtime
from programs.benchmarks import bench_select
from programs.command_line import runner
from programs.reports import tables

flags.adopt_module_key_flags(bench_index)

_PARTS_BY_NAME = {
  'encoders': bench_encoders.measure_round_trips,
  'errors': bench_encoders.measure_errors,
  'sparse': bench_encoders.measure_sparse_round_trips,
  'expansion': bench_expansion.measure,
  'rounds': bench_rounds.measure,
  'runtime': bench_runtime.measure,
  'client_states': bench_client_states.measure,
  'select': bench_select.measure,
  'cross_entropy': bench_cross_entropy.measure,
  'index': bench_index.measure,
  'lsh_select': bench_lsh_select.measure,
  'label_hashing': bench_label_hashing.measure,
}
_REPEATS = flags.DEFINE_integer(
  'repeats', 11, 'How often everything is timed.', lower_bound=1
)
_PARTS = flags.DEFINE_multi_enum(
  'part',
  list(_PARTS_BY_NAME),
  list(_PARTS_BY_NAME),
  'What to measure; give it more than once for more parts.',
)
_HEADER = ['measured', 'candidate', 'value', 'beside it']


def main() -> int:
  """Measures, and prints one table."""
  logging.set_verbosity(logging.ERROR)  # TensorFlow's encoders warn each time.
  rows = []
  for part in rich.progress.track(_PARTS.value, 'Measuring'):
    rows.extend(_PARTS_BY_NAME[part](_REPEATS.value))
  tables.print_table(_HEADER, rows)
  print(f'{os.cpu_count()} cores; medians of {_REPEATS.value}; no GPU used.')
  return 0


if __name__ == '__main__':
  runner.run(main)
