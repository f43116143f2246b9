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
"""Directory of an exported model; no TensorFlow import."""

import os

from programs.command_line import runner
from programs.runs import run_directory
from programs.runs import run_files

SAVED_MODEL = 'saved_model'
KERAS_MODEL = 'model.keras'
# Entries of a SavedModel.
_SAVED_MODEL_FILES = {
  'assets',
  'assets.extra',
  'fingerprint.pb',
  'keras_metadata.pb',
  'saved_model.pb',
  'variables',
}


def check(path: str, flag_name: str) -> None:
  """Raises `UsageError` unless an export into a directory replaces only itself.

  An earlier export may be replaced. That of a run is refused: the other files
  of its directory would be those of another model.

  Args:
    path: Path of a directory, which need not exist yet.
    flag_name: Name of its flag, for the message.
  """
  run_directory.check_writable(path, flag_name)
  found = _foreign_file(path)
  if found is not None:
    raise runner.UsageError(
      f'Expected --{flag_name}={path} to be new or that of an earlier export, '
      f'found {found}; choose another directory.'
    )


def _foreign_file(path: str) -> str | None:
  """Returns the name of a file that no export has left, `None` without any."""
  entries = _entries(path)
  if run_files.CONFIGURATION in entries:
    return run_files.CONFIGURATION
  if SAVED_MODEL not in entries:
    # A killed export leaves the earlier one under another name.
    is_replaced = any(name.startswith(f'{SAVED_MODEL}.') for name in entries)
    return KERAS_MODEL if KERAS_MODEL in entries and not is_replaced else None
  saved_model = os.path.join(path, SAVED_MODEL)
  if os.path.islink(saved_model) or not os.path.isdir(saved_model):
    return SAVED_MODEL
  foreign = sorted(_entries(saved_model) - _SAVED_MODEL_FILES)
  return os.path.join(SAVED_MODEL, foreign[0]) if foreign else None


def _entries(path: str) -> set[str]:
  return set(os.listdir(path)) if os.path.isdir(path) else set()
