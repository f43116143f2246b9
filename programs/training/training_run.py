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
from collections.abc import Callable, Mapping
import functools
import os
import sys
from typing import Any

import tensorflow_federated as tff

from programs.command_line import runner
from programs.command_line import stop_signals
from programs.command_line import task_flags
from programs.reports import training_progress
from programs.runs import run_directory
from programs.runs import run_files
from programs.runs import run_store
from programs.training import client_time
from programs.training import lost_updates
from programs.training import model_export
from programs.training import optimizers
from programs.training import privacy_ledger
from programs.training import program_logic
from programs.training import program_process
from programs.training import run_parts
from programs.training import run_summary
from tff_methods import communication
from tff_methods import runtime
from tff_methods import simulation

# Errors that the program reports in one line.
NoWorkersError = runtime.NoWorkersError

_CLIENT_STATE_CACHE_BYTES = 2**30


def run(
  request: run_parts.Request,
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
    parts = run_parts.build(request, task, client_states)
    baselines = run_summary.baselines(task)
  directory.claim()
  ledger = parts.privacy.open_ledger(directory)
  saved_rounds = directory.saved_rounds()
  training_progress.show_stage(
    f'Compiling, and resuming after round {saved_rounds}'
    if saved_rounds
    else 'Compiling, and evaluating the initial model'
  )
  with training_progress.Progress(request.rounds) as shown:
    try:
      state = _train(
        parts,
        _build_managers(parts, directory, client_states),
        _build_hooks(parts, ledger, stop, shown),
      )
    except simulation.DamagedClientStatesError as e:
      raise runner.UsageError(str(e)) from e
    except OSError as e:
      if not _is_below(e.filename, directory.path):
        raise
      raise run_files.storage_error(e.filename, e) from e
  weights = parts.process.get_model_weights(state.server_state)
  model_export.write_or_report(parts.export, weights, directory.path)
  summary = run_summary.describe(
    request.choice.name, request.configuration, state, parts.schedule, weights
  ) | {
    'num_clients': parts.num_clients,
    **baselines,
    **parts.privacy.describe(int(state.round_num), request.rounds, ledger),
  }
  summary |= _measured_before(directory)
  directory.write_summary(summary)
  if request.measures_client and run_files.CLIENT_SECONDS not in summary:
    training_progress.show_stage('Measuring the time of a client')
    with stop.interruptible():
      summary[run_files.CLIENT_SECONDS] = client_time.measure(
        parts.process, state, parts.schedule
      )
    directory.write_summary(summary)
  return summary


def _build_managers(
  parts: run_parts.Parts,
  directory: run_directory.RunDirectory,
  client_states: simulation.ClientStateStore,
) -> program_logic.Managers:
  """Returns the managers of the files of a run."""
  store = run_store.RunStore(
    directory, client_states if parts.process.keeps_client_states else None
  )
  models = run_store.WeightsReleaseManager(
    {
      program_logic.BEST_MODEL: directory.file(run_files.BEST_WEIGHTS),
      program_logic.LAST_MODEL: directory.file(run_files.LAST_WEIGHTS),
    },
    parts.weights_format,
  )
  return program_logic.Managers(store, store, models)


def _build_hooks(
  parts: run_parts.Parts,
  ledger: privacy_ledger.PrivacyLedger | None,
  stop: stop_signals.StopSignals,
  shown: training_progress.Progress,
) -> program_logic.Hooks:
  """Returns the steps around the rounds of a run."""
  return program_logic.Hooks(
    count_bytes=_build_count_bytes(parts.process),
    find_lost_updates=functools.partial(
      lost_updates.find, count_batches=parts.count_batches
    ),
    initial_weights=parts.initial_weights,
    begin_round=(lambda num_clients: None) if ledger is None else ledger.add,
    prepare_state=(
      optimizers.build_schedule_fn() or (lambda state, round_num: state)
    ),
    report=_Report(shown),
    interruptible=stop.interruptible,
    is_repeatable=ledger is None,
  )


def _train(
  parts: run_parts.Parts,
  managers: program_logic.Managers,
  hooks: program_logic.Hooks,
) -> program_logic.ProgramState:
  """Runs the program logic; returns the last state."""
  stack = tff.framework.get_context_stack()
  process = program_process.of_client_id_process(parts.process, stack.current)

  async def train():
    asyncio.get_running_loop().set_exception_handler(_handle_exception)
    return await program_logic.train_model(
      process,
      parts.data_source,
      parts.evaluate,
      parts.schedule,
      managers,
      hooks,
    )

  with stack.install(runtime.create_program_context(stack.current)):
    return asyncio.run(train())


def _handle_exception(
  loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
  """Handles errors that nobody awaits.

  The error of a call, which is raised, is also that of each part of its result:
  asyncio would print those of the others.
  """
  if 'exception was never retrieved' not in context['message']:
    loop.default_exception_handler(context)


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
    state: program_logic.ProgramState,
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


def _build_count_bytes(
  process: simulation.ClientIdProcess,
) -> Callable[[int, Any, int], Mapping[str, int]]:
  """Returns `program_logic.Hooks.count_bytes` of a process."""
  build = functools.cache(communication.build_round_bytes_fn)
  return lambda round_num, metrics, num_clients: build(
    process.accounted_next(round_num - 1)
  )(metrics, num_clients)
