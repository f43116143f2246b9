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

from collections.abc import Sequence

import numpy as np
import tensorflow_federated as tff

from programs.command_line import runner
from programs.training import evaluation_flags
from programs.training import sampling
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


def divide_clients(
  client_ids: Sequence[str], seed: int
) -> tuple[list[str], list[str]]:
  """Divides the clients into those that train and those that are held out.

  Args:
    client_ids: Ids of all clients; their order does not matter.
    seed: Non-negative integer.

  Returns:
    The ids of the clients that train, and of those that the flags hold out.

  Raises:
    UsageError: If no client would remain to train, or fewer than a round has.
  """
  num_held_out = evaluation_flags.num_held_out_clients()
  try:
    evaluation_flags.check_num_clients(len(client_ids))
    sampling.check_num_clients(len(client_ids), num_held_out)
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  # Rounds, which are samples with the same seed, count from 1.
  held_out = sampling.sample(
    np.array(sorted(client_ids)), num_held_out, seed, 0
  )
  return sorted({*client_ids} - {*held_out}), held_out
