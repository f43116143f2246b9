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
"""Managers of program state, metrics and weights, in the directory of a run."""

from collections.abc import Generator, Mapping
import contextlib
import shutil
from typing import Any

import numpy as np
from tensorboard.plugins.hparams import api as hparams_api
import tensorflow as tf
import tensorflow_federated as tff

from programs.runs import metrics_file
from programs.runs import run_directory
from programs.runs import run_files
from programs.runs import saved_weights
from tff_methods import simulation

# Checksum of the client states, in `run_files.LAST_CHECKPOINT`.
_CLIENT_STATES = 'client_states_sha256'
_STATES_TO_KEEP = 1  # The old state is removed after the new one is written.


class RunStore(
  tff.program.ProgramStateManager[Any],
  tff.program.ReleaseManager[Mapping[str, object], int],
):
  """Manager of program states, and of the metrics of the rounds up to them.

  Versions and keys are numbers of completed rounds. To load a state removes the
  metrics of later rounds, which were released but not saved, and brings client
  states back to its round. Not safe for concurrent use: await each call.
  """

  def __init__(
    self,
    directory: run_directory.RunDirectory,
    client_states: simulation.ClientStateStore | None = None,
  ):
    """Initializes the store; changes nothing.

    Args:
      directory: Directory of the run.
      client_states: Store of the client states, saved and restored with the
        program states; `None` for methods without client state.
    """
    self._directory = directory
    self._client_states = client_states
    self._csv_path = directory.file(run_files.METRICS)
    self._tensorboard_dir = directory.file('tensorboard')
    self._states = tff.program.FileProgramStateManager(
      directory.file(run_files.CHECKPOINTS),
      keep_total=_STATES_TO_KEEP,
      keep_first=False,
    )
    # In append mode a killed program would leave half a row; write mode
    # replaces the entire file.
    self._csv = tff.program.CSVFileReleaseManager(
      self._csv_path,
      save_mode=tff.program.CSVSaveMode.WRITE,
      key_fieldname=metrics_file.KEY,
    )
    self._tensorboard = None

  async def get_versions(self) -> list[int] | None:
    """Returns the rounds of the saved states, `None` if there are none."""
    return await self._states.get_versions()

  async def load(self, version: int, structure: Any) -> Any:
    """Returns the program state of a round.

    Args:
      version: Number of completed rounds of the state.
      structure: Program state of the same structure.

    Raises:
      ProgramStateNotFoundError: If there is no such state.
      UsageError: If the checkpoint or the metrics are damaged.
      StorageError: If a file cannot be written.
    """
    try:
      state = await self._states.load(version, structure)
    except tff.program.ProgramStateNotFoundError:
      raise
    except Exception as e:  # TensorFlow raises many kinds on damaged files.
      raise run_files.damaged(
        self._directory.file(run_files.CHECKPOINTS),
        f'{type(e).__name__}: {run_files.first_line(e)}',
      ) from e
    await self._return_to(version)
    return state

  async def load_latest(self, structure: Any) -> tuple[Any, int]:
    """Returns the latest program state and its round, `(None, 0)` without one.

    Args:
      structure: Program state of the same structure.

    Raises:
      UsageError: If the checkpoint or the metrics are damaged.
      StorageError: If a file cannot be written.
    """
    versions = await self.get_versions()
    if versions is None:
      await self._return_to(None)
      return None, 0
    return await self.load(max(versions), structure), max(versions)

  async def _return_to(self, version: int | None) -> None:
    """Removes metrics and client states later than a saved state."""
    if self._client_states is not None:
      round_num = version or 0
      self._client_states.restore(round_num, self._noted_checksum(round_num))
    rows, key = [], 0
    if version is not None:
      rows = metrics_file.read(self._csv_path)[: version + 1]
    # TensorBoard's files may lack the newest points, may have points after the
    # saved round, and cannot be changed: rewrite them from the table.
    shutil.rmtree(self._tensorboard_dir, ignore_errors=True)
    with writing(self._tensorboard_dir):
      self._write_hyperparameters()
      self._tensorboard = tff.program.TensorBoardReleaseManager(
        self._tensorboard_dir
      )
      for row in rows:
        key = int(row.pop(metrics_file.KEY))
        scalars = {name: float(value) for name, value in row.items() if value}
        await self._tensorboard.release(scalars, key)
    if rows:
      with writing(self._csv_path):
        await self._csv.release(rows[-1], key)  # Removes all later rows.

  def _write_hyperparameters(self) -> None:
    """Writes the configuration for TensorBoard's view of hyperparameters.

    In a file of its own, before that of the scalars: TensorBoard reads the
    files of a directory one after the other, and does not return to one.
    """
    hyperparameters = {
      name: value if isinstance(value, (bool, int, float, str)) else str(value)
      for name, value in self._directory.configuration.items()
      if value is not None
    }
    writer = tf.summary.create_file_writer(self._tensorboard_dir)
    with writer.as_default():
      hparams_api.hparams(hyperparameters)
    writer.close()

  async def save(self, program_state: Any, version: int) -> None:
    """Saves the program state after a round.

    Args:
      program_state: The program state.
      version: Number of completed rounds.

    Raises:
      ProgramStateExistsError: If there is one of this round.
      StorageError: If a file cannot be written. Earlier checkpoints remain.
    """
    path = self._directory.file(run_files.CHECKPOINTS)
    if version in (await self.get_versions() or ()):
      raise tff.program.ProgramStateExistsError(version=version, path=path)
    checkpoint = contextlib.nullcontext()
    if self._client_states is not None:
      checkpoint = self._client_states.checkpoint(version)
    with writing(path), checkpoint as checksum:
      await self._states.save(program_state, version)
    noted: dict[str, object] = {'round': version}
    if checksum is not None:
      noted[_CLIENT_STATES] = checksum
    # After the checkpoint: `RunDirectory.check_complete` expects it.
    run_files.write_json(self._directory.file(run_files.LAST_CHECKPOINT), noted)

  def _noted_checksum(self, round_num: int) -> str | None:
    """Returns the checksum of the client states of a checkpoint.

    `None` if the program was killed before it noted it, or noted none.
    """
    path = self._directory.file(run_files.LAST_CHECKPOINT)
    noted = run_files.read_json(path) or {}
    if noted.get('round') != round_num:
      return None
    checksum = noted.get(_CLIENT_STATES)
    if not isinstance(checksum, (str, type(None))):
      raise run_files.damaged(path, f'{checksum!r} as {_CLIENT_STATES}')
    return checksum

  async def release(self, value: Mapping[str, object], key: int) -> None:
    """Releases the metrics of a round, replacing those of later rounds.

    Args:
      value: Scalars by name.
      key: Number of completed rounds.

    Raises:
      StorageError: If a file cannot be written.
    """
    with writing(self._csv_path):
      await self._csv.release(value, key)
    assert self._tensorboard is not None  # `load` makes it.
    with writing(self._tensorboard_dir):
      await self._tensorboard.release(value, key)


