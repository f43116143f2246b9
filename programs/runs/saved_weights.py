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
"""Reader of the model weights that `programs.train` writes; no TensorFlow."""

from collections.abc import Sequence
import itertools
import os
from typing import NamedTuple, Protocol

import numpy as np

from programs.command_line import runner
from programs.runs import run_files

_FILE = 'model_weights.npz'


class SavedWeights(NamedTuple):
  """Weights of a model, with the fields of TFF's `ModelWeights`.

  Attributes:
    trainable: Arrays of the trainable weights.
    non_trainable: Arrays of the non-trainable weights.
  """

  trainable: tuple[np.ndarray, ...]
  non_trainable: tuple[np.ndarray, ...]


def load(path: str) -> SavedWeights:
  """Reads the `model_weights.npz` of a run.

  Args:
    path: Path of the file.

  Raises:
    UsageError: If the file is missing or damaged.
  """
  try:
    with np.load(path) as arrays:
      return SavedWeights(
        *(
          tuple(
            arrays[name]
            for name in itertools.takewhile(
              arrays.__contains__, (f'{kind}_{i}' for i in itertools.count())
            )
          )
          for kind in SavedWeights._fields
        )
      )
  # The errors of NumPy, zip files and decompressors have a dozen types.
  except Exception as e:
    raise runner.UsageError(
      f'Expected the {_FILE} of a run at {path}, found: '
      f'{run_files.first_line(e)}; give that of a finished run.'
    ) from e


def load_runs(runs: Sequence[str], task_name: str) -> dict[str, SavedWeights]:
  """Reads the weights of runs.

  Args:
    runs: `LABEL=RUN_DIR` of each run.
    task_name: Name of the task of all runs.

  Returns:
    The weights by label.

  Raises:
    UsageError: If a run is not finished, of another task, or without a label
      of its own.
  """
  weights = {}
  for run in runs:
    label, _, path = run.partition('=')
    if not (label and path):
      raise runner.UsageError(
        f'Expected LABEL=RUN_DIR for each of --runs, found {run!r}.'
      )
    if label in weights:
      raise runner.UsageError(
        f'Expected different labels in --runs, found {label!r} twice; rename '
        'one.'
      )
    summary = run_files.read_summary(path)
    if summary is None:
      raise runner.UsageError(
        f'Expected finished runs in --runs, found none in {path}.'
      )
    if summary['task'] != task_name:
      raise runner.UsageError(
        f'Expected runs of --task={task_name} in --runs, found one of '
        f'{summary["task"]} in {path}.'
      )
    weights[label] = load(os.path.join(path, _FILE))
  return weights


class _ModelWithWeights(Protocol):
  initial_weights: tuple[Sequence[np.ndarray], Sequence[np.ndarray]]


def check_fit(
  name: str, weights: SavedWeights, model: _ModelWithWeights
) -> None:
  """Raises `UsageError` unless the weights have the shapes of a model's.

  Args:
    name: Name of the weights in the message.
    weights: Weights read from a file.
    model: The model, such as a `tff.learning.models.FunctionalModel`.
  """
  expected, found = (
    [[np.shape(w) for w in part] for part in pair]
    for pair in (model.initial_weights, weights)
  )
  if found != expected:
    raise runner.UsageError(
      f"Expected weights of the task's model in {name}, found arrays of other "
      'shapes; give those of a run of this task.'
    )
