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
r"""Reports what label hashing does to the labels of a task.

  python -m programs.label_report --task=delicious --data_dir=data \
    --output_dir=output/labels

After Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)". Each
section prints a table and draws a PNG file in --output_dir:

- frequencies: figure 2, how often labels occur and how much rare ones
  contribute (frequencies.png, ranks.png).
- estimation: theorem 1, the error of the mean of a label's positives, from its
  own and from those of its bucket (estimation.png).
- positives: lemma 1, positives of buckets (positives.png).
- collisions: lemma 2, labels that share all buckets (collisions.png).
- divergence: theorem 2, the Kullback-Leibler divergence between the label
  distributions of two clients, averaged over all ordered pairs, and the
  divergence between their distributions over buckets. A client's probability of
  a label is the label's share of its positives, with one added to the count of
  every label: the theorem assumes that each client has all labels
  (divergence.png).

An example that is on several clients counts on each of them, except in
frequencies. Exit codes: 0, 2 for arguments that cannot be used.
"""

from typing import Any

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.command_line import task_flags
from programs.reports import report_arguments
from tasks import catalog

_SECTION_NAMES = (
  'frequencies',
  'estimation',
  'positives',
  'collisions',
  'divergence',
)
_SHOWN = flags.DEFINE_multi_enum(
  'section',
  list(_SECTION_NAMES),
  list(_SECTION_NAMES),
  'Section of the report; repeat the flag for several. Default: all.',
)
_NUM_DRAWS = flags.DEFINE_integer(
  'num_draws',
  10,
  'Hash tables drawn for each number of buckets; ten times as many for '
  'collisions.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_BUCKETS = flags.DEFINE_integer(
  'buckets',
  None,
  'Buckets for estimation and positives. Default: a 32nd of the labels, but '
  'two at least.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_BUCKET_COUNTS = flags.DEFINE_list(
  'bucket_counts',
  None,
  'Numbers of buckets for divergence, from 1 to the number of labels, '
  'separated by commas. Default: the powers of two in that range, from 4.',
)
_SECTIONS = {
  'Report': (
    _SHOWN,
    _NUM_DRAWS,
    _BUCKETS,
    _BUCKET_COUNTS,
    common_flags.OUTPUT_DIR,
  ),
  **report_arguments.TASK_SECTION,
}
_LABELS_PER_BUCKET = 32  # As many as with AmazonTitles-131K in the paper.
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
  with slow_imports.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.reports import label_sections

  task = task_flags.build_task(**_TASK_DEFAULTS)
  sections = label_sections.LabelSections(
    task,
    num_buckets=_num_buckets(task.num_labels),
    bucket_counts=_bucket_counts(task.num_labels),
    num_draws=_NUM_DRAWS.value,
    seed=task_flags.SEED.value,
    output_dir=common_flags.OUTPUT_DIR.value,
  )
  for section in _SHOWN.value:
    getattr(sections, section)()
  return 0


def _num_buckets(num_labels: int) -> int:
  if _BUCKETS.value is None:
    return max(min(2, num_labels), num_labels // _LABELS_PER_BUCKET)
  _check_count(_BUCKETS.name, _BUCKETS.value, num_labels)
  return _BUCKETS.value


def _bucket_counts(num_labels: int) -> list[int]:
  if _BUCKET_COUNTS.value is None:
    return [2**i for i in range(2, num_labels.bit_length())]
  counts = list(map(int, _BUCKET_COUNTS.value))
  _check_count(_BUCKET_COUNTS.name, max(counts), num_labels)
  return counts


def _check_count(name: str, count: int, num_labels: int) -> None:
  if count > num_labels:
    raise runner.UsageError(
      f'Expected --{name} of at most {num_labels}, the number of labels of the '
      f'task, found {count}; lower it.'
    )


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS, defaults=_DEFAULTS)
