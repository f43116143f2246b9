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
"""What reports on a task share: its flags, and where their results go."""

import os

from absl import flags
import tensorflow_federated as tff

from programs import common_flags
from programs import usage
import tasks

TASK = flags.DEFINE_enum('task', None, tasks.TASK_NAMES, 'Model and data.')
SEED = flags.DEFINE_integer(
  'seed',
  0,
  'Of all random choices.',
  lower_bound=0,
  upper_bound=2**32 - 1,
)


def make_output_dir() -> None:
  """Makes --output_dir.

  Raises:
    UsageError: If it cannot be written to, or if --rounds is given.
  """
  if common_flags.ROUNDS.present:
    raise usage.UsageError(
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
    raise usage.UsageError(
      f'Expected to write to --output_dir={path}, found: {found}; choose '
      'another directory.'
    )


def build_task(
  kind: type,
  expected: str,
  example: str,
  options: tasks.TaskOptions | None = None,
) -> tff.simulation.baselines.BaselineTask:
  """Builds --task.

  Args:
    kind: The class that it is to be of.
    expected: What that is, for the message.
    example: The name of one.
    options: As of `tasks.build_task`.

  Raises:
    UsageError: If it cannot be built, or is of another kind.
  """
  try:
    task = tasks.build_task(
      TASK.value,
      data_dir=common_flags.DATA_DIR.value,
      cache_dir=common_flags.CACHE_DIR.value,
      seed=SEED.value,
      options=options,
    )
  except ValueError as e:
    raise usage.UsageError(str(e)) from e
  if not isinstance(task, kind):
    raise usage.UsageError(
      f'Expected a --task {expected}, found {TASK.value!r}; choose another, '
      f'such as {example}.'
    )
  return task
