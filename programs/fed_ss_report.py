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
r"""Reports on federated sampled softmax (FedSS), as tables and figures.

  python -m programs.fed_ss_report --task=omniglot --data_dir=data \
    --part=gradient_noise --part=privacy --output_dir=/tmp/report

Parts, after Waghmare et al. (2022), "Efficient Image Representation Learning
with Federated Sampled Softmax":

*   gradient_noise (appendix A.3): distance of a cohort's update from that of
    federated averaging with all classes, by the number of negatives.
*   privacy (section 3.3): leakage of a client's classes through the classes it
    requests. The paper says that the server cannot tell the client's own among
    them. That holds for a single request, where each is a positive with
    probability |P|/|S|. Negatives are drawn again in each round and the
    client's classes are not, so the classes that a client requested in each of
    a few rounds are nearly all its own: negatives do not hide them for long
    from a server that can link the requests of a client.
*   confusion (figure 7): confusion of the classes of one client by trained
    models, on the test images, and cosines between their rows. --seed must be
    that of the runs.

Writes one PNG file for each part into --output_dir. Exit codes: 0, 2 for
arguments that cannot be used.
"""

import os

from absl import flags

from programs.command_line import common_flags
from programs.command_line import execution_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.command_line import task_flags
from programs.network import tls_flags
from programs.reports import report_arguments
from programs.runs import saved_weights
from programs.runs import weights_flag
from tasks import catalog

_ALL = 'all'

_PARTS = flags.DEFINE_multi_enum(
  'part',
  None,
  ['gradient_noise', 'privacy', 'confusion'],
  'Part of the report; repeat the flag for several.',
)
_NUM_NEGATIVES = flags.DEFINE_list(
  'num_negatives',
  ['5', '10', '20', '40', '80', '160', '320', '640', 'all'],
  'Numbers of negatives of a client, separated by commas; all: all other '
  'classes.',
)
_NUM_BATCHES = flags.DEFINE_integer(
  'num_batches',
  5,
  'Number of batches of 32 examples, each of another client.',
  lower_bound=2,
  upper_bound=common_flags.MAX_INT,
)
_NUM_SAMPLED_CLASSES = flags.DEFINE_list(
  'num_sampled_classes',
  ['25', '30', '40', '60', '96'],
  'Numbers of classes that a client requests, its own included, separated by '
  'commas.',
)
_RUNS = flags.DEFINE_list(
  'runs',
  None,
  'LABEL=RUN_DIR of each finished run of `programs.train`, separated by '
  'commas.',
)
_CLIENT = flags.DEFINE_string(
  'client',
  None,
  'Id of the client whose classes are confused. Default: the first client.',
)
_FLAGS_OF_PARTS = {
  'gradient_noise': (weights_flag.WEIGHTS, _NUM_NEGATIVES, _NUM_BATCHES),
  'privacy': (_NUM_SAMPLED_CLASSES,),
  'confusion': (_RUNS, _CLIENT),
}
_SECTIONS = {
  'Report': (_PARTS, common_flags.OUTPUT_DIR),
  **{f'--part={part}': holders for part, holders in _FLAGS_OF_PARTS.items()},
  **report_arguments.TASK_SECTION,
  'Runtime': (*common_flags.RUNTIME_FLAGS, *tls_flags.HOLDERS),
}


def _are_counts(texts: list[str], *words: str) -> bool:
  """Returns `True` for at least one positive integer or word, none twice."""
  counts = [
    text if text in words else int(text) if runner.is_count(text) else 0
    for text in texts
  ]
  return bool(counts) and 0 not in counts and len(set(counts)) == len(counts)


flags.register_validator(
  'num_negatives',
  lambda texts: _are_counts(texts, _ALL),
  "Expected different positive integers, or 'all', separated by commas.",
)
flags.register_validator(
  'runs', lambda runs: runs != [], 'Expected LABEL=RUN_DIR, found none.'
)
flags.register_validator(
  'num_sampled_classes',
  _are_counts,
  'Expected different positive integers, separated by commas.',
)


def main() -> int:
  """Prints and draws the parts; returns the exit code."""
  runner.check_given(task_flags.TASK, _PARTS, common_flags.OUTPUT_DIR)
  report_arguments.check_task(
    catalog.ROW_TASK_NAMES, 'whose model has a row for each class'
  )
  task_flags.check_flags()
  _check_flags()
  execution_flags.check_flags()
  weights = (
    saved_weights.load(weights_flag.WEIGHTS.value)
    if weights_flag.WEIGHTS.value
    else None
  )
  runs = saved_weights.load_runs(_RUNS.value or [], task_flags.TASK.value)
  report_arguments.make_output_dir()
  with slow_imports.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.command_line import execution
    from programs.reports import fed_ss_sections

  task = task_flags.build_task()
  plan_section = {
    'gradient_noise': lambda: fed_ss_sections.plan_gradient_noise(
      task,
      weights,
      [None if n == _ALL else int(n) for n in _NUM_NEGATIVES.value],
      _NUM_BATCHES.value,
      task_flags.SEED.value,
    ),
    'privacy': lambda: fed_ss_sections.plan_privacy(
      task, list(map(int, _NUM_SAMPLED_CLASSES.value)), task_flags.SEED.value
    ),
    'confusion': lambda: fed_ss_sections.plan_confusion(
      task, runs, _CLIENT.value
    ),
  }
  # Plans refuse what cannot be done, before the first section takes its time.
  sections = {part: plan_section[part]() for part in _PARTS.value}
  # After all refusals, since it starts a worker and prints a line about it.
  execution.set_context()
  for part, report in sections.items():
    report(os.path.join(common_flags.OUTPUT_DIR.value, f'{part}.png'))
  return 0


def _check_flags() -> None:
  """Raises `UsageError` if the flags do not fit the parts."""
  if 'confusion' in _PARTS.value:
    runner.check_given(_RUNS)
  for part, holders in _FLAGS_OF_PARTS.items():
    for holder in holders:
      if holder.present and part not in _PARTS.value:
        raise runner.UsageError(
          f'Expected no --{holder.name} without --part={part}, found '
          f'--{holder.name}={holder.value}; leave it out or add the part.'
        )


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS, defaults=report_arguments.TASK_DEFAULTS)
