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

It is written against the interfaces of `tff.program`: a platform supplies the
context, the data source and the managers. Unlike
`tff.learning.programs.train_model`, it awaits every save and release before
the next step. A program killed at any moment resumes from a complete state, and
then computes bit for bit what it would have computed.
"""

import collections
from collections.abc import Callable, Mapping
import contextlib
import dataclasses
import time
from typing import Any, NamedTuple

from absl import logging
import numpy as np
import tensorflow_federated as tff

from programs.command_line import stop_signals
from programs.training import data_source as data_source_lib
from programs.training import early_stopping
from programs.training import lost_updates
from programs.training import metrics as metrics_lib
from programs.training import program_types
from programs.training import round_metrics as round_metrics_lib

# Keys of released models.
BEST_MODEL = 'best_model'
LAST_MODEL = 'last_model'


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
    data_iterator: Iterator that selects the clients of the next round.
  """

  server_state: Any
  round_num: np.int64
  uplink_bytes: np.int64
  downlink_bytes: np.int64
  seconds: np.float64
  rounds_without_update: np.int64
  lost_updates: np.int64
  metrics: metrics_lib.Metrics
  best: early_stopping.Best
  data_iterator: tff.program.FederatedDataSourceIterator


@dataclasses.dataclass(frozen=True)
class Schedule:
  """Length of the training, and what happens in which round.

  Attributes:
    rounds: Number of rounds.
    rounds_per_evaluation: Rounds between two evaluations.
    rounds_per_checkpoint: Rounds between two saved program states.
    cohort_size: Function from the number of a round, from 1, to its number of
      clients.
    stopping: Early stopping.
  """

  rounds: int
  rounds_per_evaluation: int
  rounds_per_checkpoint: int
  cohort_size: Callable[[int], int]
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
    """Returns whether the program state is saved after a round."""
    return round_num % self.rounds_per_checkpoint == 0 or (
      round_num == self.rounds
    )


@dataclasses.dataclass(frozen=True)
class Managers:
  """Managers of the program state and of what leaves the program.

  Attributes:
    program_state: Manager of the program states; versions are numbers of
      completed rounds.
    metrics: Manager of the metrics of rounds: scalars by name. Keys are numbers
      of completed rounds, from 0, and occur again after a resumption.
    model: Manager of the model weights. Keys are `BEST_MODEL`, released after
      each best evaluation after round 0, and `LAST_MODEL`, at the end.
  """

  program_state: tff.program.ProgramStateManager[ProgramState]
  metrics: tff.program.ReleaseManager[Mapping[str, Any], int]
  model: tff.program.ReleaseManager[tff.learning.models.ModelWeights, str]


@dataclasses.dataclass(frozen=True)
class Hooks:
  """Steps around the rounds.

  Attributes:
    count_bytes: Function from the number of a round, its metrics and its number
      of clients to `uplink_bytes` and `downlink_bytes`, sums over the clients.
    find_lost_updates: Function from the metrics of a round and its clients, as
      the data source selects them, to the lost updates.
    initial_weights: Weights to start from; `None` for those of the process.
    begin_round: Called with the number of clients before each round.
    prepare_state: Function from the state of the process and the number of the
      next round to the state that the round starts from.
    report: Called at the beginning and after each round with the state, whether
      it has a new evaluation, and the updates that the round lost.
    interruptible: Returns a context in which stop signals raise
      `stop_signals.Stopped`.
    is_repeatable: False if a repeated round has another result. Then the state
      of a best evaluation is saved before its weights are released.
  """

  count_bytes: Callable[[int, Any, int], Mapping[str, int]]
  find_lost_updates: Callable[[Any, Any], lost_updates.LostUpdates] = (
    lambda metrics, clients: lost_updates.LostUpdates()
  )
  initial_weights: tff.learning.models.ModelWeights | None = None
  begin_round: Callable[[int], None] = lambda num_clients: None
  prepare_state: Callable[[Any, int], Any] = lambda state, round_num: state
  report: Callable[[ProgramState, bool, lost_updates.LostUpdates], None] = (
    lambda state, is_evaluated, lost: None
  )
  interruptible: Callable[[], contextlib.AbstractContextManager[Any]] = (
    contextlib.nullcontext
  )
  is_repeatable: bool = True


