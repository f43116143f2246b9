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
"""Data that a run trains and is evaluated on."""

import tensorflow_federated as tff

from programs.command_line import runner
from programs.training import evaluation_flags
from tasks import validation


def datasets_of(
  task: tff.simulation.baselines.BaselineTask,
) -> tff.simulation.baselines.BaselineTaskDatasets:
  """Returns the task's data, with validation data if the flags ask for it.

  Args:
    task: The task.

  Returns:
    `task.datasets` itself without validation data.

  Raises:
    UsageError: If no validation data can be held out.
  """
  fraction = evaluation_flags.VALIDATION_FRACTION.value
  if fraction is None:
    return task.datasets
  try:
    return validation.hold_out(task.datasets, fraction)
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
