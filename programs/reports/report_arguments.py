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
"""Task and output directory of programs that report; no TensorFlow import."""

from collections.abc import Sequence
import os

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import task_flags

# The flags of the task in `--help`, and defaults of those without one.
TASK_SECTION = {
  'Task': (
    task_flags.TASK,
    common_flags.DATA_DIR,
    common_flags.CACHE_DIR,
    task_flags.SEED,
    *task_flags.OPTIONS.values(),
  )
}
TASK_DEFAULTS = {
  'Task': {
    holder.name: 'that of the task' for holder in task_flags.OPTIONS.values()
  }
}


def check_task(task_names: Sequence[str], expected: str) -> None:
  """Checks that --task is one that a program can report on.

  Args:
    task_names: Names of these tasks.
    expected: Property that they share, for the message.

  Raises:
    UsageError: If --task is another one.
  """
  if task_flags.TASK.value not in task_names:
    raise runner.UsageError(
      f'Expected a --task {expected}, found {task_flags.TASK.value!r}; choose '
      f'one of {", ".join(task_names)}.'
    )


def make_output_dir() -> None:
  """Makes --output_dir, if it does not exist.

  Raises:
    UsageError: If the directory cannot be written to, or if --rounds is given,
      which such programs do not take.
  """
  if common_flags.ROUNDS.present:
    raise runner.UsageError(
      f'Expected no --rounds, found --rounds={common_flags.ROUNDS.value}; '
      'leave it out, since nothing is trained.'
    )
  path = common_flags.OUTPUT_DIR.value
  try:
    os.makedirs(path, exist_ok=True)
    found = None if os.access(path, os.W_OK | os.X_OK) else 'no permission'
  except OSError as e:
    found = e
  if found is not None:
    raise runner.UsageError(
      f'Expected a writable directory in --output_dir, found {path} ({found}); '
      'choose another one.'
    )
