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
"""Program logic of federated training: rounds in sequence.

Unlike `tff.learning.programs.train_model`, it awaits every save and release
before the next step. A program killed at any moment resumes from a complete
state, and then computes bit for bit what it would have computed.
"""

import collections
from collections.abc import Callable, Mapping
import dataclasses
import time
from typing import Any, NamedTuple

import numpy as np
import tensorflow_federated as tff

from programs.command_line import stop_signals
from programs.runs import run_files
from programs.runs import run_store
from programs.training import early_stopping
from programs.training import lost_updates
from programs.training import metrics as metrics_lib
from programs.training import privacy_ledger
from programs.training import round_metrics as round_metrics_lib
from tff_methods import simulation


class ProgramState(NamedTuple):
  """State of the program after a round; sufficient to resume.

  Attributes:
    server_state: State of the learning process.
    round_num: Number of completed rounds.
    uplink_bytes: Bytes sent by all clients of these rounds.
    downlink_bytes: Bytes received by all clients of these rounds.
    seconds: Running time of rounds and evaluations, in seconds.
    rounds_without_update: Number of rounds that changed nothing, since the
      updates of all clients or their mean had NaN or Inf.
    lost_updates: Number of updates of clients that did not count, since they
      had NaN or Inf: a lower bound (`lost_updates.LostUpdates`).
    metrics: Last evaluation.
    best: Best evaluation.
  """

  server_state: object
  round_num: np.int64
  uplink_bytes: np.int64
  downlink_bytes: np.int64
  seconds: np.float64
  rounds_without_update: np.int64
  lost_updates: np.int64
  metrics: metrics_lib.Metrics
  best: early_stopping.Best


@dataclasses.dataclass(frozen=True)
class Experiment:
  """Process to train, and the measurement of its results.

  Attributes:
    process: Learning process whose client data are client ids.
    sample_clients: Function from the number of a round to its client ids.
    count_bytes: Function from the number of a round, its metrics and its number
      of clients to `uplink_bytes` and `downlink_bytes`, sums over the clients.
    evaluate: Function from model weights to metrics on test data.
    num_clients: Number of clients of the task, from which rounds sample.
    count_batches: Function from a client id to the number of its batches.
    ledger: Record of rounds with noise that no seed repeats; `None` for rounds
      that a resumed run repeats.
    initial_weights: Weights to start from; `None` for those of the process.
    set_learning_rates: Function from the state of the process and the number of
      the next round to the state with its learning rates; `None` for constant
      rates.
  """

  process: simulation.ClientIdProcess
  sample_clients: Callable[[int], list[str]]
  count_bytes: Callable[[int, Any, int], Mapping[str, int]]
  evaluate: Callable[[tff.learning.models.ModelWeights], metrics_lib.Metrics]
  num_clients: int
  count_batches: Callable[[str], int]
  ledger: privacy_ledger.PrivacyLedger | None = None
  initial_weights: tff.learning.models.ModelWeights | None = None
  set_learning_rates: Callable[[Any, int], Any] | None = None


@dataclasses.dataclass(frozen=True)
class Schedule:
  """Length of the training, and the rounds of evaluations and checkpoints.

  Attributes:
    rounds: Number of rounds.
    rounds_per_evaluation: Rounds between two evaluations.
    rounds_per_checkpoint: Rounds between two checkpoints.
    stopping: Early stopping.
  """

  rounds: int
  rounds_per_evaluation: int
  rounds_per_checkpoint: int
  stopping: early_stopping.EarlyStopping = early_stopping.EarlyStopping()

  def is_over(self, state: ProgramState) -> bool:
    """Returns whether training ends at this state."""
    return bool(state.round_num >= self.rounds) or self.stopping.is_over(
      state.best
    )

  def is_evaluated(self, round_num: int) -> bool:
    """Returns whether the model is evaluated after a round."""
    return round_num % self.rounds_per_evaluation == 0 or (
      round_num == self.rounds
    )

  def is_saved(self, round_num: int) -> bool:
    """Returns whether a checkpoint is saved after a round."""
    return round_num % self.rounds_per_checkpoint == 0 or (
      round_num == self.rounds
    )


async def train(
  experiment: Experiment,
  schedule: Schedule,
  store: run_store.RunStore,
  stop: stop_signals.StopSignals,
  report: Callable[[ProgramState, bool, lost_updates.LostUpdates], None],
) -> ProgramState:
  """Trains from the latest saved state, or from the start, to the last round.

  The weights of the best evaluation are written before the state of its round,
  so they exist whenever that state does. A round with noise is another one when
  it is repeated: its state is saved, and then its weights are written.

  Args:
    experiment: Process to train.
    schedule: Number of rounds, evaluations and checkpoints.
    store: Store of states and metrics.
    stop: Stop signals.
    report: Called at the beginning and after each round with the state,
      whether it has a new evaluation, and the updates that the round lost.

  Returns:
    The state after the last round; that of a later round, if one was saved
    before.

  Raises:
    stop_signals.Stopped: After a signal, once the last round whose metrics are
      released is saved. The current round is lost.
  """
  with stop.interruptible():
    state, metrics = _start(experiment)
  saved_state = await store.load(state)
  if saved_state is None:
    await store.release(metrics, 0)
  else:
    state = saved_state
    if experiment.ledger is not None:  # The last program may not have.
      _write_best_weights(experiment, store, state)
  report(_at_start(schedule, state), True, lost_updates.LostUpdates())

  try:
    while not schedule.is_over(state):
      with stop.interruptible():
        new_state, metrics, lost = _run_round(experiment, schedule, state)
      round_num = int(new_state.round_num)
      await store.release(metrics, round_num)
      state = new_state  # Metrics of a round are released before it is saved.
      is_saved = schedule.is_saved(round_num) or schedule.is_over(state)
      if experiment.ledger is None:
        _write_best_weights(experiment, store, state)
        if is_saved:
          await store.save(state, round_num)
      else:
        if is_saved or _is_best(state):
          await store.save(state, round_num)
        _write_best_weights(experiment, store, state)
      report(state, schedule.is_evaluated(round_num), lost)
  except stop_signals.Stopped:
    await store.save(state, int(state.round_num))
    raise
  return state


