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
r"""Trains one task with one method.

  python -m programs.train --task=digits --method=sketched_update --bits=2 \
    --output_dir=/tmp/run

Stopped by Ctrl-C, or killed, the same command goes on where it was. Finished,
it prints the results again; with more --rounds it adds those. What is in
--output_dir is told in `run_directory`. With --workers other machines do what
clients do. Exit codes: 0, 1 if no worker is there any more, 2 if what is asked
for cannot be done, 128 + N after a signal N to stop, as 130 after Ctrl-C.
"""

import asyncio
import atexit
import functools
import sys

from absl import flags
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import common_flags
from programs.command_line import execution
from programs.command_line import runner
from programs.command_line import stop_signals
from programs.command_line import task_flags
from programs.methods import registry
from programs.network import tls_flags
from programs.reports import tables
from programs.reports import training_progress
from programs.runs import run_directory
from programs.runs import run_store
from programs.training import early_stopping
from programs.training import evaluation
from programs.training import optimizers
from programs.training import sampling
from programs.training import training_loop
from tff_methods import communication
from tff_methods import runtime
from tff_methods import simulation
from tff_methods import templates

_METHOD = flags.DEFINE_enum(
  'method', None, list(registry.METHODS), 'How to train.'
)
_ROUNDS_PER_EVALUATION = flags.DEFINE_integer(
  'rounds_per_evaluation',
  10,
  'Rounds from one evaluation on held-out data to the next.',
  lower_bound=1,
)
_ROUNDS_PER_CHECKPOINT = flags.DEFINE_integer(
  'rounds_per_checkpoint',
  10,
  'Rounds from one checkpoint to the next: as many are repeated, at most, '
  'after the program was killed.',
  lower_bound=1,
)
_DRY_RUN = flags.DEFINE_bool(
  'dry_run', False, 'Only check the flags and --output_dir; change nothing.'
)

flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(early_stopping)
flags.adopt_module_key_flags(registry)
flags.adopt_module_key_flags(optimizers)
flags.adopt_module_key_flags(sampling)
flags.adopt_module_key_flags(task_flags)
flags.adopt_module_key_flags(tls_flags)


def main() -> int:
  """Trains as the flags say; returns the exit code."""
  runner.check_given(task_flags.TASK, _METHOD, common_flags.OUTPUT_DIR)
  registry.check_flags(_METHOD.value)
  optimizers.check_flags()
  sampling.check_flags()
  execution.check_flags()
  directory = run_directory.RunDirectory(
    common_flags.OUTPUT_DIR.value, _configuration()
  )
  _check_rounds(run_store.saved_rounds(directory))
  summary = directory.read_summary()
  if summary is not None:
    _check_rounds(summary['rounds'])
  if _DRY_RUN.value:
    return 0
  if summary is None or not (
    summary['stopped_early'] or summary['rounds'] == common_flags.ROUNDS.value
  ):
    try:
      with stop_signals.StopSignals() as stop:
        summary = _train(directory, stop)
    except stop_signals.Stopped as e:
      print(
        f'train: stopped by {e}; the same command resumes.', file=sys.stderr
      )
      return e.exit_code
    except runtime.NoWorkersError as e:
      print(
        f'train: {e} The same command resumes from the last checkpoint.',
        file=sys.stderr,
      )
      return 1
  tables.print_summary(summary)
  return 0


def _check_rounds(completed_rounds: int) -> None:
  if completed_rounds > common_flags.ROUNDS.value:
    raise runner.UsageError(
      f'Expected --rounds of at least {completed_rounds}, as many as '
      f'--output_dir={common_flags.OUTPUT_DIR.value} has, found '
      f'{common_flags.ROUNDS.value}; choose another directory for fewer.'
    )


def _configuration() -> dict[str, object]:
  """All that results depend on, the number of rounds aside."""
  holders = [
    task_flags.TASK,
    _METHOD,
    task_flags.SEED,
    *sampling.flags_in_use(),
    _ROUNDS_PER_EVALUATION,
    *early_stopping.flags_in_use(),
    *optimizers.flags_in_use(),
    *task_flags.OPTIONS.values(),
    *registry.METHODS[_METHOD.value].own_flags,
  ]
  return {holder.name: holder.value for holder in holders}


