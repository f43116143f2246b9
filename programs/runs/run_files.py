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
"""Files of a run directory: names, and JSON files written as a whole."""

from collections.abc import Callable, Generator, Mapping
import contextlib
import json
import math
import os
import re
import reprlib
from typing import Any, TypeGuard

from programs.command_line import runner

CONFIGURATION = 'configuration.json'
CHECKPOINTS = 'checkpoints'
LAST_CHECKPOINT = 'last_checkpoint.json'
CLIENT_STATES = 'client_states'
METRICS = 'metrics.csv'
PRIVACY_LEDGER = 'privacy_ledger.json'
SUMMARY = 'summary.json'
TEST_EVALUATION = 'test_evaluation.json'
TRAIN_EVALUATION = 'train_evaluation.json'
LAST_WEIGHTS = 'model_weights.npz'
BEST_WEIGHTS = 'best_model_weights.npz'
TEMPORARY_SUFFIX = '.temporary'

# Largest count; larger integers are also no `float`.
_MAX_COUNT = 2**63 - 1


def is_count(value: object) -> TypeGuard[int]:
  """Returns whether a value is an integer of at least 0, not too large."""
  # A bool is an `int`, too.
  return type(value) is int and 0 <= value <= _MAX_COUNT


def _is_number(value: object) -> bool:
  return isinstance(value, float) or (
    type(value) is int and abs(value) <= _MAX_COUNT
  )


def _is(kind: type) -> Callable[[object], bool]:
  return lambda value: isinstance(value, kind)


_RESULTS = {
  'rounds': is_count,
  'metrics': _is(dict),
  'uplink_bytes': is_count,
  'downlink_bytes': is_count,
}
_SUMMARY = {
  'task': _is(str),
  'method': _is(str),
  **_RESULTS,
  'seconds': _is_number,
  'rounds_without_update': is_count,
  'stopped_early': _is(bool),
  'best_metric': _is(str),
  'best': _is(dict),
  'model_bytes': is_count,
  'configuration': _is(dict),
}
# Only with --measure_client_seconds.
CLIENT_SECONDS = 'client_seconds'
# Entries that not all runs have.
_OPTIONAL = {
  'num_clients': lambda value: is_count(value) and value > 0,
  'privacy': _is(dict),
  CLIENT_SECONDS: lambda value: _is_number(value) and 0 <= value < math.inf,
}
_PRIVACY = {
  'epsilon': _is_number,
  'delta': _is_number,
  'neighbours': _is(str),
  'assumption': _is(str),
}
_NO_PRIVACY = {'epsilon': lambda value: value is None, 'reason': _is(str)}
# Last part of the messages for files that are damaged or lost.
REMEDY = (
  'put back a copy of the run directory, or start again in another --output_dir'
)
_OPERATION = re.compile(r'^(\{\{.*?\}\} )+|\[Op:\w*\].*$')
# Characters of another library's message in one of this program.
_MAX_MESSAGE = 200
# NumPy's message for a full disk has no error code.
_FULL_DISK = re.compile(r'\d+ requested and \d+ written')


class StorageError(Exception):
  """A file of a run that cannot be written; the message is one line."""


def storage_error(path: str, error: BaseException) -> StorageError:
  """Returns the error for a file that cannot be written.

  Args:
    path: Path of the file.
    error: The cause.
  """
  found = getattr(error, 'strerror', None) or first_line(error)
  if _FULL_DISK.search(found):
    found = 'No space left on device'
  return StorageError(
    f'Expected to write {path}, found: {found}; make room or give permission.'
  )


def first_line(error: BaseException) -> str:
  """Returns the message of an error in one line, or else its type.

  TensorFlow writes its operation before and after the message.

  Args:
    error: The error.
  """
  (line, *_) = str(error).splitlines() or ['']
  message = _OPERATION.sub('', line).strip()
  return message[:_MAX_MESSAGE] or type(error).__name__