async def train_model(
  process: program_types.TrainingProcess,
  data_source: tff.program.FederatedDataSource,
  evaluate: program_types.Evaluation,
  schedule: Schedule,
  managers: Managers,
  hooks: Hooks,
) -> ProgramState:
  """Trains from the latest saved state, or from the start, to the last round.

  The weights of the best evaluation are released before the state of its round
  is saved, so they exist whenever that state does. A round that is not
  repeatable is another one when it is repeated: its state is saved, and then
  its weights are released.

  Args:
    process: Process to train, a `tff.learning.templates.LearningProcess` or
      rounds of the same results.
    data_source: Source of the clients of each round.
    evaluate: Evaluation of the model.
    schedule: Number of rounds, evaluations and checkpoints.
    managers: Managers of states, metrics and models.
    hooks: Steps around the rounds.

  Returns:
    The state after the last round; that of a later round, if one was saved
    before.

  Raises:
    ValueError: If the current context is no `tff.program.FederatedContext`.
    TypeError: If the types of process, data and evaluation do not fit together.
    stop_signals.Stopped: After a signal, once the last round whose metrics are
      released is saved. The current round is lost.
  """
  tff.program.check_in_federated_context()
  program_types.check(process, data_source, evaluate)
  training = _Training(process, evaluate, schedule, hooks)
  with hooks.interruptible():
    state, metrics = await training.start(data_source)
  logging.info('Looking for a saved program state.')
  saved_state, saved_round = await managers.program_state.load_latest(state)
  if saved_state is None:
    logging.info('Found none; releasing the metrics of the initial model.')
    saved_round = None
    await managers.metrics.release(metrics, 0)
  else:
    logging.info('Resuming after round %d.', saved_round)
    state = saved_state
    if not hooks.is_repeatable:  # The last program may not have.
      await training.release_if_best(state, managers)
  hooks.report(_at_start(schedule, state), True, lost_updates.LostUpdates())

  async def save(state: ProgramState) -> None:
    nonlocal saved_round
    round_num = int(state.round_num)
    if round_num != saved_round:
      logging.info('Saving the program state after round %d.', round_num)
      await managers.program_state.save(state, round_num)
      saved_round = round_num

  try:
    while not schedule.is_over(state):
      with hooks.interruptible():
        new_state, metrics, lost = await training.run_round(state)
      round_num = int(new_state.round_num)
      logging.info('Releasing the metrics of round %d.', round_num)
      await managers.metrics.release(metrics, round_num)
      state = new_state  # Metrics of a round are released before it is saved.
      is_saved = schedule.is_saved(round_num) or schedule.is_over(state)
      if hooks.is_repeatable:
        await training.release_if_best(state, managers)
        if is_saved:
          await save(state)
      else:
        if is_saved or _is_best(state):
          await save(state)
        await training.release_if_best(state, managers)
      hooks.report(state, schedule.is_evaluated(round_num), lost)
  except stop_signals.Stopped:
    # A save that was interrupted may have ended.
    with contextlib.suppress(tff.program.ProgramStateExistsError):
      await save(state)
    raise
  logging.info('Releasing the model after round %d.', state.round_num)
  await managers.model.release(await training.weights(state), LAST_MODEL)
  return state