class WeightsReleaseManager(
  tff.program.ReleaseManager[tff.learning.models.ModelWeights, str]
):
  """Manager of model weights, in files for `np.load`."""

  def __init__(
    self,
    paths: Mapping[str, str],
    weights_format: saved_weights.WeightsFormat | None = None,
  ):
    """Initializes the manager; writes nothing.

    Args:
      paths: Path of the file of each key.
      weights_format: Names of the weights in files; `None` numbers them.
    """
    self._paths = dict(paths)
    self._weights_format = weights_format

  async def release(
    self, value: tff.learning.models.ModelWeights, key: str
  ) -> None:
    """Writes the weights of a model, replacing earlier ones.

    Args:
      value: The weights.
      key: A key of the files.

    Raises:
      StorageError: If the file cannot be written.
    """
    path = self._paths[key]
    weights_format = self._weights_format or saved_weights.numbered(
      len(value.trainable), len(value.non_trainable)
    )
    with (
      writing(path),
      run_files.replacing(path) as temporary_path,
      open(temporary_path, 'wb') as f,
    ):
      np.savez(f, **weights_format.arrays(value))


@contextlib.contextmanager
def writing(path: str) -> Generator[None, None, None]:
  """Turns errors of the file system, TensorFlow's too, into `StorageError`.

  Args:
    path: Path that is written to.

  Yields:
    Nothing.

  Raises:
    StorageError: If writing fails.
  """
  try:
    yield
  except OSError as e:
    raise run_files.storage_error(path, e) from e
  except tf.errors.OpError as e:
    raise run_files.storage_error(path, e) from e
