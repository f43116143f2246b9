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
"""The output directory of a run: whose it is, and the files in it.

| file | what |
| --- | --- |
| `configuration.json` | what makes this run this run |
| `checkpoints/` | program states, for resuming |
| `client_states/` | what each client keeps, where the method has it do so |
| `metrics.csv` | one row a round; bytes are sums from the first round on |
| `tensorboard/` | the same, for TensorBoard |
| `model_weights.npz` | arrays `trainable_0`, ..., `non_trainable_0`, ... |
| `best_model_weights.npz` | those of the best evaluation, after round 0 |
| `summary.json` | the results, once the run is finished |
| `finished_with.json` | of `programs.compare`: with which flags |
"""

from collections.abc import Mapping
import fcntl
import glob
import json
import os
import shutil

from programs.command_line import runner

_CONFIGURATION_FILE = 'configuration.json'
_SUMMARY_FILE = 'summary.json'
METRICS_FILE = 'metrics.csv'
_LOCK_FILE = '.lock'
_TEMPORARY_SUFFIX = '.temporary'
# How TFF's managers call what they have not finished writing.
_TFF_TEMPORARY_PATTERN = '*_temp[0-9]*'
_PROGRAM = 'tff-methods programs/train'


class RunDirectory:
  """A directory that belongs to one run.

  A run is resumed by a program with the same configuration. The number of
  rounds is not part of it, so a finished run can be asked for more.
  """

  def __init__(self, path: str, configuration: Mapping[str, object]):
    """Looks at the directory and changes nothing.

    Args:
      path: A directory, or where one can be made.
      configuration: All that the run's results depend on, as JSON values.

    Raises:
      UsageError: If the directory cannot be written to, has files that no run
        made, or is that of a run with another configuration.
    """
    self.path = os.path.abspath(path)
    self._configuration = dict(configuration)
    self._lock = None
    self._check_writable()
    self._check_owner()

  def claim(self) -> None:
    """Makes the directory this run's, for as long as this process lives.

    Raises:
      UsageError: If it cannot be written to, or another process has it.
    """
    try:
      os.makedirs(self.path, exist_ok=True)
      self._lock = open(self.file(_LOCK_FILE), 'w')  # Held until the end.
      fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      self._check_owner()  # Now that nobody else can change it.
      self._remove_unfinished_files()
      if not os.path.exists(self.file(_CONFIGURATION_FILE)):
        contents = {
          'program': _PROGRAM,
          'configuration': self._configuration,
        }
        write_json(self.file(_CONFIGURATION_FILE), contents)
    except BlockingIOError as e:
      raise runner.UsageError(
        f'Expected --output_dir={self.path} to be free, found another program '
        'at work there; wait for it or choose another directory.'
      ) from e
    except OSError as e:
      raise self._unwritable(e) from e

  def file(self, *names: str) -> str:
    """The path of a file in the directory."""
    return os.path.join(self.path, *names)

  def read_summary(self) -> dict[str, object] | None:
    """The results of the run, or `None` if it has not finished yet."""
    return read_summary(self.path)

  def write_summary(self, summary: Mapping[str, object]) -> None:
    """Writes the results of the finished run."""
    write_json(self.file(_SUMMARY_FILE), summary)

  def _check_writable(self) -> None:
    existing = self.path
    while not os.path.lexists(existing):
      existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
      raise self._unwritable(f'{existing} is no directory')
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
    # As JSON has it: tuples are lists there.
    expected = json.loads(json.dumps(self._configuration))
    for name in {**expected, **found}:
      if expected.get(name) != found.get(name):
        raise runner.UsageError(
          f'Expected --output_dir={self.path} to be of a run '
          f'{_with_flag(name, expected)}, found one {_with_flag(name, found)}; '
          'choose another directory.'
        )

  def _foreign(self) -> runner.UsageError:
    return runner.UsageError(
      f'Expected --output_dir={self.path} to be empty or of an earlier run, '
      'found files that are not from this program; choose another directory.'
    )

  def _remove_unfinished_files(self) -> None:
    """Removes what a program that was killed could not finish writing."""
    for pattern in (f'*{_TEMPORARY_SUFFIX}', _TFF_TEMPORARY_PATTERN):
      for path in glob.glob(self.file(pattern)):
        os.remove(path)
    for path in glob.glob(self.file('checkpoints', _TFF_TEMPORARY_PATTERN)):
      shutil.rmtree(path)


def _with_flag(name: str, configuration: Mapping[str, object]) -> str:
  if configuration.get(name) is None:
    return f'without --{name}'
  return f'with --{name}={configuration[name]}'


def read_summary(path: str) -> dict[str, object] | None:
  """The results of the run in the directory `path`, `None` without any."""
  try:
    with open(os.path.join(path, _SUMMARY_FILE), encoding='utf-8') as f:
      return json.load(f)
  except FileNotFoundError:
    return None


def write_json(path: str, contents: object) -> None:
  """Writes a JSON file that is there as a whole or not at all."""
  temporary_path = path + _TEMPORARY_SUFFIX
  with open(temporary_path, 'w', encoding='utf-8') as f:
    json.dump(contents, f, indent=2)
    f.write('\n')
  os.replace(temporary_path, path)
