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
import asyncio
import contextlib
import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
import numpy as np
from tensorboard import context
from tensorboard.backend.event_processing import data_provider
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import backend_context
from tensorboard.plugins.hparams import get_experiment
from tensorboard.plugins.hparams import list_session_groups
from tensorboard.plugins.hparams import plugin_data_pb2
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import runner
from programs.runs import run_directory
from programs.runs import run_files
from programs.runs import run_store
from tff_methods import simulation

_METRICS = {'loss': np.float32(1)}


def _read_hparams(log_dir: str) -> list[tuple[dict, dict]]:
  """Returns the runs of TensorBoard's HParams: flags and last metrics of each.

  With the code of the plugin that answers the page's requests.
  """
  multiplexer = plugin_event_multiplexer.EventMultiplexer()
  multiplexer.AddRunsFromDirectory(log_dir)
  multiplexer.Reload()
  provider = data_provider.MultiplexerDataProvider(multiplexer, log_dir)
  plugin = backend_context.Context(
    base_plugin.TBContext(data_provider=provider)
  )
  request_context = context.RequestContext()
  experiment = get_experiment.Handler(request_context, plugin, '').run()
  request = api_pb2.ListSessionGroupsRequest(
    slice_size=10,
    allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_RUNNING],
    col_params=[{'metric': info.name} for info in experiment.metric_infos],
  )
  groups = list_session_groups.Handler(
    request_context, plugin, '', request
  ).run()
  found = [
    (
      {k: getattr(v, v.WhichOneof('kind')) for k, v in group.hparams.items()},
      {metric.name.tag: metric.value for metric in group.metric_values},
    )
    for group in groups.session_groups
  ]
  return sorted(found, key=lambda run: run[0]['bits'])


class RunStoreTest(absltest.TestCase):
  """Client states with program states; see also `program_logic_test`."""

  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = pathlib.Path(temporary_dir) / 'run'
    self._client_states = mock.create_autospec(simulation.ClientStateStore)

  def _open(self, client_states=None) -> run_store.RunStore:
    directory = run_directory.RunDirectory(str(self._path), {}, 'workers')
    directory.claim()
    return run_store.RunStore(directory, client_states)

  def _release(self, path: pathlib.Path, configuration, *losses: float):
    """Writes the metrics of rounds, from 1 on."""

    async def release():
      directory = run_directory.RunDirectory(
        str(path), configuration, 'workers'
      )
      directory.claim()
      store = run_store.RunStore(directory)
      await store.load_latest([np.float32(0)])
      for i, loss in enumerate(losses):
        await store.release({'loss': np.float32(loss)}, i + 1)

    asyncio.run(release())

  def test_hparams_of_tensorboard_compare_runs(self):
    for name, bits, losses in (('a', 2, [0.5, 0.25]), ('b', 4, [0.5, 0.125])):
      configuration = {'method': 'dgc', 'bits': bits}
      self._release(self._path / name / 'seed_0', configuration, *losses)
    found = _read_hparams(str(self._path))
    self.assertEqual(
      found,
      [
        ({'method': 'dgc', 'bits': 2}, {'loss': 0.25}),
        ({'method': 'dgc', 'bits': 4}, {'loss': 0.125}),
      ],
    )

  def test_tensorboard_has_the_configuration_beside_the_scalars(self):
    configuration = {'method': 'dgc', 'bits': 2, 'rate': 0.1, 'scope': None}
    self._release(self._path, configuration, 1)
    accumulator = event_accumulator.EventAccumulator(
      str(self._path / 'tensorboard')
    )
    accumulator.Reload()
    (content,) = accumulator.PluginTagToContent('hparams').values()
    hparams = plugin_data_pb2.HParamsPluginData.FromString(content)
    self.assertEqual(
      {
        name: getattr(value, value.WhichOneof('kind'))
        for name, value in hparams.session_start_info.hparams.items()
      },
      {'method': 'dgc', 'bits': 2, 'rate': 0.1},
    )
    self.assertLen(accumulator.Tensors('loss'), 1)

  def _states(self) -> list[str]:
    path = self._path / 'checkpoints'
    return sorted(os.listdir(path)) if path.exists() else []

  def _save(self, *rounds: int, client_states=None):
    async def save():
      store = self._open(client_states)
      await store.load_latest([np.float32(0)])
      for round_num in range(max(rounds) + 1):
        await store.release(_METRICS, round_num)
        if round_num in rounds:
          await store.save([np.float32(round_num)], round_num)

    asyncio.run(save())

  def test_program_states_are_saved_within_a_checkpoint_of_client_states(self):
    seen = []

    @contextlib.contextmanager
    def checkpoint(round_num):
      seen.append(('begin', round_num, self._states()))
      yield
      seen.append(('end', round_num, self._states()))

    self._client_states.checkpoint.side_effect = checkpoint
    self._save(4, 7, client_states=self._client_states)
    four, seven = 'program_state_4', 'program_state_7'
    self.assertEqual(
      seen,
      [
        ('begin', 4, []),
        ('end', 4, [four]),
        ('begin', 7, [four]),
        ('end', 7, [seven]),
      ],
    )

  def test_client_states_are_restored_with_the_latest_state(self):
    self._save(3, 5)
    store = self._open(self._client_states)
    (state,), _ = asyncio.run(store.load_latest([np.float32(0)]))
    self.assertEqual(state, 5)
    self.assertEqual(
      self._client_states.mock_calls, [mock.call.restore(5, None)]
    )

  def test_checksum_of_the_client_states_is_noted(self):
    @contextlib.contextmanager
    def checkpoint(round_num):
      yield f'of {round_num}'

    self._client_states.checkpoint.side_effect = checkpoint
    self._save(3, 5, client_states=self._client_states)
    self._client_states.restore.reset_mock()
    asyncio.run(self._open(self._client_states).load_latest([np.float32(0)]))
    self._client_states.restore.assert_called_once_with(5, 'of 5')
    note = self._path / 'last_checkpoint.json'
    # Killed before it was written; and damaged.
    note.write_text('{"round": 3, "client_states_sha256": "of 3"}')
    asyncio.run(self._open(self._client_states).load_latest([np.float32(0)]))
    self._client_states.restore.assert_called_with(5, None)
    note.write_text('{"round": 5, "client_states_sha256": 7}')
    with self.assertRaisesRegex(runner.UsageError, '7 as client_states_sha256'):
      asyncio.run(self._open(self._client_states).load_latest([np.float32(0)]))

  def test_message_of_a_full_disk_is_that_of_the_system(self):
    error = tf.errors.ResourceExhaustedError(
      None,
      None,
      '{{function_node __wrapped__SaveV2_device_/job:localhost}} /a/b; No '
      'space left on device [Op:SaveV2]',
    )
    store = self._open()
    with mock.patch.object(
      tff.program.CSVFileReleaseManager, 'release', side_effect=error
    ):
      with self.assertRaisesRegex(
        run_files.StorageError, 'found: /a/b; No space left on device; make'
      ):
        asyncio.run(store.release(_METRICS, 1))

  def test_saved_state_is_not_saved_again(self):
    self._save(3)
    store = self._open(self._client_states)
    with self.assertRaises(tff.program.ProgramStateExistsError):
      asyncio.run(store.save([np.float32(3)], 3))
    self._client_states.checkpoint.assert_not_called()

  def test_no_directory_of_client_states_without_them(self):
    self._save(3)
    self.assertNotIn('client_states', os.listdir(self._path))


if __name__ == '__main__':
  absltest.main()
