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
"""Results of a finished run, as `summary.json` has them."""

from collections.abc import Mapping

import numpy as np
import tensorflow_federated as tff

from programs.command_line import task_flags
from programs.reports import tables
from programs.reports import training_progress
from programs.training import early_stopping
from programs.training import program_logic
import tasks


def describe(
  method: str,
  configuration: Mapping[str, object],
  state: program_logic.ProgramState,
  schedule: program_logic.Schedule,
  weights: tff.learning.models.ModelWeights,
) -> dict[str, object]:
  """Returns the results of a run, without those that few runs have.

  Args:
    method: Name of the method.
    configuration: Flags that the results depend on.
    state: Last state of the program.
    schedule: Rounds that were planned.
    weights: Weights of the last model.

  Returns:
    A dict of JSON values.
  """

  def results(at: program_logic.ProgramState | early_stopping.Best):
    return {
      'rounds': int(at.round_num),
      'metrics': {name: float(value) for name, value in at.metrics.items()},
      'uplink_bytes': int(at.uplink_bytes),
      'downlink_bytes': int(at.downlink_bytes),
    }

  return {
    'task': task_flags.TASK.value,
    'method': method,
    **results(state),
    'seconds': float(state.seconds),
    'rounds_without_update': int(state.rounds_without_update),
    'lost_updates': int(state.lost_updates),
    'stopped_early': int(state.round_num) < schedule.rounds,
    'best_metric': schedule.stopping.metric,
    'best': results(state.best),
    'model_bytes': sum(
      np.asarray(array).nbytes
      for array in [*weights.trainable, *weights.non_trainable]
    ),
    'configuration': dict(configuration),
  }


def baselines(
  task: tff.simulation.baselines.BaselineTask,
) -> dict[str, dict[str, float]]:
  """Shows and returns the metrics of predictions that need no training.

  Args:
    task: Task of the run.

  Returns:
    The metrics by name, under the key `baselines`; empty if the task has none.
  """
  if not isinstance(task, tasks.RowTask) or task.baselines_fn is None:
    return {}
  found = dict(task.baselines_fn())
  training_progress.show_stage(
    f'Without training: {tables.baseline_text(found)}'
  )
  return {'baselines': found}
