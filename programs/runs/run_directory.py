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
"""Directory of one run: its owner, configuration and completeness.

| file | contents |
| --- | --- |
| `configuration.json` | everything that the results depend on |
| `checkpoints/` | program states, for resuming |
| `last_checkpoint.json` | number of rounds of the latest checkpoint |
| `client_states/` | states of the clients, for methods with client state |
| `privacy_ledger.json` | started rounds, for methods with noise |
| `metrics.csv` | one row a round; bytes are sums from the first round on |
| `tensorboard/` | the same and the configuration, for TensorBoard |
| `model_weights.npz` | weights by name, see `programs/runs/saved_weights.py` |
| `best_model_weights.npz` | weights of the best evaluation after round 0 |
| `saved_model/` | the model for TensorFlow, with preprocessing |
| `model.keras` | the model for Keras, if all its layers are Keras' own |
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
from typing import Any, IO

from programs.command_line import runner
from programs.runs import environment
from programs.runs import metrics_file
from programs.runs import run_files

_LOCK_FILE = '.lock'
# Name of a file that a manager of TFF has not finished writing.
_TFF_TEMPORARY_PATTERN = '*_temp[0-9]*'
_PROGRAM = 'tff-methods programs/train'
# Directories of `tff.program.FileProgramStateManager`.
_PROGRAM_STATE = re.compile(r'program_state_(\d+)')
# Bytes; the files of a run need the rest of Linux's 4,096.
_MAX_NAME, _MAX_PATH = 255, 3_840
_URL = re.compile(r'\w+://')


class RunDirectory:
  """Directory that belongs to one run.

  A program with the same configuration and data resumes the run. The number of
  rounds is not part of the configuration, so a finished run can be continued.

  Attributes:
    path: Absolute path of the directory.
    configuration: Flags that the results depend on, as JSON values.
  """

  def __init__(
    self, path: str, configuration: Mapping[str, object], runtime: str
  ):
    """Reads the directory; changes nothing.

    Args:
      path: Path of a directory, which need not exist yet.
      configuration: Flags that the results depend on, as JSON values.
      runtime: Name of the runtime; another one changes last bits alone.

    Raises:
      UsageError: If the directory is not writable, has files of another
        program, or belongs to a run with another configuration.
    """
    self.path = os.path.abspath(path)
    self.configuration = dict(configuration)
    self._data_sha256 = None
    self._environment = environment.describe(runtime)
    self._lock = None
    check_writable(path)
    self._check_owner()

  def check_data(self, sha256: str) -> None:
    """Raises `UsageError` unless the run was started with the same data.

    Args:
      sha256: Fingerprint of the contents of the data.
    """
    self._data_sha256 = sha256
    found = self._read_configuration()
    if found is not None and found.get('data_sha256') != sha256:
      raise runner.UsageError(
        f'Expected the data of the run in --output_dir={self.path}, with '
        f'SHA-256 {found.get("data_sha256")}, found other data, with {sha256}; '
        'give the data of that run or choose another directory.'
      )

  def check_complete(self) -> None:
    """Raises `UsageError` if files that the run has written are lost.

    These are the latest checkpoint, and the metrics of its rounds.
    """
    path = self.file(run_files.LAST_CHECKPOINT)
    contents = run_files.read_json(path)
    last = 0
    if contents is not None:
      last = contents.get('round')
      if isinstance(last, bool) or not isinstance(last, int) or last < 0:
        raise run_files.damaged(path, f'{last!r} as round')
    saved = self.saved_rounds()
    if saved < last:
      raise run_files.damaged(
        self.file(run_files.CHECKPOINTS),
        f'no checkpoint of round {last}, which {run_files.LAST_CHECKPOINT} '
        'names',
      )
    if saved:
      metrics_path = self.file(run_files.METRICS)
      num_rows = len(metrics_file.read(metrics_path))
      if num_rows <= saved:
        raise run_files.damaged(
          metrics_path, f'no row of round {num_rows} of {saved}'
        )

  def changed_environment(self) -> list[str]:
    """Returns the versions, kernels and processors that changed since."""
    found = self._read_configuration()
    if found is None:
      return []
    return environment.changes(found.get('environment', {}), self._environment)

  def claim(self) -> None:
    """Reserves the directory for this run, until this process ends.

    Raises:
      UsageError: If the directory is not writable, or in use by another
        process.
    """
    try:
      os.makedirs(self.path, exist_ok=True)
      self._lock = _open_lock(self.file(_LOCK_FILE))  # Held until exit.
      fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      self._check_owner()  # Under the lock.
      self._remove_unfinished_files()
      if not os.path.exists(self.file(run_files.CONFIGURATION)):
        contents = {
          'program': _PROGRAM,
          'configuration': self.configuration,
          'data_sha256': self._data_sha256,
          'environment': self._environment,
        }
        run_files.write_json(self.file(run_files.CONFIGURATION), contents)
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

  def read_summary(self) -> dict[str, Any] | None:
    """Returns the results of the run, `None` if it is not finished."""
    return run_files.read_summary(self.path)

  def saved_rounds(self) -> int:
    """Returns the number of completed rounds of the latest checkpoint."""
    try:
      names = os.listdir(self.file(run_files.CHECKPOINTS))
    except FileNotFoundError:
      return 0
    except OSError as e:
      raise run_files.damaged(
        self.file(run_files.CHECKPOINTS), e.strerror or type(e).__name__
      ) from e
    matches = map(_PROGRAM_STATE.fullmatch, names)
    return max((int(match[1]) for match in matches if match), default=0)

  def write_summary(self, summary: Mapping[str, object]) -> None:
    """Writes the results of the finished run."""
    run_files.write_json(self.file(run_files.SUMMARY), summary)

  def _unwritable(self, found: object) -> runner.UsageError:
    return _unwritable(self.path, found)

  def _check_owner(self) -> None:
    try:
      names = os.listdir(self.path)
    except FileNotFoundError:
      return
    except OSError as e:
      raise self._unwritable(e) from e
    if run_files.CONFIGURATION in names:
      self._check_configuration()
    elif any(
      name != _LOCK_FILE and not name.endswith(run_files.TEMPORARY_SUFFIX)
      for name in names
    ):
      raise self._foreign()

  def _read_configuration(self) -> dict[str, Any] | None:
    """Returns the contents of `configuration.json`, `None` without any."""
    path = self.file(run_files.CONFIGURATION)
    contents = run_files.read_json(path)
    if contents is not None:
      if contents.get('program') != _PROGRAM:
        raise self._foreign()
      for name in ('configuration', 'environment'):
        if not isinstance(contents.get(name, {}), dict):
          raise run_files.damaged(path, f'{contents[name]!r} as {name}')
    return contents

  def _check_configuration(self) -> None:
    found = (self._read_configuration() or {}).get('configuration', {})
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
    for pattern in (f'*{run_files.TEMPORARY_SUFFIX}', _TFF_TEMPORARY_PATTERN):
      for path in glob.glob(glob.escape(self.path) + f'/{pattern}'):
        if os.path.isdir(path):
          shutil.rmtree(path)
        else:
          os.remove(path)
    checkpoints = glob.escape(self.file(run_files.CHECKPOINTS))
    for path in glob.glob(f'{checkpoints}/{_TFF_TEMPORARY_PATTERN}'):
      shutil.rmtree(path)


def _with_flag(name: str, configuration: Mapping[str, object]) -> str:
  if configuration.get(name) is None:
    return f'without --{name}'
  return f'with --{name}={configuration[name]}'


def check_writable(path: str, flag_name: str = 'output_dir') -> None:
  """Raises `UsageError` unless a directory can be made or written to.

  Args:
    path: Path of a directory, which need not exist yet.
    flag_name: Name of its flag, for the message.
  """
  if _URL.match(path):
    raise runner.UsageError(
      f'Expected a local directory for --{flag_name}, found {path}; give a '
      'path.'
    )
  path = os.path.abspath(path)
  if '\0' in path:
    raise _unwritable(path, 'a NUL byte', flag_name)
  try:
    path.encode('utf-8')
  except UnicodeEncodeError:  # TensorFlow takes no other paths.
    shown = path.encode('utf-8', 'backslashreplace').decode()
    raise _unwritable(shown, 'a name that is not in UTF-8', flag_name) from None
  names = [os.fsencode(name) for name in path.split(os.sep)]
  if max(map(len, names)) > _MAX_NAME or len(os.fsencode(path)) > _MAX_PATH:
    raise _unwritable(path, 'a path that is too long', flag_name)
  existing = path
  while not os.path.lexists(existing):
    existing = os.path.dirname(existing)
  if not os.path.isdir(existing):
    raise _unwritable(path, f'{existing} is not a directory', flag_name)
  if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
    raise _unwritable(path, f'no permission to write to {existing}', flag_name)


def _unwritable(
  path: str, found: object, flag_name: str = 'output_dir'
) -> runner.UsageError:
  return runner.UsageError(
    f'Expected to write to --{flag_name}={path}, found: {found}; choose '
    'another directory.'
  )


def _open_lock(path: str) -> IO[bytes]:
  """Opens a lock file; never follows a link, truncates or waits."""
  flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
  return os.fdopen(os.open(path, flags, 0o666), 'r+b', buffering=0)
