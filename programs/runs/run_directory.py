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
"""Directory of one run: its files, its owner and its configuration.

| file | contents |
| --- | --- |
| `configuration.json` | everything that the results depend on |
| `checkpoints/` | program states, for resuming |
| `client_states/` | states of the clients, for methods with client state |
| `metrics.csv` | one row a round; bytes are sums from the first round on |
| `tensorboard/` | the same, for TensorBoard |
| `model_weights.npz` | arrays `trainable_0`, ..., `non_trainable_0`, ... |
| `best_model_weights.npz` | weights of the best evaluation after round 0 |
| `summary.json` | results of the finished run |
| `finished_with.json` | flags, written by `programs.compare` |
"""

from collections.abc import Mapping
import fcntl
import glob
import json
import os
import re
import shutil

from programs.command_line import runner

_CONFIGURATION_FILE = 'configuration.json'
_SUMMARY_FILE = 'summary.json'
METRICS_FILE = 'metrics.csv'
_LOCK_FILE = '.lock'
_TEMPORARY_SUFFIX = '.temporary'
# Name of a file that a manager of TFF has not finished writing.
_TFF_TEMPORARY_PATTERN = '*_temp[0-9]*'
_PROGRAM = 'tff-methods programs/train'
CHECKPOINTS = 'checkpoints'
# Directories of `tff.program.FileProgramStateManager`.
_PROGRAM_STATE = re.compile(r'program_state_(\d+)')


class RunDirectory:
  """Directory that belongs to one run.

  A program with the same configuration resumes the run. The number of rounds is
  not part of the configuration, so a finished run can be continued.

  Attributes:
    path: Absolute path of the directory.
    configuration: Everything that the results depend on, as JSON values.
  """

  def __init__(self, path: str, configuration: Mapping[str, object]):
    """Reads the directory; changes nothing.

    Args:
      path: Path of a directory, which need not exist yet.
      configuration: Everything that the results depend on, as JSON values.

    Raises:
      UsageError: If the directory is not writable, has files of another
        program, or belongs to a run with another configuration.
    """
    self.path = os.path.abspath(path)
    self.configuration = dict(configuration)
    self._lock = None
    self._check_writable()
    self._check_owner()

  def claim(self) -> None:
    """Reserves the directory for this run, until this process ends.

    Raises:
      UsageError: If the directory is not writable, or in use by another
        process.
    """
    try:
      os.makedirs(self.path, exist_ok=True)
      self._lock = open(self.file(_LOCK_FILE), 'w')  # Held until exit.
      fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      self._check_owner()  # Under the lock.
      self._remove_unfinished_files()
      if not os.path.exists(self.file(_CONFIGURATION_FILE)):
        contents = {
          'program': _PROGRAM,
          'configuration': self.configuration,
        }
        write_json(self.file(_CONFIGURATION_FILE), contents)
    except BlockingIOError as e:
      raise runner.UsageError(
        f'Expected --output_dir={self.path} to be free, found it in use by '
        'another program; wait for it or choose another directory.'
      ) from e
    except OSError as e:
      raise self._unwritable(e) from e

  def file(self, *names: str) -> str:
    """Returns the path of a file in the directory."""
    return os.path.join(self.path, *names)

  def read_summary(self) -> dict[str, object] | None:
    """Returns the results of the run, `None` if it is not finished."""
    return read_summary(self.path)

  def saved_rounds(self) -> int:
    """Returns the number of completed rounds of the latest checkpoint."""
    try:
      names = os.listdir(self.file(CHECKPOINTS))
    except FileNotFoundError:
      return 0
    matches = map(_PROGRAM_STATE.fullmatch, names)
    return max((int(match[1]) for match in matches if match), default=0)

  def write_summary(self, summary: Mapping[str, object]) -> None:
    """Writes the results of the finished run."""
    write_json(self.file(_SUMMARY_FILE), summary)

  def _check_writable(self) -> None:
    existing = self.path
    while not os.path.lexists(existing):
      existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
      raise self._unwritable(f'{existing} is not a directory')
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
      raise self._unwritable(f'no permission to write to {existing}')

  def _unwritable(self, found: object) -> runner.UsageError:
    return runner.UsageError(
      f'Expected to write to --output_dir={self.path}, found: {found}; choose '
      'another directory.'
    )

  def _check_owner(self) -> None:
    try:
      names = os.listdir(self.path)
    except FileNotFoundError:
      return
    if _CONFIGURATION_FILE in names:
      self._check_configuration()
    elif any(
      name != _LOCK_FILE and not name.endswith(_TEMPORARY_SUFFIX)
      for name in names
    ):
      raise self._foreign()

  def _check_configuration(self) -> None:
    try:
      with open(self.file(_CONFIGURATION_FILE), encoding='utf-8') as f:
        contents = json.load(f)
      is_ours = contents['program'] == _PROGRAM
      found = contents['configuration']
    except (KeyError, TypeError, ValueError):
      is_ours = False
    if not is_ours:
      raise self._foreign()
    # JSON turns tuples into lists.
    expected = json.loads(json.dumps(self.configuration))
    for name in {**expected, **found}:
      if expected.get(name) != found.get(name):
        raise runner.UsageError(
          f'Expected --output_dir={self.path} to belong to a run '
          f'{_with_flag(name, expected)}, found one {_with_flag(name, found)}; '
          'choose another directory.'
        )

  def _foreign(self) -> runner.UsageError:
    return runner.UsageError(
      f'Expected --output_dir={self.path} to be empty or that of an earlier '
      'run, found files of another program; choose another directory.'
    )

  def _remove_unfinished_files(self) -> None:
    """Removes files that a killed program has not finished writing."""
    for pattern in (f'*{_TEMPORARY_SUFFIX}', _TFF_TEMPORARY_PATTERN):
      for path in glob.glob(self.file(pattern)):
        os.remove(path)
    for path in glob.glob(self.file(CHECKPOINTS, _TFF_TEMPORARY_PATTERN)):
      shutil.rmtree(path)


def _with_flag(name: str, configuration: Mapping[str, object]) -> str:
  if configuration.get(name) is None:
    return f'without --{name}'
  return f'with --{name}={configuration[name]}'


def read_summary(path: str) -> dict[str, object] | None:
  """Returns the results of the finished run in a directory, or `None`."""
  try:
    with open(os.path.join(path, _SUMMARY_FILE), encoding='utf-8') as f:
      return json.load(f)
  except FileNotFoundError:
    return None


def write_json(path: str, contents: object) -> None:
  """Writes a JSON file atomically."""
  temporary_path = path + _TEMPORARY_SUFFIX
  with open(temporary_path, 'w', encoding='utf-8') as f:
    json.dump(contents, f, indent=2)
    f.write('\n')
  os.replace(temporary_path, path)
