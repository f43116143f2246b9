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
"""Tests for program_logic, with what run_store keeps of it.

The learning process is a stand-in, so that a run takes no time and can be cut
short everywhere. `train_test` has real ones.
"""

import asyncio
import collections
from collections.abc import Callable
import contextlib
import dataclasses
import pathlib
import signal
import tempfile

from absl.testing import absltest
import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import stop_signals
from programs.runs import run_directory
from programs.runs import run_store
from programs.training import early_stopping
from programs.training import lost_updates
from programs.training import privacy_ledger
from programs.training import program_logic
from programs.training import sampling
from tff_methods import runtime
from tff_methods import simulation

_BYTES_PER_CLIENT = 3 * 2**30  # Two rounds are more than 32 bits hold.
_CLIENTS_PER_ROUND = 2


class _Process:
  """Stand-in for a learning process: a chaotic map driven by client ids."""

  client_data_type = tff.FederatedType(np.str_, tff.CLIENTS)

  def __init__(self, on_next=lambda round_num: None):
    self._on_next = on_next

  def initialize(self):
    return collections.OrderedDict(
      weights=np.linspace(0.1, 0.9, 5, dtype=np.float32), round=np.int32(0)
    )

  def next(self, state, client_ids):
    round_num = int(state['round']) + 1
    self._on_next(round_num)
    shift = np.float32(sum(map(int, client_ids)) % 7 * 1e-3)
    weights = state['weights'] + shift
    weights = np.float32(3.9) * weights * (1 - weights) % np.float32(1)
    return tff.learning.templates.LearningProcessOutput(
      state=collections.OrderedDict(
        weights=weights.astype(np.float32), round=np.int32(round_num)
      ),
      metrics={
        'client_work': {'train': collections.OrderedDict(loss=weights.max())},
        'distributor': collections.OrderedDict(num_dropped=round_num),
      },
    )

  def get_model_weights(self, state):
    return tff.learning.models.ModelWeights((state['weights'],), ())

  def set_model_weights(self, state, weights):
    return {**state, 'weights': weights.trainable[0]}


@dataclasses.dataclass(frozen=True)
class _Experiment:
  """Parts of a run: the process, and functions of its other parts."""

  process: '_Process'
  sample_clients: Callable[[int], list[str]]
  evaluate: Callable[..., collections.OrderedDict]
  ledger: privacy_ledger.PrivacyLedger | None = None


def _experiment(process) -> _Experiment:
  return _Experiment(
    process=process,
    sample_clients=lambda round_num: [str(round_num), str(round_num**2)],
    evaluate=lambda weights, round_num: collections.OrderedDict(
      accuracy=weights.trainable[0].min()
    ),
  )


def _data_source(sample_clients) -> tff.program.FederatedDataSource:
  """Returns a source of the clients that a function of rounds gives."""
  ids = tff.FederatedType(np.str_, tff.CLIENTS)

  class Iterator(tff.program.FederatedDataSourceIterator):
    federated_type = ids

    def __init__(self, num_selected=0):
      self._num_selected = num_selected

    def select(self, k=None):
      self._num_selected += 1
      return sample_clients(self._num_selected)

    def to_bytes(self):
      return str(self._num_selected).encode()

    @classmethod
    def from_bytes(cls, buffer):
      return cls(int(buffer))

  class Source(tff.program.FederatedDataSource):
    federated_type = ids

    def iterator(self):
      return Iterator()

  return Source()


class _NoisyProcess(_Process):
  """Process whose rounds are others when they are repeated."""

  def __init__(self, calls: list[int]):
    super().__init__()
    self._calls = calls

  def next(self, state, client_ids):
    output = super().next(state, client_ids)
    self._calls.append(len(self._calls))
    # The first evaluation is the best unless its round is repeated.
    noise = np.float32(1 + 10 / len(self._calls))
    return tff.learning.templates.LearningProcessOutput(
      {**output.state, 'weights': output.state['weights'] + noise},
      output.metrics,
    )


def _program_context():
  context = tff.framework.get_context_stack().current
  return tff.framework.get_context_stack().install(
    runtime.create_program_context(context)
  )


class _Killed(BaseException):
  """Stands for the end of a killed program."""


class _MortalStore(run_store.RunStore):
  """Store whose program is killed before its n-th save or release."""

  def __init__(self, directory, survives: int):
    super().__init__(directory)
    self._survives = survives

  def _live(self):
    if self._survives == 0:
      raise _Killed()
    self._survives -= 1

  async def save(self, state, round_num):
    self._live()
    await super().save(state, round_num)

  async def release(self, metrics, round_num):
    self._live()
    await super().release(metrics, round_num)