@contextlib.contextmanager
def replacing(path: str) -> Generator[str, None, None]:
  """Replaces a file as a whole: readers find the earlier one or all of this.

  Args:
    path: Path of the file.

  Yields:
    Path to write to, whose file then takes the place of the earlier one, unless
    there was an error.

  Raises:
    OSError: If the file cannot be moved.
  """
  temporary_path = path + TEMPORARY_SUFFIX
  yield temporary_path
  os.replace(temporary_path, path)


def write_json(path: str, contents: object) -> None:
  """Writes a JSON file atomically.

  Args:
    path: Path of the file.
    contents: JSON values.

  Raises:
    StorageError: If the file cannot be written.
  """
  try:
    with (
      replacing(path) as temporary_path,
      open(temporary_path, 'w', encoding='utf-8') as f,
    ):
      json.dump(contents, f, indent=2)
      f.write('\n')
  except OSError as e:
    raise storage_error(path, e) from e


def read_json(path: str) -> dict[str, Any] | None:
  """Reads a JSON file with an object; `None` if there is no such file.

  Args:
    path: Path of the file.

  Raises:
    UsageError: If the file cannot be read, or has other contents.
  """
  try:
    with open(path, encoding='utf-8') as f:
      contents = json.load(f)
    # Lone surrogates could be written nowhere.
    json.dumps(contents, ensure_ascii=False).encode('utf-8')
  except FileNotFoundError:
    if os.path.lexists(path):
      raise damaged(path, 'a link to no file') from None
    return None
  except OSError as e:
    raise damaged(path, e.strerror or type(e).__name__) from e
  except (ValueError, RecursionError) as e:
    raise damaged(path, 'no JSON') from e
  if not isinstance(contents, dict):
    raise damaged(path, f'a JSON {type(contents).__name__}')
  return contents


def read_summary(directory: str) -> dict[str, Any] | None:
  """Returns the results of the finished run in a directory, or `None`.

  Args:
    directory: Path of the run directory.

  Raises:
    UsageError: If the file is damaged.
  """
  path = os.path.join(directory, SUMMARY)
  summary = read_json(path)
  if summary is not None:
    _check_summary(path, summary)
  return summary


def _check_summary(path: str, summary: Mapping[str, Any]) -> None:
  """Raises `UsageError` unless a summary has what its readers take from it."""
  given = {
    name: is_valid for name, is_valid in _OPTIONAL.items() if name in summary
  }
  _check_entries(path, '', summary, _SUMMARY | given)
  _check_entries(path, 'best.', summary['best'], _RESULTS)
  for prefix, results in (('', summary), ('best.', summary['best'])):
    metrics = results['metrics']
    names = {*metrics, 'loss', summary['best_metric']}
    _check_entries(
      path,
      f'{prefix}metrics.',
      metrics,
      dict.fromkeys(sorted(names), _is_number),
    )
  if summary['best']['rounds'] > summary['rounds']:
    raise damaged(path, f'{summary["best"]["rounds"]} as best.rounds')
  if 'privacy' in summary:
    privacy = summary['privacy']
    entries = _NO_PRIVACY if privacy.get('epsilon') is None else _PRIVACY
    _check_entries(path, 'privacy.', privacy, entries)


def damaged(path: str, found: str) -> runner.UsageError:
  """Returns the error for a file of a run that is damaged.

  Args:
    path: Path of the file.
    found: Description of its contents.
  """
  return runner.UsageError(
    f'Expected {path} as programs.train writes it, found {found}; {REMEDY}.'
  )


def _check_entries(
  path: str,
  prefix: str,
  contents: Mapping[str, object],
  entries: Mapping[str, Callable[[Any], bool]],
) -> None:
  for name, is_valid in entries.items():
    value = contents.get(name)
    if not is_valid(value):
      raise damaged(path, f'{reprlib.repr(value)} as {prefix}{name}')
