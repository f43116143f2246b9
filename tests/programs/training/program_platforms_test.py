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
"""Tests for program_logic with managers, data sources and contexts of TFF.

Rounds are real. `program_logic_test` has those of a stand-in, interrupted
everywhere.
"""

import asyncio
import csv
import functools
import pathlib
import tempfile
from unittest import mock

from absl import logging
from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.runs import run_directory
from programs.runs import run_store
from programs.training import data_source
from programs.training import early_stopping
from programs.training import program_logic
from programs.training import program_process
from programs.training import sampling
from tests.tff_methods import linear_model
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import simulation

_CLIENT_IDS = ['client_0', 'client_1', 'client_2', 'client_3']
_CLIENTS_PER_ROUND = 2
_ROUNDS = 3
_SEED = 11
_SGD = tff.learning.optimizers.build_sgdm(0.05)


def _datasets() -> list[tf.data.Dataset]:
  return linear_model.datasets(num_clients=1, num_examples=8)


@tff.tensorflow.computation(np.str_)
def _client_data(client_id):
  """Returns the same examples for each client, shifted by its number."""
  shift = tf.strings.to_number(tf.strings.substr(client_id, -1, 1))
  return _datasets()[0].map(lambda x, y: (x + 0.1 * shift, y))


@functools.cache
def _fed_avg() -> tff.learning.templates.LearningProcess:
  """Returns federated averaging on data sets."""
  return tff.learning.algorithms.build_weighted_fed_avg(
    linear_model.model_fn, _SGD
  )


@functools.cache
def _fed_avg_on_ids() -> simulation.ClientIdProcess:
  return simulation.compose_client_id_process(
    _fed_avg(), _client_data, simulation.ClientStateStore()
  )


@functools.cache
def _dhqc() -> tff.templates.IterativeProcess:
  return algorithms.build_dhqc_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.DhqcOptions(fraction=0.5, bits=4),
  )


@functools.cache
def _evaluation() -> tff.Computation:
  """Returns the sum of the squares of the weights, as a computation."""
  weights_type = _fed_avg().get_model_weights.type_signature.result

  @tff.tensorflow.computation(weights_type)
  def evaluate(weights):
    squares = [tf.reduce_sum(tf.square(w)) for w in weights.trainable]
    return {'loss': tf.add_n(squares)}

  return evaluate


def _evaluate(weights, round_num):
  """Returns the same as `_evaluation`, with NumPy, and the round."""
  del round_num
  return {'loss': np.sum([np.square(w).sum() for w in weights.trainable])}


def _bytes(weights: tff.learning.models.ModelWeights) -> bytes:
  return b''.join(np.asarray(w).tobytes() for w in weights.trainable)


class ProgramPlatformsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = pathlib.Path(temporary_dir)
    self._sync_context = tff.framework.get_context_stack().current

  def _managers(self, **managers) -> program_logic.Managers:
    """Returns TFF's managers, some replaced by others."""
    path = str(self._path)
    return program_logic.Managers(
      **{
        'program_state': tff.program.FileProgramStateManager(f'{path}/states'),
        'metrics': tff.program.CSVFileReleaseManager(
          f'{path}/metrics.csv', key_fieldname='round'
        ),
        'model': tff.program.MemoryReleaseManager(),
        **managers,
      }
    )

  def _train(
    self,
    process=None,
    source=None,
    evaluate=_evaluate,
    rounds=_ROUNDS,
    managers=None,
  ) -> program_logic.ProgramState:
    client_ids = data_source.SampledClientsDataSource(_CLIENT_IDS, _SEED)
    process = process or _fed_avg_on_ids().learning_process
    bytes_of_round = communication.build_round_bytes_fn(_fed_avg().next)
    context = runtime.create_program_context(self._sync_context)
    with tff.framework.get_context_stack().install(context):
      return asyncio.run(
        program_logic.train_model(
          process,
          source or client_ids,
          evaluate,
          program_logic.Schedule(
            rounds,
            2,
            1,
            lambda round_num: _CLIENTS_PER_ROUND,
            early_stopping.EarlyStopping('loss'),
          ),
          managers or self._managers(),
          program_logic.Hooks(
            count_bytes=lambda round_num, *args: bytes_of_round(*args)
          ),
        )
      )

  def _expected(self, process) -> bytes:
    """Returns the weights after the rounds, called one after the other."""
    sample = sampling.build_sampling_fn(_CLIENT_IDS, _CLIENTS_PER_ROUND, _SEED)
    with tff.framework.get_context_stack().install(self._sync_context):
      state = process.initialize()
      for round_num in range(1, _ROUNDS + 1):
        state = process.next(state, sample(round_num)).state
      return _bytes(process.get_model_weights(state))

  @parameterized.parameters('in_process', 'cpp')
  def test_rounds_have_the_bits_of_calls_without_a_program(self, kind):
    if kind == 'in_process':
      self._sync_context = runtime.create_in_process_context('cpu')
    else:
      self._sync_context = runtime.create_local_context()
    state = self._train()
    expected = self._expected(_fed_avg_on_ids())
    self.assertEqual(_bytes(state.server_state.global_model_weights), expected)

  def test_client_states_run_through_the_same_logic(self):
    def process():
      return simulation.compose_client_id_process(
        _dhqc(), _client_data, simulation.ClientStateStore()
      )

    self._sync_context = runtime.create_in_process_context('cpu')
    state = self._train(
      program_process.of_client_id_process(process(), self._sync_context)
    )
    self.assertEqual(
      _bytes(state.server_state.global_model_weights), self._expected(process())
    )

  def test_released_metrics_and_models(self):
    managers = self._managers()
    state = self._train(managers=managers)
    with open(self._path / 'metrics.csv', newline='') as f:
      rows = list(csv.DictReader(f))
    self.assertEqual([row['round'] for row in rows], ['0', '1', '2', '3'])
    self.assertEqual([bool(r['evaluation/loss']) for r in rows], [1, 0, 1, 1])
    self.assertEqual(rows[-1]['uplink_bytes'], str(state.uplink_bytes))
    num_bytes = len(_bytes(state.server_state.global_model_weights))
    # Each client also sends a weight, and the metrics of its training.
    self.assertGreater(
      state.uplink_bytes, _ROUNDS * _CLIENTS_PER_ROUND * num_bytes
    )
    models = managers.model.values()
    self.assertEqual(
      _bytes(models[program_logic.LAST_MODEL]),
      _bytes(state.server_state.global_model_weights),
    )

  @parameterized.parameters('client_ids', 'datasets')
  def test_data_sources_of_tff(self, kind):
    if kind == 'client_ids':
      process = _fed_avg_on_ids().learning_process
      source = tff.program.ClientIdDataSource(_CLIENT_IDS)
    else:
      process = _fed_avg()
      source = tff.program.DatasetDataSource(_datasets() * 3)
    state = self._train(process, source, rounds=1)
    self.assertEqual(state.round_num, 1)
    state = self._train(process, source)  # From the state that a file has.
    self.assertEqual(state.round_num, _ROUNDS)
    with open(self._path / 'metrics.csv', newline='') as f:
      num_clients = [row['num_clients'] for row in csv.DictReader(f)]
    self.assertEqual(num_clients, ['', '2', '2', '2'])

  @parameterized.parameters('tff', 'run')
  def test_resumed_program_ends_with_the_bits_of_an_uninterrupted_one(
    self, kind
  ):
    managers = {}
    if kind == 'run':
      directory = run_directory.RunDirectory(
        str(self._path / 'run'), {}, 'workers'
      )
      directory.claim()
      store = run_store.RunStore(directory)
      managers = {'program_state': store, 'metrics': store}
    self._train(rounds=1, managers=self._managers(**managers))
    process = _fed_avg_on_ids().learning_process
    with mock.patch.object(
      data_source.SampledClientsIterator,
      'select',
      autospec=True,
      side_effect=data_source.SampledClientsIterator.select,
    ) as select:
      state = self._train(process, managers=self._managers(**managers))
    self.assertEqual(select.call_count, _ROUNDS - 1)
    self.assertEqual(
      _bytes(state.server_state.global_model_weights),
      self._expected(_fed_avg_on_ids()),
    )

  def test_every_release_can_go_to_memory_or_to_a_log(self):
    metrics = tff.program.MemoryReleaseManager()
    models = tff.program.SavedModelFileReleaseManager(str(self._path / 'model'))
    state = self._train(
      managers=self._managers(
        metrics=tff.program.GroupingReleaseManager(
          [metrics, tff.program.LoggingReleaseManager()]
        ),
        model=models,
      )
    )
    self.assertEqual(list(metrics.values()), [0, 1, 2, 3])
    self.assertEqual(
      metrics.values()[3]['evaluation/loss'], state.metrics['loss']
    )
    released = asyncio.run(models.get_value(program_logic.LAST_MODEL))
    self.assertEqual(
      b''.join(w.tobytes() for w in tf.nest.flatten(released)),
      _bytes(state.server_state.global_model_weights),
    )

  def test_evaluation_is_a_computation_or_a_function(self):
    of_function = self._train()
    self._path = self._path / 'of_computation'
    of_computation = self._train(evaluate=_evaluation())
    self.assertAlmostEqual(
      of_computation.metrics['loss'], of_function.metrics['loss'], places=5
    )

  def test_every_step_is_logged(self):
    # TensorFlow sets the verbosity again after it has saved a model.
    self.addCleanup(logging.set_verbosity, logging.get_verbosity())
    logging.set_verbosity(logging.INFO)
    with self.assertLogs(logging.get_absl_logger(), 'INFO') as logged:
      self._train(rounds=1)
    messages = [record.getMessage() for record in logged.records]
    steps = [
      'Initializing, and evaluating the initial model.',
      'Looking for a saved program state.',
      'Running round 1.',
      'Evaluating the model after round 1.',
      'Releasing the metrics of round 1.',
      'Saving the program state after round 1.',
      'Releasing the model after round 1.',
    ]
    self.assertEqual([m for m in messages if m in steps], steps)

  def test_needs_a_context_of_federated_programs(self):
    with mock.patch.object(
      runtime, 'create_program_context', side_effect=lambda context: context
    ):
      with self.assertRaisesRegex(ValueError, 'FederatedContext'):
        self._train()

  def test_types_are_checked_before_the_first_round(self):
    with self.assertRaisesRegex(TypeError, 'Expected a data source of type'):
      self._train(_fed_avg())


if __name__ == '__main__':
  absltest.main()
