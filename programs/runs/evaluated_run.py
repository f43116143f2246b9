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
"""Finished run whose model is evaluated again, and its flags."""

from collections.abc import Iterable, Mapping
import dataclasses
import os
from typing import Any

from absl import flags

from programs.command_line import runner
from programs.runs import run_files

_FILES = {'last': run_files.LAST_WEIGHTS, 'best': run_files.BEST_WEIGHTS}


@dataclasses.dataclass(frozen=True)
class EvaluatedRun:
  """A finished run.

  Attributes:
    path: Directory of the run.
    method: Name of the method.
    configuration: Flags that the results depend on, by name.
    data_sha256: Fingerprint of the contents of the data.
  """

  path: str
  method: str
  configuration: Mapping[str, Any]
  data_sha256: str | None

  def weights_path(self, name: str) -> str:
    """Returns the path of a file of weights.

    Args:
      name: `'last'`, `'best'`, or a path.

    Raises:
      UsageError: If there is no such file.
    """
    path = name
    if name in _FILES:
      path = os.path.join(self.path, _FILES[name])
    if not os.path.isfile(path):
      raise runner.UsageError(
        f'Expected weights in {path}, found no file; give last, the path of a '
        'file, or best if an evaluation after round 0 was the best.'
      )
    return path


def read(path: str) -> EvaluatedRun:
  """Reads a run.

  Args:
    path: Directory of the run.

  Raises:
    UsageError: If there is no finished run, or a file is damaged.
  """
  contents = run_files.read_json(os.path.join(path, run_files.CONFIGURATION))
  summary = run_files.read_summary(path)
  if contents is None or summary is None:
    raise runner.UsageError(
      f'Expected a finished run of programs.train in --run_dir={path}, found '
      'none; check the path, or train it to its end.'
    )
  configuration = contents.get('configuration')
  if not isinstance(configuration, dict):
    raise run_files.damaged(
      os.path.join(path, run_files.CONFIGURATION),
      f'{configuration!r} as configuration',
    )
  return EvaluatedRun(
    path, summary['method'], configuration, contents.get('data_sha256')
  )


def set_flags(
  configuration: Mapping[str, Any],
  task: flags.FlagHolder,
  task_options: Iterable[flags.FlagHolder],
  others: Iterable[flags.FlagHolder],
) -> None:
  """Sets flags that are not given to the values of a run.

  Args:
    configuration: Values by name.
    task: Flag of the task.
    task_options: Flags of its options, which are those of the run only if the
      task is.
    others: Other flags.
  """
  is_other_task = task.present and task.value != configuration.get(task.name)
  for flag in (task, *(() if is_other_task else task_options), *others):
    if not flag.present and flag.name in configuration:
      flags.FLAGS[flag.name].value = configuration[flag.name]
