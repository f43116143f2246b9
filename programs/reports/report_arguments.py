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
"""Where programs that report on what was trained write."""

import os

from programs.command_line import common_flags
from programs.command_line import runner


def make_output_dir() -> None:
  """Makes --output_dir.

  Raises:
    UsageError: If it cannot be written to, or if --rounds is given.
  """
  if common_flags.ROUNDS.present:
    raise runner.UsageError(
      f'Expected no --rounds, found --rounds={common_flags.ROUNDS.value}; '
      'leave it out, since nothing is trained.'
    )
  path = common_flags.OUTPUT_DIR.value
  try:
    os.makedirs(path, exist_ok=True)
    found = None if os.access(path, os.W_OK | os.X_OK) else 'no permission'
  except OSError as e:
    found = e
  if found is not None:
    raise runner.UsageError(
      f'Expected to write to --output_dir={path}, found: {found}; choose '
      'another directory.'
    )
