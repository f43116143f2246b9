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

from collections.abc import Mapping
import json
import os
import re
from typing import Any

from programs.command_line import runner

CONFIGURATION = 'configuration.json'
CHECKPOINTS = 'checkpoints'
LAST_CHECKPOINT = 'last_checkpoint.json'
CLIENT_STATES = 'client_states'
METRICS = 'metrics.csv'
SUMMARY = 'summary.json'
TEMPORARY_SUFFIX = '.temporary'

_NUMBER = (int, float)
_RESULTS = {
  'rounds': int,
  'metrics': dict,
  'uplink_bytes': int,
  'downlink_bytes': int,
}
_SUMMARY_TYPES = {
  'task': str,
  'method': str,
  **_RESULTS,
  'seconds': _NUMBER,
  'rounds_without_update': int,
  'stopped_early': bool,
  'best_metric': str,
  'best': dict,
  'model_bytes': int,
  'configuration': dict,
}
# Last part of the messages for files that are damaged or lost.
REMEDY = (
  'put back a copy of the run directory, or start again in another --output_dir'
)
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
  found = getattr(error, 'strerror', None) or str(error)
  if _FULL_DISK.search(found):
    found = 'No space left on device'
  (first_line, *_) = found.splitlines() or [type(error).__name__]
  return StorageError(
    f'Expected to write {path}, found: {first_line}; make room or give '
    'permission.'
  )


def write_json(path: str, contents: object) -> None:
  """Writes a JSON file atomically.

  Args:
    path: Path of the file.
    contents: JSON values.

  Raises:
    StorageError: If the file cannot be written.
  """
  temporary_path = path + TEMPORARY_SUFFIX
  try:
    with open(temporary_path, 'w', encoding='utf-8') as f:
      json.dump(contents, f, indent=2)
      f.write('\n')
    os.replace(temporary_path, path)
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
  except FileNotFoundError:
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
    _check_types(path, '', summary, _SUMMARY_TYPES)
    _check_types(path, 'best.', summary['best'], _RESULTS)
    for prefix, results in (('', summary), ('best.', summary['best'])):
      metrics = results['metrics']
      _check_types(
        path, f'{prefix}metrics.', metrics, dict.fromkeys(metrics, _NUMBER)
      )
  return summary


def damaged(path: str, found: str) -> runner.UsageError:
  """Returns the error for a file of a run that is damaged.

  Args:
    path: Path of the file.
    found: Description of its contents.
  """
  return runner.UsageError(
    f'Expected {path} as programs.train writes it, found {found}; {REMEDY}.'
  )


def _check_types(
  path: str,
  prefix: str,
  contents: Mapping[str, object],
  types: Mapping[str, type | tuple[type, ...]],
) -> None:
  for name, kind in types.items():
    value = contents.get(name)
    is_number = kind is not bool and not isinstance(value, bool)
    if not isinstance(value, kind) or not (is_number or kind is bool):
      raise damaged(path, f'{value!r} as {prefix}{name}')
