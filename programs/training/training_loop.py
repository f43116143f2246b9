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
"""The program logic of federated training: rounds, one after the other.

Unlike `tff.learning.programs.train_model`, it awaits every save and release
before it goes on, so that a program that is killed at any moment resumes from a
state that is whole, and then does bit for bit what it would have done.
"""

import collections
from collections.abc import Callable, Mapping
import dataclasses
import time
from typing import NamedTuple

import numpy as np
import tensorflow_federated as tff

from programs.command_line import stop_signals
from programs.runs import run_store
from programs.training import early_stopping
from programs.training import evaluation
from tff_methods import simulation


class ProgramState(NamedTuple):
  """All that resuming needs.

  Attributes:
    server_state: The state of the learning process.
    round_num: The number of completed rounds.
    uplink_bytes: What all clients of these rounds sent.
    downlink_bytes: What all clients of these rounds received.
    seconds: The time that rounds and evaluations took.
    metrics: The last evaluation.
    best: The best evaluation.
  """

  server_state: object
  round_num: np.int64
  uplink_bytes: np.int64
  downlink_bytes: np.int64
  seconds: np.float64
  metrics: evaluation.Metrics
  best: early_stopping.Best


@dataclasses.dataclass(frozen=True)
class Experiment:
  """What is trained, and how it is measured.

  Attributes:
    process: A learning process whose clients' data are client ids.
    sample_clients: From a round's number to its client ids.
    count_bytes: From a round's number, metrics and number of clients to
      `uplink_bytes` and `downlink_bytes`, summed over the clients.
    evaluate: From model weights to metrics on held-out data.
  """

  process: (
    tff.learning.templates.LearningProcess | simulation.StoredClientStates
  )
  sample_clients: Callable[[int], list[str]]
  count_bytes: Callable[[int, object, int], Mapping[str, int]]
  evaluate: Callable[[tff.learning.models.ModelWeights], evaluation.Metrics]


@dataclasses.dataclass(frozen=True)
class Schedule:
  """How long to train, and after how many rounds each to do what."""

  rounds: int
  rounds_per_evaluation: int
  rounds_per_checkpoint: int
  stopping: early_stopping.EarlyStopping = early_stopping.EarlyStopping()

  def is_over(self, state: ProgramState) -> bool:
    """Whether to train no more from this state."""
    return state.round_num >= self.rounds or self.stopping.is_over(state.best)

  def is_evaluated(self, round_num: int) -> bool:
    return round_num % self.rounds_per_evaluation == 0 or (
      round_num == self.rounds
    )

  def is_saved(self, round_num: int) -> bool:
    return round_num % self.rounds_per_checkpoint == 0 or (
      round_num == self.rounds
    )


async def train(
  experiment: Experiment,
  schedule: Schedule,
  store: run_store.RunStore,
  stop: stop_signals.StopSignals,
  report: Callable[[ProgramState, bool], None],
) -> ProgramState:
  """Trains from the latest saved state, or from the start, to the last round.

  The weights of the best evaluation are written when they are found, so that
  they are there whenever the state after them is.

  Args:
    experiment: What to train.
    schedule: For how many rounds.
    store: Where states are saved and metrics released.
    stop: Signals that stop the training.
    report: Called after each round, and at the beginning, with the state and
      whether it has a new evaluation.

  Returns:
    The state after the last round. That of more rounds, if it was saved before.

  Raises:
    stop_signals.Stopped: After a signal, once the last round whose metrics are
      released is saved. The round that was under way is lost.
  """
  with stop.interruptible():
    state, metrics = _start(experiment)
  saved_state = await store.load(state)
  if saved_state is None:
    await store.release(metrics, 0)
  else:
    state = saved_state
  report(state, True)

  try:
    while not schedule.is_over(state):
      with stop.interruptible():
        new_state, metrics = _run_round(experiment, schedule, state)
      round_num = int(new_state.round_num)
      await store.release(metrics, round_num)
      state = new_state  # Not before: a saved round has its metrics released.
      if state.best.round_num == round_num:
        store.write_weights(
          experiment.process.get_model_weights(state.server_state),
          run_store.BEST_WEIGHTS,
        )
      if schedule.is_saved(round_num) or schedule.is_over(state):
        await store.save(state, round_num)
      report(state, schedule.is_evaluated(round_num))
  except stop_signals.Stopped:
    await store.save(state, int(state.round_num))
    raise
  return state


def _start(
  experiment: Experiment,
) -> tuple[ProgramState, collections.OrderedDict[str, object]]:
  """The state before the first round, and its metrics to release."""
  start = time.monotonic()
  server_state = experiment.process.initialize()
  metrics = experiment.evaluate(
    experiment.process.get_model_weights(server_state)
  )
  state = ProgramState(
    server_state=server_state,
    round_num=np.int64(0),
    uplink_bytes=np.int64(0),
    downlink_bytes=np.int64(0),
    seconds=np.float64(time.monotonic() - start),
    metrics=metrics,
    best=early_stopping.first(metrics),
  )
  return state, _released_metrics(state, {}, True)


def _run_round(
  experiment: Experiment, schedule: Schedule, state: ProgramState
) -> tuple[ProgramState, collections.OrderedDict[str, object]]:
  """The state after one more round, and the round's metrics to release."""
  start = time.monotonic()
  round_num = int(state.round_num) + 1
  clients = experiment.sample_clients(round_num)
  output = experiment.process.next(state.server_state, clients)
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
    metrics=metrics,
    best=state.best,
  )
  if is_evaluated:
    state = state._replace(best=schedule.stopping.update(state))
  round_metrics = collections.OrderedDict(num_clients=len(clients))
  for name, value in output.metrics['client_work']['train'].items():
    round_metrics[f'train/{evaluation.short_name(name)}'] = value
  # Counts of those that retrieve rows by an index; others have none.
  distributor_metrics = output.metrics.get('distributor')
  if isinstance(distributor_metrics, Mapping):
    for name, value in distributor_metrics.items():
      round_metrics[f'distributor/{name}'] = value
  return state, _released_metrics(state, round_metrics, is_evaluated)


def _released_metrics(
  state: ProgramState, round_metrics: Mapping[str, object], is_evaluated: bool
) -> collections.OrderedDict[str, object]:
  """A round's metrics; all of them are the same in every repetition."""
  released = collections.OrderedDict(
    uplink_bytes=state.uplink_bytes, downlink_bytes=state.downlink_bytes
  )
  if is_evaluated:
    for name, value in state.metrics.items():
      released[f'evaluation/{name}'] = value
  released.update(round_metrics)
  return released
