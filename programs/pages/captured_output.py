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
"""Standard output of a program, as a file of `results/`."""

from collections.abc import Sequence
import os
import pathlib

from programs.command_line import child_process
from programs.command_line import stop_signals
from programs.runs import run_files


def write(
  command: Sequence[str], stop: stop_signals.StopSignals, path: pathlib.Path
) -> int:
  """Runs a program, and writes what it prints to a file if it succeeds.

  Args:
    command: The program and its arguments.
    stop: The context of stop signals.
    path: Path of the file; an earlier one is replaced as a whole.

  Returns:
    The exit code of the program.

  Raises:
    Stopped: After a stop signal, once the program has ended.
    StorageError: If the file cannot be written.
  """
  temporary_path = pathlib.Path(f'{path}{run_files.TEMPORARY_SUFFIX}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      with open(temporary_path, 'wb') as file:
        exit_code = child_process.run(command, stop, file)
      if not exit_code:
        os.replace(temporary_path, path)
    finally:
      temporary_path.unlink(missing_ok=True)
  except OSError as e:
    raise run_files.storage_error(str(path), e) from e
  return exit_code
