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
"""The directory that client data is cached in; no TensorFlow import."""

import os

CACHE_VARIABLE = 'TFF_METHODS_CACHE'
REMEDY = (
  f'choose another directory with `cache_dir` or ${CACHE_VARIABLE}, '
  'or free space in it.'
)


def cache_directory(cache_dir: str | None) -> str:
  """Returns the absolute path of `cache_dir`, or of the default directory.

  Args:
    cache_dir: A directory. `None` stands for the environment variable
      `TFF_METHODS_CACHE` or, where that is unset or empty, for
      `~/.cache/tff_methods`.

  Returns:
    The path of a directory, which need not exist.

  Raises:
    ValueError: If the path exists and is not a directory, has a NUL, or is not
      in UTF-8.
  """
  path = cache_dir or os.environ.get(CACHE_VARIABLE) or '~/.cache/tff_methods'
  path = os.path.abspath(os.path.expanduser(path))
  shown = path.encode('utf-8', 'backslashreplace').decode()
  # TensorFlow takes no other paths.
  if '\0' in path or shown != path:
    raise ValueError(
      f'Expected a path in UTF-8 and without NUL, found {shown!r}: {REMEDY}'
    )
  if os.path.exists(path) and not os.path.isdir(path):
    raise ValueError(
      f'Expected {path} to be a directory, found a file: {REMEDY}'
    )
  return path
