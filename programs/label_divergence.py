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
r"""Reports the divergence of clients' labels, before and after label hashing.

  python -m programs.label_divergence --task=delicious --data_dir=data \
    --output_dir=/tmp/divergence

After Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", Theorem 2:
the Kullback-Leibler divergence between the label distributions of two clients,
averaged over all ordered pairs, and the divergence between their distributions
over buckets. A client's probability of a label is the label's share of its
positives, with one added to the count of every label: the theorem assumes that
each client has all labels. Prints a table and draws divergence.png. Exit codes:
0, 2 for arguments that cannot be used.
"""

import atexit
import os
from typing import Any

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import stop_signals
from programs.command_line import task_flags
from programs.reports import report_arguments
from tasks import catalog

_NUM_DRAWS = flags.DEFINE_integer(
  'num_draws',
  10,
  'Hash tables drawn for each number of buckets.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_BUCKET_COUNTS = flags.DEFINE_list(
  'bucket_counts',
  None,
  'Numbers of buckets, from 1 to the number of labels, separated by commas. '
  'Default: the powers of two in that range, from 4.',
)
_SECTIONS = {
  'Report': (_NUM_DRAWS, _BUCKET_COUNTS, common_flags.OUTPUT_DIR),
  **report_arguments.TASK_SECTION,
}
# Each example counts once.
_TASK_DEFAULTS: dict[str, Any] = {'epochs': 1}
_DEFAULTS = {
  'Task': report_arguments.TASK_DEFAULTS['Task'] | {'client_epochs': '1'}
}
flags.register_validator(
  'bucket_counts',
  lambda texts: (
    texts is None or bool(texts) and all(map(runner.is_count, texts))
  ),
  'Expected positive integers, separated by commas.',
)


def main() -> int:
  """Prints and draws the report; returns the exit code."""
  runner.check_given(task_flags.TASK, common_flags.OUTPUT_DIR)
  report_arguments.check_task(
    catalog.MULTI_LABEL_TASK_NAMES, 'with many labels'
  )
  task_flags.check_flags(**_TASK_DEFAULTS)
  report_arguments.make_output_dir()
  with stop_signals.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.reports import client_divergence
    from tff_methods import runtime

  atexit.register(runtime.end_workers)
  task = task_flags.build_task(**_TASK_DEFAULTS)
  client_divergence.report(
    task,
    _bucket_counts(task.num_labels),
    num_tables=_NUM_DRAWS.value,
    seed=task_flags.SEED.value,
    figure_path=os.path.join(common_flags.OUTPUT_DIR.value, 'divergence.png'),
  )
  return 0


def _bucket_counts(num_labels: int) -> list[int]:
  if _BUCKET_COUNTS.value is None:
    return [2**i for i in range(2, num_labels.bit_length())]
  counts = list(map(int, _BUCKET_COUNTS.value))
  if max(counts) > num_labels:
    raise runner.UsageError(
      f'Expected --bucket_counts of at most {num_labels}, the number of labels '
      f'of the task, found {max(counts)}; lower it.'
    )
  return counts


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS, defaults=_DEFAULTS)