class _StatefulProcess(_Process):
  """Process whose clients add their last weights in their next round."""

  def __init__(self, client_states, on_next=lambda round_num: None):
    super().__init__()
    self._client_states = client_states
    self._on_written = on_next

  def next(self, state, client_ids):
    round_num = int(state['round'])
    kept = self._client_states.read(client_ids, round_num)
    kept = [np.float32(0) if x is None else x[0] for x in kept]
    state = {**state, 'weights': state['weights'] + np.float32(sum(kept))}
    output = super().next(state, client_ids)
    weights = output.state['weights']
    self._client_states.write(
      round_num + 1,
      {
        c: [x / 2 + weights[i]]
        for i, (c, x) in enumerate(zip(client_ids, kept, strict=True))
      },
    )
    self._on_written(round_num + 1)
    return output


class _MortalClientStates:
  """Store whose program is killed before or after its n-th change."""

  def __init__(self, directory: str, survives: int):
    self._store = simulation.ClientStateStore(directory)
    self._survives = survives

  def _live(self):
    if self._survives == 0:
      raise _Killed()
    self._survives -= 1

  def read(self, client_ids, round_num):
    return self._store.read(client_ids, round_num)

  def restore(self, round_num, checksum):
    self._store.restore(round_num, checksum)

  def write(self, round_num, states):
    self._live()
    self._store.write(round_num, states)
    self._live()

  @contextlib.contextmanager
  def checkpoint(self, round_num):
    if round_num == 0:  # Nothing is changed.
      yield None
      return
    self._live()
    with self._store.checkpoint(round_num) as checksum:
      self._live()
      yield checksum
      self._live()
    self._live()


class _ImpatientStore(run_store.RunStore):
  """Store that receives two stop signals during a release."""

  def __init__(self, directory, last_round: int):
    super().__init__(directory)
    self._last_round = last_round

  async def release(self, metrics, round_num):
    if round_num == self._last_round:
      signal.raise_signal(signal.SIGINT)
      signal.raise_signal(signal.SIGINT)
    await super().release(metrics, round_num)


class _StoreStoppedAtASave(run_store.RunStore):
  """Store that receives two stop signals around the save of a round."""

  def __init__(self, directory, round_num: int, is_saved: bool):
    super().__init__(directory)
    self._round_num, self._is_saved = round_num, is_saved

  async def save(self, program_state, version):
    stops, self._round_num = version == self._round_num, None
    if not stops or self._is_saved:
      await super().save(program_state, version)
    if stops:
      signal.raise_signal(signal.SIGINT)
      signal.raise_signal(signal.SIGINT)


class _StopSignalsAtTheEnd(stop_signals.StopSignals):
  """Stop signals that arrive at the end of the n-th interruptible place."""

  def __init__(self, places: int):
    super().__init__()
    self._places = places

  @contextlib.contextmanager
  def interruptible(self):
    with super().interruptible():
      yield
      self._places -= 1
      if self._places == 0:
        signal.raise_signal(signal.SIGINT)


