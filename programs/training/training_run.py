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
"""One training run: from checked flags to the summary of its results."""

import asyncio
import atexit
import collections
from collections.abc import Callable, Iterable, Mapping
import dataclasses
import functools
import os
import secrets
import sys
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import execution
from programs.command_line import runner
from programs.command_line import stop_signals
from programs.command_line import task_flags
from programs.methods import method_flags
from programs.methods import privacy_flags
from programs.methods import registry
from programs.reports import training_progress
from programs.runs import run_directory
from programs.runs import run_files
from programs.runs import run_store
from programs.runs import saved_weights
from programs.training import client_time
from programs.training import early_stopping
from programs.training import evaluation
from programs.training import evaluation_data
from programs.training import evaluation_flags
from programs.training import initial_weights
from programs.training import lost_updates
from programs.training import model_export
from programs.training import optimizers
from programs.training import privacy_ledger
from programs.training import privacy_report
from programs.training import processes
from programs.training import sampling
from programs.training import training_loop
from programs.training import weights_format
from tff_methods import communication
from tff_methods import runtime
from tff_methods import simulation

# Errors that the program reports in one line.
NoWorkersError = runtime.NoWorkersError

_CLIENT_STATE_CACHE_BYTES = 2**30

# TFF leaves its worker running when a program ends, and prints an error.
atexit.register(runtime.end_workers)


class _Parts(NamedTuple):
  """Parts of a run that its request determines.

  Attributes:
    experiment: Process to train, and the measurement of its results.
    stopping: Early stopping.
    weights_format: Names of the weights in files.
    export: Exporter of the trained model; `None` if it cannot be saved.
  """

  experiment: training_loop.Experiment
  stopping: early_stopping.EarlyStopping
  weights_format: saved_weights.WeightsFormat
  export: model_export.ModelExport | None


@dataclasses.dataclass(frozen=True)
class Request:
  """Checked flags of a run.

  Attributes:
    choice: Method, its options, and its downlink.
    rounds: Number of rounds.
    rounds_per_evaluation: Rounds between two evaluations.
    rounds_per_checkpoint: Rounds between two checkpoints.
    configuration: Everything that the results depend on, the number of rounds
      aside.
    measures_client: If true, `summary.json` also has `client_seconds`, the time
      of one client.
  """

  choice: method_flags.Choice
  rounds: int
  rounds_per_evaluation: int
  rounds_per_checkpoint: int
  configuration: Mapping[str, object]
  measures_client: bool = False


def run(
  request: Request,
  directory: run_directory.RunDirectory,
  stop: stop_signals.StopSignals,
) -> dict[str, object]:
  """Trains, writes all results, and returns their summary.

  Args:
    request: Checked flags.
    directory: Directory of the run.
    stop: Stop signals.

  Raises:
    UsageError: If the request cannot be carried out; nothing is written then.
    StorageError: If a file cannot be written.
    NoWorkersError: If no remote worker is left.
    stop_signals.Stopped: After a signal.
  """
  client_states = simulation.ClientStateStore(
    directory.file(run_files.CLIENT_STATES), _CLIENT_STATE_CACHE_BYTES
  )
  with stop.interruptible():
    training_progress.show_stage(f'Loading {task_flags.TASK.value}')
    task = task_flags.build_task()
    training_progress.show_stage(f'Building {request.choice.name}')
    parts = _build_parts(request, task, client_states)
  experiment = parts.experiment
  directory.claim()
  experiment = _with_ledger(request, experiment, directory)
  store = run_store.RunStore(
    directory,
    client_states if experiment.process.keeps_client_states else None,
    parts.weights_format,
  )
  schedule = training_loop.Schedule(
    request.rounds,
    request.rounds_per_evaluation,
    request.rounds_per_checkpoint,
    parts.stopping,
  )
  saved_rounds = directory.saved_rounds()
  training_progress.show_stage(
    f'Compiling, and resuming after round {saved_rounds}'
    if saved_rounds
    else 'Compiling, and evaluating the initial model'
  )
  with training_progress.Progress(schedule.rounds) as shown:
    try:
      state = asyncio.run(
        training_loop.train(experiment, schedule, store, stop, _Report(shown))
      )
    except simulation.DamagedClientStatesError as e:
      raise runner.UsageError(str(e)) from e
    except OSError as e:
      if not _is_below(e.filename, directory.path):
        raise
      raise run_files.storage_error(e.filename, e) from e
  weights = experiment.process.get_model_weights(state.server_state)
  store.write_weights(weights, run_files.LAST_WEIGHTS)
  model_export.write_or_report(parts.export, weights, directory.path)
  summary = _summary(request, state, schedule, weights) | {
    'num_clients': experiment.num_clients,
    **_privacy(request, experiment, weights.trainable, int(state.round_num)),
  }
  summary |= _measured_before(directory)
  directory.write_summary(summary)
  if request.measures_client and run_files.CLIENT_SECONDS not in summary:
    training_progress.show_stage('Measuring the time of a client')
    with stop.interruptible():
      summary[run_files.CLIENT_SECONDS] = client_time.measure(experiment, state)
    directory.write_summary(summary)
  return summary


