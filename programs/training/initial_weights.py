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
"""The flag `--initial_weights`; no TensorFlow."""

import hashlib
import os

from absl import flags

from programs.runs import run_files
from programs.runs import saved_weights

INITIAL_WEIGHTS = flags.DEFINE_string(
  'initial_weights',
  None,
  'Weights to start from: a run directory, whose last weights are taken, or a '
  'file such as its best_model_weights.npz. Default: those of the task, drawn '
  'from --seed.',
)


def path() -> str | None:
  """Returns the path of the file of weights; `None` without any."""
  given = INITIAL_WEIGHTS.value
  if given is not None and os.path.isdir(given):
    return os.path.join(given, run_files.LAST_WEIGHTS)
  return given


def configuration() -> dict[str, str]:
  """Returns the entry of the run's configuration: a hash of the weights.

  Raises:
    UsageError: If the file is missing or damaged.
  """
  found = path()
  if found is None:
    return {}
  digest = hashlib.sha256()
  for name, array in saved_weights.load_arrays(found).items():
    digest.update(f'{name} {array.dtype} {array.shape} '.encode())
    digest.update(array.tobytes())
  return {INITIAL_WEIGHTS.name: f'sha256:{digest.hexdigest()}'}


def load(
  weights_format: saved_weights.WeightsFormat,
  like: saved_weights.SavedWeights,
) -> saved_weights.SavedWeights | None:
  """Returns the weights to start from, `None` for those of the task.

  Args:
    weights_format: Names of the model's weights.
    like: Weights of the model.

  Raises:
    UsageError: If the weights are not of the model.
  """
  found = path()
  if found is None:
    return None
  return weights_format.select(found, saved_weights.load_arrays(found), like)