class ProgramLogicTestCase(tf.test.TestCase):
  """Runs in separate directories, and the files that they leave."""

  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._temporary_dir = pathlib.Path(temporary_dir)

  def _train(
    self,
    name: str,
    rounds: int = 5,
    survives: int = -1,
    process: _Process | None = None,
    experiment: _Experiment | None = None,
    rounds_per_checkpoint: int = 2,
    stop: stop_signals.StopSignals | None = None,
    store_fn=None,
    patience: int | None = None,
  ) -> tuple[program_logic.ProgramState, list[tuple[int, bool]]]:
    directory = run_directory.RunDirectory(
      str(self._temporary_dir / name), {}, 'workers'
    )
    directory.claim()
    reports = []
    experiment = experiment or _experiment(process or _Process())
    stopping = early_stopping.EarlyStopping(patience=patience)
    store = (
      store_fn(directory) if store_fn else _MortalStore(directory, survives)
    )
    paths = {
      program_logic.BEST_MODEL: directory.file('best_model_weights.npz'),
      program_logic.LAST_MODEL: directory.file('model_weights.npz'),
    }
    with stop or stop_signals.StopSignals() as stop, _program_context():
      hooks = program_logic.Hooks(
        count_bytes=lambda round_num, metrics, num_clients: dict(
          uplink_bytes=num_clients * _BYTES_PER_CLIENT,
          downlink_bytes=num_clients,
        ),
        find_lost_updates=lambda metrics, clients: lost_updates.find(
          metrics, clients, count_batches=lambda client_id: 2
        ),
        report=lambda state, new, _: reports.append(
          (int(state.round_num), new)
        ),
        interruptible=stop.interruptible,
        **(
          {'begin_round': experiment.ledger.add, 'is_repeatable': False}
          if experiment.ledger
          else {}
        ),
      )
      state = asyncio.run(
        program_logic.train_model(
          experiment.process,
          _data_source(experiment.sample_clients),
          experiment.evaluate,
          program_logic.Schedule(
            rounds,
            3,
            rounds_per_checkpoint,
            lambda round_num: _CLIENTS_PER_ROUND,
            stopping,
          ),
          program_logic.Managers(
            store, store, run_store.WeightsReleaseManager(paths)
          ),
          hooks,
        )
      )
    return state, reports

  def _csv(self, name: str) -> str:
    return (self._temporary_dir / name / 'metrics.csv').read_text()

  def _tensorboard(self, name: str) -> dict[str, list[tuple[int, float]]]:
    accumulator = event_accumulator.EventAccumulator(
      str(self._temporary_dir / name / 'tensorboard'),
      size_guidance={event_accumulator.TENSORS: 0},  # All of them.
    )
    accumulator.Reload()
    return {
      tag: [
        (event.step, float(tf.make_ndarray(event.tensor_proto)))
        for event in accumulator.Tensors(tag)
      ]
      for tag in accumulator.Tags()[event_accumulator.TENSORS]
      if not tag.startswith('_hparams_')
    }

  def _assert_same_run(self, a: str, b: str) -> None:
    self.assertEqual(self._csv(a), self._csv(b))
    self.assertEqual(self._tensorboard(a), self._tensorboard(b))

  def _assert_same_state(self, a, b) -> None:
    def without_time(state):
      return tf.nest.map_structure(
        lambda leaf: (leaf.dtype, leaf.tobytes()),
        state._replace(
          seconds=np.float64(0),
          data_iterator=np.bytes_(state.data_iterator.to_bytes()),
        ),
      )

    self.assertEqual(without_time(a), without_time(b))