def _is_best(state: ProgramState) -> bool:
  return bool(0 < state.best.round_num == state.round_num)


def _write_best_weights(
  experiment: Experiment, store: run_store.RunStore, state: ProgramState
) -> None:
  """Writes the weights of the state if its evaluation is the best so far."""
  if _is_best(state):
    store.write_weights(
      experiment.process.get_model_weights(state.server_state),
      run_files.BEST_WEIGHTS,
    )


def _start(
  experiment: Experiment,
) -> tuple[ProgramState, collections.OrderedDict[str, Any]]:
  """Returns the state before the first round, and its metrics to release."""
  start = time.monotonic()
  server_state = experiment.process.initialize()
  if experiment.initial_weights is not None:
    own = experiment.process.get_model_weights(server_state)
    server_state = experiment.process.set_model_weights(
      server_state,
      # In the containers of the process, of which checkpoints are made.
      tff.learning.models.ModelWeights(
        type(own.trainable)(experiment.initial_weights.trainable),
        type(own.non_trainable)(experiment.initial_weights.non_trainable),
      ),
    )
  metrics = experiment.evaluate(
    experiment.process.get_model_weights(server_state)
  )
  state = ProgramState(
    server_state=server_state,
    round_num=np.int64(0),
    uplink_bytes=np.int64(0),
    downlink_bytes=np.int64(0),
    seconds=np.float64(time.monotonic() - start),
    rounds_without_update=np.int64(0),
    lost_updates=np.int64(0),
    metrics=metrics,
    best=early_stopping.first(metrics),
  )
  return state, _released_metrics(state, {}, True)


def _at_start(schedule: Schedule, state: ProgramState) -> ProgramState:
  """Returns the first state to report, without an earlier evaluation."""
  if schedule.is_evaluated(int(state.round_num)):
    return state
  return state._replace(metrics=collections.OrderedDict())


def _run_round(
  experiment: Experiment, schedule: Schedule, state: ProgramState
) -> tuple[
  ProgramState, collections.OrderedDict[str, Any], lost_updates.LostUpdates
]:
  """Returns the state after one more round, its metrics, and lost updates."""
  start = time.monotonic()
  round_num = int(state.round_num) + 1
  clients = experiment.sample_clients(round_num)
  if experiment.ledger is not None:
    experiment.ledger.add(len(clients))
  server_state = state.server_state
  if experiment.set_learning_rates is not None:
    server_state = experiment.set_learning_rates(server_state, round_num)
  output = experiment.process.next(server_state, clients)
  lost = lost_updates.find(output.metrics, clients, experiment.count_batches)
  round_bytes = experiment.count_bytes(round_num, output.metrics, len(clients))
  metrics = state.metrics
  is_evaluated = schedule.is_evaluated(round_num)
  if is_evaluated:
    metrics = experiment.evaluate(
      experiment.process.get_model_weights(output.state)
    )
  state = ProgramState(
    server_state=output.state,
    round_num=np.int64(round_num),
    uplink_bytes=state.uplink_bytes + np.int64(round_bytes['uplink_bytes']),
    downlink_bytes=(
      state.downlink_bytes + np.int64(round_bytes['downlink_bytes'])
    ),
    seconds=state.seconds + np.float64(time.monotonic() - start),
    rounds_without_update=state.rounds_without_update + np.int64(lost.is_all),
    lost_updates=state.lost_updates + np.int64(lost.at_least),
    metrics=metrics,
    best=state.best,
  )
  if is_evaluated:
    state = state._replace(best=schedule.stopping.update(state))
  round_metrics = {
    'num_clients': len(clients),
    **round_metrics_lib.flatten(output.metrics),
  }
  return state, _released_metrics(state, round_metrics, is_evaluated), lost


def _released_metrics(
  state: ProgramState, round_metrics: Mapping[str, object], is_evaluated: bool
) -> collections.OrderedDict[str, Any]:
  """Returns the metrics of a round; repetitions have the same values."""
  released: collections.OrderedDict[str, Any] = collections.OrderedDict(
    uplink_bytes=state.uplink_bytes, downlink_bytes=state.downlink_bytes
  )
  if is_evaluated:
    for name, value in state.metrics.items():
      released[f'evaluation/{name}'] = value
  released.update(round_metrics)
  return released