def _train(
  directory: run_directory.RunDirectory, stop: stop_signals.StopSignals
) -> dict[str, object]:
  """Trains, writes all results, and returns their summary."""
  client_states = simulation.ClientStateStore(directory.file('client_states'))
  with stop.interruptible():
    experiment, stopping = _build_experiment(client_states)
  directory.claim()
  has_client_states = isinstance(
    experiment.process, simulation.StoredClientStates
  )
  store = run_store.RunStore(
    directory, client_states if has_client_states else None
  )
  schedule = training_loop.Schedule(
    common_flags.ROUNDS.value,
    _ROUNDS_PER_EVALUATION.value,
    _ROUNDS_PER_CHECKPOINT.value,
    stopping,
  )
  with training_progress.Progress(schedule.rounds) as progress:
    state = asyncio.run(
      training_loop.train(
        experiment,
        schedule,
        store,
        stop,
        lambda state, is_evaluated: progress.update(
          int(state.round_num),
          state.metrics,
          int(state.uplink_bytes),
          is_evaluated,
        ),
      )
    )
  _check_rounds(int(state.round_num))
  weights = experiment.process.get_model_weights(state.server_state)
  store.write_weights(weights, run_store.LAST_WEIGHTS)
  summary = _summary(state, schedule, weights)
  directory.write_summary(summary)
  return summary


def _summary(
  state: training_loop.ProgramState,
  schedule: training_loop.Schedule,
  weights: tff.learning.models.ModelWeights,
) -> dict[str, object]:
  """What `summary.json` says."""

  def results(at: training_loop.ProgramState | early_stopping.Best):
    return {
      'rounds': int(at.round_num),
      'metrics': {name: float(value) for name, value in at.metrics.items()},
      'uplink_bytes': int(at.uplink_bytes),
      'downlink_bytes': int(at.downlink_bytes),
    }

  return {
    'task': task_flags.TASK.value,
    'method': _METHOD.value,
    **results(state),
    'seconds': float(state.seconds),
    'stopped_early': int(state.round_num) < schedule.rounds,
    'best_metric': schedule.stopping.metric,
    'best': results(state.best),
    'model_bytes': sum(
      np.asarray(array).nbytes for array in tf.nest.flatten(weights)
    ),
    'configuration': _configuration(),
  }


def _build_experiment(
  client_states: simulation.ClientStateStore,
) -> tuple[training_loop.Experiment, early_stopping.EarlyStopping]:
  """Builds what the flags ask for, before anything is written."""
  task = task_flags.build_task()
  method = registry.METHODS[_METHOD.value]
  method.check_task(task)
  try:
    sample_clients = sampling.build_sampling_fn_from_flags(
      task.datasets.train_data.client_ids, task_flags.SEED.value
    )
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  evaluate = evaluation.Evaluation(
    task, method.evaluated_model_fn(task, task_flags.SEED.value)
  )
  stopping = early_stopping.from_flags(evaluate.metric_names)
  # After what may be refused, since it starts a worker, and says so.
  execution.set_context()
  learning_process = registry.build_process(
    _METHOD.value,
    task,
    optimizers.build_client_optimizer(),
    optimizers.build_server_optimizer(),
    task_flags.SEED.value,
  )
  train_data = task.datasets.train_data.preprocess(
    task.datasets.train_preprocess_fn
  )
  process = _run_on_ids(
    learning_process, train_data.dataset_computation, client_states
  )
  if isinstance(process, tff.learning.templates.LearningProcess):
    execution.check_mergeable(process.next)
  experiment = training_loop.Experiment(
    process=process,
    sample_clients=sample_clients,
    count_bytes=_build_count_bytes(learning_process),
    evaluate=evaluate,
  )
  return experiment, stopping


def _run_on_ids(process, dataset_computation, client_states):
  """Returns the process with client ids in the place of their data."""
  if isinstance(process, templates.ClientStateProcess):
    return simulation.StoredClientStates(
      process, dataset_computation, client_states
    )
  return tff.simulation.compose_dataset_computation_with_learning_process(
    dataset_computation, process
  )


def _build_count_bytes(process):
  """Returns `training_loop.Experiment.count_bytes` of a process."""
  if not isinstance(process, templates.ClientStateProcess):
    # Of what clients would get, where a simulation sends more.
    is_select = isinstance(process, templates.SelectProcess)
    next_fn = process.accounted_next if is_select else process.next
    count = communication.build_round_bytes_fn(next_fn)
    return lambda _, metrics, num_clients: count(metrics, num_clients)
  build = functools.cache(communication.build_round_bytes_fn)
  return lambda round_num, metrics, num_clients: build(
    process.next_after(round_num - 1)
  )(metrics, num_clients)


if __name__ == '__main__':
  # Also where the flags are refused: what TFF's import made prints errors else.
  atexit.register(runtime.end_workers)
  runner.run(main)