class ProgramLogicTest(ProgramLogicTestCase):
  def test_trains_evaluates_and_reports_by_schedule(self):
    state, reports = self._train('run')
    self.assertEqual(
      reports,
      [(0, True), (1, False), (2, False), (3, True), (4, False), (5, True)],
    )
    expected = _Process().initialize()
    for round_num in range(1, 6):
      expected = (
        _Process().next(expected, [str(round_num), str(round_num**2)]).state
      )
    self.assertAllEqual(state.server_state['weights'], expected['weights'])
    self.assertEqual(state.metrics['accuracy'], expected['weights'].min())
    self.assertEqual(
      state.uplink_bytes, 5 * _CLIENTS_PER_ROUND * _BYTES_PER_CLIENT
    )
    self.assertEqual(state.downlink_bytes, 5 * _CLIENTS_PER_ROUND)

  def test_releases_one_row_a_round(self):
    state, _ = self._train('run')
    header, *rows = self._csv('run').splitlines()
    columns = header.split(',')
    self.assertCountEqual(
      columns,
      [
        'round',
        'uplink_bytes',
        'downlink_bytes',
        'num_clients',
        'evaluation/accuracy',
        'train/loss',
        'distributor/num_dropped',
      ],
    )
    self.assertLen(rows, 6)
    last_row = dict(zip(columns, rows[-1].split(','), strict=True))
    self.assertEqual(last_row['round'], '5')
    self.assertEqual(last_row['distributor/num_dropped'], '5')
    self.assertEqual(last_row['uplink_bytes'], str(state.uplink_bytes))
    points = self._tensorboard('run')
    self.assertEqual([s for s, _ in points['evaluation/accuracy']], [0, 3, 5])
    self.assertEqual([s for s, _ in points['train/loss']], [1, 2, 3, 4, 5])

  def test_counts_the_clients_of_each_round(self):
    cohorts = ['1234', '567', '89', '12']
    experiment = dataclasses.replace(
      _experiment(_Process()),
      sample_clients=lambda round_num: list(cohorts[round_num - 1]),
    )
    state, _ = self._train('run', rounds=4, experiment=experiment)
    points = self._tensorboard('run')
    self.assertEqual(points['num_clients'], [(1, 4), (2, 3), (3, 2), (4, 2)])
    self.assertEqual(points['downlink_bytes'][-1], (4, 4 + 3 + 2 + 2))
    self.assertEqual(state.uplink_bytes, 11 * _BYTES_PER_CLIENT)

  def test_counts_lost_updates(self):
    process = _Process()
    next_fn = process.next

    def next_with_batches(state, client_ids):
      output = next_fn(state, client_ids)
      train = output.metrics['client_work']['train']
      # Two clients a round, with two batches each.
      train['num_batches'] = [4, 0, 2, 0][int(state['round'])]
      return output

    process.next = next_with_batches
    state, _ = self._train('run', rounds=4, process=process)
    self.assertEqual(state.rounds_without_update, 2)
    self.assertEqual(state.lost_updates, 2 + 1 + 2)

  @pytest.mark.slow
  def test_resumes_exactly_wherever_it_was_killed(self):
    state, _ = self._train('whole')
    num_kept = 6 + 3  # Releases of rounds 0 to 5; states of rounds 2, 4 and 5.
    for survives in range(num_kept):
      name = f'killed_{survives}'
      with self.assertRaises(_Killed):
        self._train(name, survives=survives)
      resumed_state, _ = self._train(name)
      self._assert_same_state(resumed_state, state)
      self._assert_same_run(name, 'whole')
    self._train('whole_again', survives=num_kept)  # There is no more to keep.

  def test_rounds_that_cannot_be_repeated(self):
    """The best weights are those of the best state, wherever it was killed."""
    for survives in range(11):
      name = f'killed_{survives}'
      calls = []

      def train(survives, name=name, calls=calls):
        ledger = privacy_ledger.PrivacyLedger(
          str(self._temporary_dir / f'{name}.json'), []
        )
        experiment = _experiment(_NoisyProcess(calls))
        experiment = dataclasses.replace(experiment, ledger=ledger)
        state, _ = self._train(
          name, survives=survives, rounds=9, experiment=experiment
        )
        self.assertEqual(ledger.num_rounds, {_CLIENTS_PER_ROUND: len(calls)})
        return state

      with self.assertRaises(_Killed):
        train(survives)
      state = train(-1)
      self.assertGreaterEqual(len(calls), 9)
      self.assertGreater(state.best.round_num, 0)
      path = self._temporary_dir / name / 'best_model_weights.npz'
      with np.load(path) as weights:
        self.assertEqual(
          weights['trainable/0'].min(), state.best.metrics['accuracy']
        )

  def test_resumes_with_the_same_ever_smaller_cohorts(self):
    cohorts = []
    sample_clients = sampling.build_sampling_fn(
      [str(i) for i in range(20)],
      8,
      seed=1,
      cohort_size_fn=sampling.build_exponential_cohort_size_fn(8, 0.5, 2),
    )

    def sample_and_note(round_num):
      cohorts.append((round_num, sample_clients(round_num)))
      return cohorts[-1][1]

    experiment = dataclasses.replace(
      _experiment(_Process()), sample_clients=sample_and_note
    )
    state, _ = self._train('whole', experiment=experiment)
    self.assertEqual([len(ids) for _, ids in cohorts], [8, 5, 3, 2, 2])
    with self.assertRaises(_Killed):
      self._train('killed', experiment=experiment, survives=5)
    resumed_state, _ = self._train('killed', experiment=experiment)
    # Killed in the release of round 4, so that rounds 3 and 4 are repeated.
    self.assertEqual(
      cohorts[5:], cohorts[:4] + cohorts[2:5], 'Rounds 1-4, then 3-5.'
    )
    self._assert_same_state(resumed_state, state)
    self._assert_same_run('killed', 'whole')

  def test_resumes_beside_what_was_left_half_done(self):
    state, _ = self._train('whole')
    with self.assertRaises(_Killed):
      self._train('killed', survives=5)  # After the state of round 2.
    checkpoints = self._temporary_dir / 'killed' / 'checkpoints'
    (checkpoints / 'program_state_4_temp1234' / 'variables').mkdir(parents=True)
    (self._temporary_dir / 'killed' / 'metrics.csv_temp4321').write_text('rou')
    resumed_state, _ = self._train('killed')
    self._assert_same_state(resumed_state, state)
    self._assert_same_run('killed', 'whole')
    self.assertEmpty(list(self._temporary_dir.rglob('*_temp*')))

  def test_finished_run_goes_on_to_more_rounds(self):
    self._train('run', rounds=3)
    state, reports = self._train('run', rounds=6)
    self.assertEqual([round_num for round_num, _ in reports], [3, 4, 5, 6])
    straight_state, _ = self._train('straight', rounds=6)
    self._assert_same_state(state, straight_state)
    self._assert_same_run('run', 'straight')

  def test_run_with_more_rounds_is_left_as_it_is(self):
    self._train('run', rounds=5)
    before = self._csv('run')
    state, _ = self._train('run', rounds=3)
    self.assertEqual(state.round_num, 5)
    self.assertEqual(self._csv('run'), before)

  def _evaluated(self, accuracies, **kwargs):
    """Trains with these accuracies at rounds 0, 3, 6 and so on."""
    values = iter(accuracies)
    experiment = dataclasses.replace(
      _experiment(_Process()),
      evaluate=lambda weights, round_num: collections.OrderedDict(
        accuracy=np.float32(next(values))
      ),
    )
    return self._train(
      'run', rounds=3 * len(accuracies) - 3, experiment=experiment, **kwargs
    )

  def test_remembers_the_best_evaluation(self):
    state, _ = self._evaluated([0.1, 0.5, 0.7, 0.7, 0.6])
    self.assertEqual(state.round_num, 12)
    self.assertEqual(state.best.round_num, 6)
    self.assertEqual(state.best.metrics['accuracy'], np.float32(0.7))
    self.assertEqual(state.best.downlink_bytes, 6 * _CLIENTS_PER_ROUND)
    self.assertEqual(state.best.evaluations_since, 2)
    expected = _Process().initialize()
    for round_num in range(1, 7):
      clients = [str(round_num), str(round_num**2)]
      expected = _Process().next(expected, clients).state
    path = self._temporary_dir / 'run' / 'best_model_weights.npz'
    with np.load(path) as weights:
      self.assertAllEqual(weights['trainable/0'], expected['weights'])

  def test_stops_early_and_stays_stopped(self):
    accuracies = [0.1, 0.5, 0.7, 0.6, 0.7, 0.9]
    state, _ = self._evaluated(
      accuracies, patience=2, rounds_per_checkpoint=100
    )
    self.assertEqual((state.round_num, state.best.round_num), (12, 6))
    again, reports = self._evaluated(
      accuracies, patience=2, rounds_per_checkpoint=100
    )
    self.assertEqual(reports, [(12, True)])
    self._assert_same_state(again, state)

  def test_stopped_in_a_round_saves_the_one_before(self):
    state, _ = self._train('whole', rounds_per_checkpoint=100)

    def stop_in_round_4(round_num):
      if round_num == 4:
        signal.raise_signal(signal.SIGINT)

    with self.assertRaises(stop_signals.Stopped):
      self._train(
        'stopped',
        process=_Process(stop_in_round_4),
        rounds_per_checkpoint=100,
      )
    resumed_state, reports = self._train('stopped', rounds_per_checkpoint=100)
    self.assertEqual([round_num for round_num, _ in reports], [3, 4, 5])
    self._assert_same_state(resumed_state, state)
    self._assert_same_run('stopped', 'whole')

  def test_stopped_in_a_release_loses_no_metrics(self):
    state, _ = self._train('whole', rounds_per_checkpoint=100)
    with self.assertRaises(stop_signals.Stopped):
      self._train(
        'stopped',
        rounds_per_checkpoint=100,
        store_fn=lambda directory: _ImpatientStore(directory, last_round=4),
      )
    resumed_state, reports = self._train('stopped', rounds_per_checkpoint=100)
    self.assertEqual([round_num for round_num, _ in reports], [3, 4, 5])
    self._assert_same_state(resumed_state, state)
    self._assert_same_run('stopped', 'whole')

  def test_stopped_within_a_save_keeps_its_round(self):
    state, _ = self._train('whole', rounds_per_checkpoint=4)
    for name, is_saved in (('before', False), ('after', True)):

      def build_store(directory, is_saved=is_saved):
        return _StoreStoppedAtASave(directory, 4, is_saved)

      with self.assertRaises(stop_signals.Stopped):
        self._train(name, rounds_per_checkpoint=4, store_fn=build_store)
      resumed_state, reports = self._train(name, rounds_per_checkpoint=4)
      self.assertEqual([round_num for round_num, _ in reports], [4, 5])
      self._assert_same_state(resumed_state, state)

  def test_stopped_at_the_end_of_a_round_loses_no_metrics(self):
    state, _ = self._train('whole', rounds_per_checkpoint=100)
    with self.assertRaises(stop_signals.Stopped):
      # The first place is the start, the fourth is round 3.
      self._train(
        'stopped', rounds_per_checkpoint=100, stop=_StopSignalsAtTheEnd(4)
      )
    resumed_state, reports = self._train('stopped', rounds_per_checkpoint=100)
    self.assertEqual([round_num for round_num, _ in reports], [2, 3, 4, 5])
    self._assert_same_state(resumed_state, state)
    self._assert_same_run('stopped', 'whole')

  def test_stopped_after_a_saved_round_keeps_its_state(self):
    def stop_in_round_3(round_num):
      if round_num == 3:
        signal.raise_signal(signal.SIGTERM)

    with self.assertRaises(stop_signals.Stopped):
      self._train('stopped', process=_Process(stop_in_round_3))
    directory = run_directory.RunDirectory(
      str(self._temporary_dir / 'stopped'), {}, 'workers'
    )
    self.assertEqual(directory.saved_rounds(), 2)

  def test_no_rounds_are_saved_in_a_new_directory(self):
    path = self._temporary_dir / 'new'
    directory = run_directory.RunDirectory(str(path), {}, 'workers')
    self.assertEqual(directory.saved_rounds(), 0)
    self.assertFalse(path.exists())


