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
"""Packages whose functions are the data of `api_calls` and `identifiers`.

No import of TensorFlow or NumPy.
"""

import pathlib
import re

PATH = pathlib.Path(__file__).parent / 'api_calls_packages.txt'

_LINE = re.compile(r'^([\w.-]+)$', re.MULTILINE)


def listed_packages(path: pathlib.Path | None = None) -> list[str]:
  """Returns the names of the packages, in the order of the list.

  Args:
    path: Path of the list: a name in each line, and comments that start with
      `#`. `None` selects `PATH`.

  Returns:
    The names.

  Raises:
    ValueError: If there is no list, or it has no names.
  """
  path = path or PATH
  try:
    names = _LINE.findall(path.read_text(encoding='utf-8'))
  except (OSError, UnicodeDecodeError):
    names = []
  if not names:
    raise ValueError(
      f'Expected the file {path}, which lists the packages, found none: take '
      'it from the repository, or choose another task.'
    )
  return names
