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
"""Files of model weights, as `programs.train` writes them; no TensorFlow.

A file is an `.npz`. Its arrays are named `trainable/NAME` and
`non_trainable/NAME`, in the order of the model, and `constants/NAME`: values
without which the weights mean nothing, such as hash functions. Files of
earlier versions have `trainable_0`, ..., `non_trainable_0`, ... instead.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import os
import re
from typing import NamedTuple, Protocol

import numpy as np

from programs.command_line import runner
from programs.runs import run_files

_CONSTANTS = 'constants'
_NUMBERED = re.compile(r'(?:non_)?trainable[_/]\d+')
_MOST_DIFFERENCES = 3


class SavedWeights(NamedTuple):
  """Weights of a model, with the fields of TFF's `ModelWeights`.

  Attributes:
    trainable: Arrays of the trainable weights.
    non_trainable: Arrays of the non-trainable weights.
  """

  trainable: tuple[np.ndarray, ...]
  non_trainable: tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True)
class WeightsFormat:
  """Names of a model's weights, and the constants that belong to them.

  Attributes:
    trainable: Names of the trainable weights, all different.
    non_trainable: Names of the non-trainable weights, all different.
    constants: Constants by name.
  """

  trainable: tuple[str, ...]
  non_trainable: tuple[str, ...] = ()
  constants: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

  def arrays(self, weights: 'SavedWeights') -> dict[str, np.ndarray]:
    """Returns the arrays of a file, by name.

    Args:
      weights: The weights of the model, or a TFF `ModelWeights` of them.
    """
    arrays = {
      f'{kind}/{name}': np.asarray(array)
      for kind in SavedWeights._fields
      for name, array in zip(
        getattr(self, kind), getattr(weights, kind), strict=True
      )
    }
    constants = {f'{_CONSTANTS}/{k}': v for k, v in self.constants.items()}
    return arrays | constants

  def select(
    self, path: str, arrays: Mapping[str, np.ndarray], like: 'SavedWeights'
  ) -> 'SavedWeights':
    """Returns the weights of a model, out of the arrays of a file.

    Args:
      path: Path of the file, for the message.
      arrays: See `load_arrays`.
      like: Weights of the model: arrays of the expected shapes and types.

    Raises:
      UsageError: If weights are missing, of other shapes or types, or belong
        to another model or to other constants.
    """
    expected = self.arrays(like)
    if arrays and all(map(_NUMBERED.fullmatch, arrays)):
      names = {
        f'{kind}{separator}{i}': f'{kind}/{name}'
        for kind in SavedWeights._fields
        for i, name in enumerate(getattr(self, kind))
        for separator in '_/'
      }
      arrays = {names.get(name, name): array for name, array in arrays.items()}
    differences = [
      f'{name} {_spec(expected.get(name))}, found {found}'
      for name in {**expected, **arrays}
      if (found := _difference(name, expected, arrays)) is not None
    ]
    if differences:
      more = len(differences) - _MOST_DIFFERENCES
      raise runner.UsageError(
        f'Expected in {path} weights of the model of this task and method: '
        f'{"; ".join(differences[:_MOST_DIFFERENCES])}'
        f'{f"; and {more} more" if more > 0 else ""}; give a file of the same '
        'model.'
      )
    return SavedWeights(
      *(
        tuple(arrays[f'{kind}/{name}'] for name in getattr(self, kind))
        for kind in SavedWeights._fields
      )
    )


def _spec(array: np.ndarray | None) -> str:
  if array is None:
    return 'none'
  return f'{array.dtype}{list(array.shape)}'


def _difference(
  name: str,
  expected: Mapping[str, np.ndarray],
  found: Mapping[str, np.ndarray],
) -> str | None:
  """Returns a description of an array that does not fit, else `None`."""
  if _spec(expected.get(name)) != _spec(found.get(name)):
    return _spec(found.get(name))
  is_constant = name.startswith(f'{_CONSTANTS}/')
  if is_constant and not np.array_equal(expected[name], found[name]):
    return 'other values'
  return None


def numbered(num_trainable: int, num_non_trainable: int) -> WeightsFormat:
  """Returns the format of weights without names.

  Args:
    num_trainable: Number of trainable weights.
    num_non_trainable: Number of non-trainable weights.
  """
  return WeightsFormat(
    tuple(map(str, range(num_trainable))),
    tuple(map(str, range(num_non_trainable))),
  )


def load(path: str) -> SavedWeights:
  """Reads the `model_weights.npz` of a run.

  Args:
    path: Path of the file.

  Raises:
    UsageError: If the file is missing or damaged.
  """
  arrays = load_arrays(path)
  return SavedWeights(
    *(
      tuple(
        array
        for name, array in arrays.items()
        if name.startswith((f'{kind}/', f'{kind}_'))
      )
      for kind in SavedWeights._fields
    )
  )


def load_arrays(path: str) -> dict[str, np.ndarray]:
  """Reads the arrays of a file of weights, in their order.

  Args:
    path: Path of the file.

  Raises:
    UsageError: If the file is missing or damaged.
  """
  try:
    with np.load(path) as arrays:
      return dict(arrays.items())
  # The errors of NumPy, zip files and decompressors have a dozen types.
  except Exception as e:
    raise runner.UsageError(
      f'Expected the {run_files.LAST_WEIGHTS} of a run at {path}, found: '
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
    weights[label] = load(os.path.join(path, run_files.LAST_WEIGHTS))
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