class ClientStatesTest(ProgramLogicTestCase):
  """Runs with client states."""

  def _train_with_client_states(
    self, name, survives=-1, on_next=lambda _: None
  ):
    states = _MortalClientStates(
      str(self._temporary_dir / name / 'client_states'), survives
    )
    experiment = dataclasses.replace(
      _experiment(_StatefulProcess(states, on_next)),
      # Clients come back, but not in the next round.
      sample_clients=lambda n: [str(n % 3), str(3 + n % 2)],
    )
    return self._train(
      name,
      rounds=4,
      experiment=experiment,
      store_fn=lambda directory: run_store.RunStore(directory, states),
    )

  def _client_state_files(self, name):
    path = self._temporary_dir / name / 'client_states'
    return {
      str(file.relative_to(path)): file.read_bytes()
      for file in path.rglob('*')
      if file.is_file()
    }

  def _assert_same(self, name, state):
    self._assert_same_state(state, self._whole_state)
    self._assert_same_run(name, 'whole')
    self.assertEqual(
      self._client_state_files(name), self._client_state_files('whole')
    )

  def setUp(self):
    super().setUp()
    self._whole_state, _ = self._train_with_client_states('whole')

  def test_clients_remember(self):
    self.assertGreaterEqual(len(self._client_state_files('whole')), 5)
    experiment = _experiment(_Process())
    forgetful, _ = self._train('forgetful', rounds=4, experiment=experiment)
    self.assertNotAllEqual(
      forgetful.server_state['weights'],
      self._whole_state.server_state['weights'],
    )

  @pytest.mark.slow
  def test_resumes_exactly_wherever_it_was_killed(self):
    # Writes of 4 rounds; 2 are saved, and those before forgotten.
    num_changes = 4 + 2 + 2
    for survives in range(2 * num_changes):
      name = f'killed_{survives}'
      with self.assertRaises(_Killed):
        self._train_with_client_states(name, survives)
      state, _ = self._train_with_client_states(name)
      self._assert_same(name, state)
    # There is nothing more to survive.
    self._train_with_client_states('whole_again', survives=2 * num_changes)

  def test_resumes_exactly_when_killed_again_and_again(self):
    for survives in (5, 1, 6, 0, 4):
      with self.assertRaises(_Killed):
        self._train_with_client_states('killed', survives)
    state, _ = self._train_with_client_states('killed')
    self._assert_same('killed', state)

  def test_stopped_once_a_round_is_written_goes_back_to_the_one_before(self):
    for last_round in (1, 4):

      def stop(round_num, last_round=last_round):
        if round_num == last_round:
          signal.raise_signal(signal.SIGINT)

      name = f'stopped_{last_round}'
      with self.assertRaises(stop_signals.Stopped):
        self._train_with_client_states(name, on_next=stop)
      state, reports = self._train_with_client_states(name)
      self.assertEqual(reports[0][0], last_round - 1)
      self._assert_same(name, state)


if __name__ == '__main__':
  absltest.main()
