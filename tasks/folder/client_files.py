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
"""Files of a folder of client data; no TensorFlow import."""

import glob
import os

from tasks.folder import schema as schema_lib

EXTENSIONS = ('.npz', '.csv', '.parquet', '.tfrecord')
_MAX_LISTED = 5


def find_files(data_dir: str, schema: schema_lib.Schema) -> list[str]:
  """Finds the files that a schema names.

  Args:
    data_dir: The folder.
    schema: Its schema.

  Returns:
    Their absolute paths, sorted, all of one format.

  Raises:
    ValueError: If there are none, or they have several formats, or a name that
      is no text.
  """
  data_dir = os.path.abspath(os.path.expanduser(data_dir))
  names = [
    name
    for name in glob.glob(schema.files, root_dir=data_dir, recursive=True)
    if os.path.splitext(name)[1] in EXTENSIONS
    and not os.path.isdir(os.path.join(data_dir, name))
  ]
  formats = sorted({os.path.splitext(name)[1] for name in names})
  if len(formats) != 1:
    listed = ' and '.join(formats) or 'none'
    raise ValueError(
      f'Expected files {schema.files!r} of one format of '
      f'{", ".join(EXTENSIONS)} in {data_dir}, found {listed}: correct `files` '
      f'in {schema.path}.'
    )
  for name in names:
    try:
      name.encode()
    except UnicodeEncodeError as e:
      raise ValueError(
        f'Expected names of files in UTF-8 in {data_dir}, found {name!r}: '
        'rename it.'
      ) from e
  return [os.path.join(data_dir, name) for name in sorted(names)]


def client_id(data_dir: str, path: str) -> str:
  """Returns the id of the client of a file: its path without extension.

  Args:
    data_dir: The folder.
    path: Path of the file, below the folder.
  """
  data_dir = os.path.abspath(os.path.expanduser(data_dir))
  return os.path.splitext(os.path.relpath(path, data_dir))[0]


def list_briefly(names: list[str]) -> str:
  """Returns the first names, and the number of the others."""
  listed = ', '.join(names[:_MAX_LISTED])
  others = len(names) - _MAX_LISTED
  return f'{listed} and {others} more' if others > 0 else listed