@dataclasses.dataclass(frozen=True)
class _Training:
  """Steps of the program that compute, and change nothing."""

  process: program_types.TrainingProcess
  evaluate: program_types.Evaluation
  schedule: Schedule
  hooks: Hooks

  async def start(
    self, data_source: tff.program.FederatedDataSource
  ) -> tuple[ProgramState, collections.OrderedDict[str, Any]]:
    """Returns the state before the first round, and its metrics to release."""
    start = time.monotonic()
    logging.info('Initializing, and evaluating the initial model.')
    process, initial = self.process, self.hooks.initial_weights
    server_state = await tff.program.materialize_value(process.initialize())
    if initial is not None:
      own = await self._model_weights(server_state)
      # In the containers of the process, of which checkpoints are made.
      weights = tff.learning.models.ModelWeights(
        type(own.trainable)(initial.trainable),
        type(own.non_trainable)(initial.non_trainable),
      )
      server_state = await tff.program.materialize_value(
        process.set_model_weights(server_state, weights)
      )
    metrics = await self._evaluate(server_state, 0)
    zero = np.int64(0)
    state = ProgramState(
      server_state=server_state,
      round_num=zero,
      uplink_bytes=zero,
      downlink_bytes=zero,
      seconds=np.float64(time.monotonic() - start),
      rounds_without_update=zero,
      lost_updates=zero,
      metrics=metrics,
      best=early_stopping.first(metrics),
      data_iterator=data_source.iterator(),
    )
    return state, _released_metrics(state, {}, True)

  async def run_round(
    self, state: ProgramState
  ) -> tuple[
    ProgramState, collections.OrderedDict[str, Any], lost_updates.LostUpdates
  ]:
    """Returns the state after one more round, its metrics, and lost updates."""
    start = time.monotonic()
    round_num = int(state.round_num) + 1
    logging.info('Running round %d.', round_num)
    data_iterator = data_source_lib.copy_iterator(state.data_iterator)
    clients: Any = data_iterator.select(self.schedule.cohort_size(round_num))
    num_clients = len(clients)
    self.hooks.begin_round(num_clients)
    server_state = self.hooks.prepare_state(state.server_state, round_num)
    output = await tff.program.materialize_value(
      self.process.next(server_state, clients)
    )
    lost = self.hooks.find_lost_updates(output.metrics, clients)
    round_bytes = self.hooks.count_bytes(round_num, output.metrics, num_clients)
    is_evaluated = self.schedule.is_evaluated(round_num)
    metrics = state.metrics
    if is_evaluated:
      logging.info('Evaluating the model after round %d.', round_num)
      metrics = await self._evaluate(output.state, round_num)
    state = state._replace(
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
      data_iterator=data_iterator,
    )
    if is_evaluated:
      state = state._replace(best=self.schedule.stopping.update(state))
    round_metrics = {
      'num_clients': num_clients,
      **round_metrics_lib.flatten(output.metrics),
    }
    return state, _released_metrics(state, round_metrics, is_evaluated), lost

  async def release_if_best(
    self, state: ProgramState, managers: Managers
  ) -> None:
    """Releases the weights of a state whose evaluation is the best so far."""
    if _is_best(state):
      logging.info('Releasing the best model, of round %d.', state.round_num)
      await managers.model.release(await self.weights(state), BEST_MODEL)

  async def weights(
    self, state: ProgramState
  ) -> tff.learning.models.ModelWeights:
    """Returns the model weights of a state."""
    return await self._model_weights(state.server_state)

  async def _model_weights(
    self, server_state: Any
  ) -> tff.learning.models.ModelWeights:
    return await tff.program.materialize_value(
      self.process.get_model_weights(server_state)
    )

  async def _evaluate(
    self, server_state: Any, round_num: int
  ) -> metrics_lib.Metrics:
    weights = await self._model_weights(server_state)
    return await program_types.evaluate(self.evaluate, weights, round_num)


def _is_best(state: ProgramState) -> bool:
  return bool(0 < state.best.round_num == state.round_num)


def _at_start(schedule: Schedule, state: ProgramState) -> ProgramState:
  """Returns the first state to report, without an earlier evaluation."""
  if schedule.is_evaluated(int(state.round_num)):
    return state
  return state._replace(metrics=collections.OrderedDict())


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
