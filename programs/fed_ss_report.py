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
r"""Reports on federated sampled softmax: tables, and pictures of them.

  python -m programs.fed_ss_report --task=omniglot --data_dir=data \
    --part=gradient_noise --part=privacy --output_dir=/tmp/report

Parts, after Waghmare et al. (2022), "Efficient Image Representation Learning
with Federated Sampled Softmax":

*   gradient_noise (appendix A.3): how far the update of a cohort is from that
    of federated averaging with all classes, by the number of negatives.
*   privacy (section 3.3): what the server learns from the classes that a client
    asks for. The paper says that it cannot tell which of them are the client's
    own. So it is for one request only, and there with a probability of |P|/|S|
    for each. Negatives are drawn anew in each round and the client's classes
    are not, so the classes that a client asked for in each of a few rounds are
    nearly all its own: negatives hide nothing for long from a server that can
    tell whose requests are whose.
*   confusion (figure 7): among the classes of one client, how models confuse
    them on the test images, and how alike their rows are. --seed is the runs'.

Exit codes: 0, 2 if what is asked for cannot be done.
"""

import atexit
import os

from absl import flags

from programs.command_line import common_flags
from programs.command_line import execution
from programs.command_line import runner
from programs.command_line import task_flags
from programs.network import tls_flags
from programs.reports import fed_ss_sections
from programs.reports import report_arguments
from programs.runs import saved_weights
import tasks
from tff_methods import runtime

_ALL = 'all'

_PARTS = flags.DEFINE_multi_enum(
  'part',
  None,
  ['gradient_noise', 'privacy', 'confusion'],
  'What to report on; give it more than once for more parts.',
)
_WEIGHTS = flags.DEFINE_string(
  'weights',
  None,
  'The model_weights.npz of a run, for gradient_noise; by default the initial '
  'weights.',
)
_NUM_NEGATIVES = flags.DEFINE_list(
  'num_negatives',
  ['5', '10', '20', '40', '80', '160', '320', '640', 'all'],
  'The negatives of a client, for gradient_noise.',
)
_NUM_BATCHES = flags.DEFINE_integer(
  'num_batches',
  5,
  'How many batches, each of another client, for gradient_noise.',
  lower_bound=2,
)
_NUM_SAMPLED_CLASSES = flags.DEFINE_list(
  'num_sampled_classes',
  ['25', '30', '40', '60', '96'],
  'The classes that a client asks for, its own among them, for privacy.',
)
_RUNS = flags.DEFINE_list(
  'runs',
  None,
  'LABEL=RUN_DIR of each finished run of `programs.train`, for confusion.',
)
_CLIENT = flags.DEFINE_string(
  'client', None, 'Whose classes, for confusion; by default the first one.'
)
flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(task_flags)
flags.adopt_module_key_flags(tls_flags)
_FLAGS_OF_PARTS = {
  'gradient_noise': (_WEIGHTS, _NUM_NEGATIVES, _NUM_BATCHES),
  'privacy': (_NUM_SAMPLED_CLASSES,),
  'confusion': (_RUNS, _CLIENT),
}


def _are_counts(texts: list[str], *words: str) -> bool:
  """Whether these are different positive integers or words, at least one."""
  counts = [
    text if text in words else int(text) if text.isdecimal() else 0
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
  """Reports as the flags say; returns the exit code."""
  runner.check_given(task_flags.TASK, _PARTS, common_flags.OUTPUT_DIR)
  _check_flags()
  weights = saved_weights.load(_WEIGHTS.value) if _WEIGHTS.value else None
  runs = saved_weights.load_runs(_RUNS.value or [], task_flags.TASK.value)
  report_arguments.make_output_dir()
  task = task_flags.build_task(
    tasks.RowTask, 'whose model has a row for each class', 'omniglot'
  )
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
  # All plans before the first section, which takes its time.
  sections = {part: plan_section[part]() for part in _PARTS.value}
  # After what may be refused, since it says what it is.
  runtime.set_local_context()
  # After what may be refused, since it says what it is.
  execution.set_context()
  for part, report in sections.items():
    report(os.path.join(common_flags.OUTPUT_DIR.value, f'{part}.png'))
  return 0


def _check_flags() -> None:
  """Raises `UsageError` for flags that do not go together."""
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
  # Also where the flags are refused: what TFF's import made prints errors else.
  atexit.register(runtime.end_workers)
  runner.run(main)