def _measured_before(
  directory: run_directory.RunDirectory,
) -> dict[str, object]:
  """Returns the time of a client, if the same run was shorter and has it."""
  summary = directory.read_summary() or {}
  return {k: v for k, v in summary.items() if k == run_files.CLIENT_SECONDS}


def _is_below(path: object, directory: str) -> bool:
  return isinstance(path, str) and path.startswith(directory + os.sep)


class _Report:
  """Report of each round: progress, and warnings of the first lost updates."""

  def __init__(self, shown: training_progress.Progress):
    self._shown = shown
    self._has_warned = set()

  def __call__(
    self,
    state: training_loop.ProgramState,
    is_evaluated: bool,
    lost: lost_updates.LostUpdates,
  ) -> None:
    is_loss = lost.is_all or lost.at_least > 0
    if is_loss and lost.is_all not in self._has_warned:
      self._has_warned.add(lost.is_all)
      print(
        f'train: round {state.round_num} {lost.describe()}', file=sys.stderr
      )
    self._shown.update(
      int(state.round_num),
      state.metrics,
      int(state.uplink_bytes),
      is_evaluated,
    )


def _build_parts(
  request: Request,
  task: tff.simulation.baselines.BaselineTask,
  client_states: simulation.ClientStateStore,
) -> _Parts:
  """Builds the parts of a request; writes nothing."""
  method = registry.METHODS[request.choice.name]
  method.check_task(task, request.choice.options)
  datasets = evaluation_data.datasets_of(task)
  train_data = datasets.train_data
  try:
    sample_clients = sampling.build_sampling_fn_from_flags(
      train_data.client_ids, _cohort_seed(request)
    )
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  evaluate = evaluation.Evaluation(
    task,
    method.build_evaluated_model_fn(task, request.choice.options),
    None if datasets is task.datasets else datasets,
  )
  stopping = early_stopping.from_flags(evaluate.metric_names)
  if privacy_report.noise_of(request.choice.options) is not None:
    # The margins of clips do not cover its rounding.
    tf.config.experimental.enable_tensor_float_32_execution(False)
  model = evaluate.model
  names = weights_format.of_model(
    model, method.constants(task, request.choice.options)
  )
  untrained = weights_format.current(model)
  initial = initial_weights.load(names, untrained)
  export = model_export.build_or_report(
    task, model, method.build_outputs_fn(task, request.choice.options)
  )
  # Last of the steps that may refuse, since it starts a worker and says so.
  execution.set_context()
  preprocessed = train_data.preprocess(datasets.train_preprocess_fn)
  process = simulation.compose_client_id_process(
    processes.build_process(task, request.choice),
    preprocessed.dataset_computation,
    client_states,
  )
  execution.check_mergeable(process.mergeable_next)
  experiment = training_loop.Experiment(
    process=process,
    sample_clients=sample_clients,
    count_bytes=_build_count_bytes(process),
    evaluate=evaluate,
    num_clients=len(train_data.client_ids),
    count_batches=lost_updates.build_count_batches(preprocessed),
    initial_weights=initial and tff.learning.models.ModelWeights(*initial),
    set_learning_rates=optimizers.build_schedule_fn(),
  )
  try:
    _privacy(request, experiment, untrained.trainable, num_rounds=0)
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  return _Parts(experiment, stopping, names, export)


