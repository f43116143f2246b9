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
"""What a run keeps in its directory: states, metrics and weights."""

import asyncio
from collections.abc import Mapping
import csv
import os
import shutil

import numpy as np
import tensorflow_federated as tff

from programs.runs import run_directory
from tff_methods import simulation

_KEY = 'round'
_CHECKPOINTS = 'checkpoints'
LAST_WEIGHTS = 'model_weights.npz'
BEST_WEIGHTS = 'best_model_weights.npz'
_STATES_TO_KEEP = 1  # An old one is removed once the new one is there.


def saved_rounds(directory: run_directory.RunDirectory) -> int:
  """The completed rounds that the latest state has; changes nothing."""
  path = directory.file(_CHECKPOINTS)
  if not os.path.isdir(path):
    return 0
  states = tff.program.FileProgramStateManager(path)
  return max(asyncio.run(states.get_versions()) or (0,))


class RunStore:
  """Saves and releases through TFF's managers.

  The managers are not safe for concurrent use: await each call.
  """

  def __init__(
    self,
    directory: run_directory.RunDirectory,
    client_states: simulation.ClientStateStore | None = None,
  ):
    """Initializes the store; changes nothing.

    Args:
      directory: The run's.
      client_states: What clients keep, if the method has them keep something:
        saved and loaded with the program states.
    """
    self._directory = directory
    self._client_states = client_states
    self._csv_path = directory.file(run_directory.METRICS_FILE)
    self._tensorboard_dir = directory.file('tensorboard')
    self._states = tff.program.FileProgramStateManager(
      directory.file(_CHECKPOINTS),
      keep_total=_STATES_TO_KEEP,
      keep_first=False,
    )
    # Appending would leave half a row to a program that is killed; writing
    # replaces the file as a whole.
    self._csv = tff.program.CSVFileReleaseManager(
      self._csv_path,
      save_mode=tff.program.CSVSaveMode.WRITE,
      key_fieldname=_KEY,
    )
    self._tensorboard = None

  async def load(self, structure: object) -> object | None:
    """Returns the latest program state, `None` if there is none.

    Metrics of later rounds, which were released but not saved, are removed.

    Args:
      structure: A program state of the same structure.
    """
    state, version = await self._states.load_latest(structure)
    if self._client_states is not None:
      round_num = 0 if state is None else version
      self._client_states.restore(round_num)
      # Which a program that was killed in `save` has left to do.
      self._client_states.forget(round_num)
    rows = [] if state is None else self._read_rows(last=version)
    # TensorBoard's files may lack the newest points and have some after the
    # saved round, and cannot be changed: write them anew from the table.
    shutil.rmtree(self._tensorboard_dir, ignore_errors=True)
    self._tensorboard = tff.program.TensorBoardReleaseManager(
      self._tensorboard_dir
    )
    for row in rows:
      key = int(row.pop(_KEY))
      scalars = {name: float(value) for name, value in row.items() if value}
      await self._tensorboard.release(scalars, key)
    if rows:
      await self._csv.release(rows[-1], key)  # Removes all rows after it.
    return state

  async def save(self, state: object, round_num: int) -> None:
    """Saves the program state after a round, if it is not saved already."""
    if round_num in (await self._states.get_versions() or ()):
      return
    # A program killed between any two of these resumes from the older program
    # state, or from the newer, and finds the client states of either.
    if self._client_states is not None:
      self._client_states.save(round_num)
    await self._states.save(state, round_num)
    if self._client_states is not None:
      self._client_states.forget(round_num)

  async def release(self, metrics: Mapping[str, object], round_num: int):
    """Releases the metrics of a round, replacing those of later ones."""
    await self._csv.release(metrics, round_num)
    await self._tensorboard.release(metrics, round_num)

  def write_weights(
    self, weights: tff.learning.models.ModelWeights, name: str
  ) -> None:
    """Writes the weights of a model, for `np.load`.

    Args:
      weights: The weights.
      name: Of the file, `LAST_WEIGHTS` or `BEST_WEIGHTS`.
    """
    arrays = {
      f'{kind}_{i}': np.asarray(array)
      for kind in ('trainable', 'non_trainable')
      for i, array in enumerate(getattr(weights, kind))
    }
    path = self._directory.file(name)
    temporary_path = f'{path}.temporary'
    with open(temporary_path, 'wb') as f:
      np.savez(f, **arrays)
    os.replace(temporary_path, path)

  def _read_rows(self, last: int) -> list[dict[str, str]]:
    with open(self._csv_path, newline='', encoding='utf-8') as f:
      return [row for row in csv.DictReader(f) if int(row[_KEY]) <= last]
