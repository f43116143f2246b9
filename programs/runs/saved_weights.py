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
"""Reads the weights that `programs.train` has written, for other programs."""

from collections.abc import Sequence
import itertools
import os
import zipfile

import numpy as np
import tensorflow_federated as tff

from programs.command_line import runner
from programs.runs import run_directory

_FILE = 'model_weights.npz'
# What numpy raises: for no file, text, nothing, an array alone, a part of one.
_NO_WEIGHTS = (
  OSError,
  ValueError,
  EOFError,
  TypeError,
  zipfile.BadZipFile,
)


def load(path: str) -> tff.learning.models.ModelWeights:
  """Reads the `model_weights.npz` of a run.

  Args:
    path: Of the file.

  Returns:
    The weights, tuples of arrays.

  Raises:
    UsageError: If there is no such file.
  """
  try:
    with np.load(path) as arrays:
      trainable, non_trainable = (
        tuple(
          arrays[name]
          for name in itertools.takewhile(
            arrays.__contains__, (f'{kind}_{i}' for i in itertools.count())
          )
        )
        for kind in ('trainable', 'non_trainable')
      )
  except _NO_WEIGHTS as e:
    raise runner.UsageError(
      f'Expected the {_FILE} of a run at {path}, found: {e}; give that of a '
      'finished one.'
    ) from e
  return tff.learning.models.ModelWeights(trainable, non_trainable)


def load_runs(
  runs: Sequence[str], task_name: str
) -> dict[str, tff.learning.models.ModelWeights]:
  """Reads the weights of runs.

  Args:
    runs: `LABEL=RUN_DIR` of each.
    task_name: That of the runs.

  Returns:
    The weights of the runs, by their labels.

  Raises:
    UsageError: If these are no finished runs of the task with labels.
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
    summary = run_directory.read_summary(path)
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


def check_fit(
  name: str,
  weights: tff.learning.models.ModelWeights,
  model: tff.learning.models.FunctionalModel,
) -> None:
  """Raises `UsageError` unless the weights are of the model.

  Args:
    name: What to call the weights in the message.
    weights: Read from a file.
    model: What they should be of.
  """
  expected, found = (
    [[np.shape(w) for w in part] for part in pair]
    for pair in (
      model.initial_weights,
      (weights.trainable, weights.non_trainable),
    )
  )
  if found != expected:
    raise runner.UsageError(
      f"Expected weights of the task's model in {name}, found arrays of other "
      'shapes; give those of a run of this task.'
    )