def _build_count_bytes(
  process: simulation.ClientIdProcess,
) -> Callable[[int, Any, int], Mapping[str, int]]:
  """Returns `training_loop.Experiment.count_bytes` of a process."""
  build = functools.cache(communication.build_round_bytes_fn)
  return lambda round_num, metrics, num_clients: build(
    process.accounted_next(round_num - 1)
  )(metrics, num_clients)


def _is_unrepeatable(request: Request) -> bool:
  """Returns true if there is noise that must not follow from a seed."""
  noise = privacy_report.noise_of(request.choice.options)
  return noise is not None and not privacy_report.is_repeatable(noise)


def _cohort_seed(request: Request) -> int:
  """Returns the seed of cohorts, with noise a secret of this process.

  The guarantee rests on cohorts that nobody knows, and --seed is no secret.
  """
  if _is_unrepeatable(request):
    return secrets.randbits(128)
  return task_flags.SEED.value


def _with_ledger(
  request: Request,
  experiment: training_loop.Experiment,
  directory: run_directory.RunDirectory,
) -> training_loop.Experiment:
  """Returns the experiment with the record of its rounds, if it needs one."""
  if not _is_unrepeatable(request):
    return experiment
  ledger = privacy_ledger.PrivacyLedger(
    directory.file(run_files.PRIVACY_LEDGER),
    _cohort_sizes(experiment, range(1, directory.saved_rounds() + 1)),
  )
  return dataclasses.replace(experiment, ledger=ledger)


def _cohort_sizes(
  experiment: training_loop.Experiment, round_nums: Iterable[int]
) -> list[int]:
  return [len(experiment.sample_clients(i)) for i in round_nums]


def _privacy(
  request: Request,
  experiment: training_loop.Experiment,
  trained: Iterable[np.ndarray],
  num_rounds: int,
) -> dict[str, object]:
  """Returns the entry `privacy` of `summary.json`, if there is noise.

  With early stopping, the number of rounds depends on the models, and the
  guarantee is that of all rounds that were planned.
  """
  noise = privacy_report.noise_of(request.choice.options)
  if noise is None:
    return {}
  planned = num_rounds
  if early_stopping.PATIENCE.value is not None:
    planned = max(num_rounds, request.rounds)
  if experiment.ledger is None:
    cohort_sizes = _cohort_sizes(experiment, range(1, planned + 1))
  else:
    cohort_sizes = [
      *collections.Counter(experiment.ledger.num_rounds).elements(),
      *_cohort_sizes(experiment, range(num_rounds + 1, planned + 1)),
    ]
  return {
    'privacy': privacy_report.describe(
      noise,
      cohort_sizes,
      experiment.num_clients,
      privacy_flags.DELTA.value,
      num_weights=sum(x.size for x in trained),
      gap=_privacy_gap(),
    )
  }


def _privacy_gap() -> str | None:
  """Returns why noise does not cover the results, if it does not."""
  if initial_weights.INITIAL_WEIGHTS.value is not None:
    return 'it started from weights whose own ε is not known'
  if evaluation_flags.VALIDATION_FRACTION.value is not None:
    return 'evaluations read validation data of the clients, without noise'
  return None


def _summary(
  request: Request,
  state: training_loop.ProgramState,
  schedule: training_loop.Schedule,
  weights: tff.learning.models.ModelWeights,
) -> dict[str, object]:
  """Returns the contents of `summary.json`."""

  def results(at: training_loop.ProgramState | early_stopping.Best):
    return {
      'rounds': int(at.round_num),
      'metrics': {name: float(value) for name, value in at.metrics.items()},
      'uplink_bytes': int(at.uplink_bytes),
      'downlink_bytes': int(at.downlink_bytes),
    }

  return {
    'task': task_flags.TASK.value,
    'method': request.choice.name,
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
    'configuration': dict(request.configuration),
  }
