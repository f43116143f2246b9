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
"""Flag files that come with the programs, by name."""

import os
import pathlib

import programs

_DIRECTORY = pathlib.Path(programs.__file__).parent / 'flagfiles'
_FLAG = '--flagfile='


def find(path: str) -> str:
  """Returns the path of a flag file.

  Args:
    path: Path of a file, or the name of one of `programs/flagfiles`, without
      directory and extension. A file of the current directory comes first.
  """
  included = _DIRECTORY / f'{path}.flags'
  is_name = os.sep not in path
  if is_name and not os.path.isfile(path) and included.is_file():
    return str(included)
  return path


def resolve(argument: str) -> str:
  """Returns an argument, with the path of the flag file that it names."""
  if not argument.startswith(_FLAG):
    return argument
  return _FLAG + find(argument.removeprefix(_FLAG))
