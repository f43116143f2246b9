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
"""Fingerprint of the data that a task reads; no TensorFlow import."""

from collections.abc import Iterator, Sequence
import hashlib
from importlib import metadata
import os
import platform
import sysconfig
from typing import TypeAlias

from tasks import catalog
from tasks import input_files
from tasks import references
from tasks import user_models
from tasks.folder import client_files
from tasks.folder import schema
from tasks.many_labels import package_list

_Hash: TypeAlias = 'hashlib._Hash'  # pyright: ignore[reportPrivateUsage]
# Distributions whose files are the data of a task.
_DISTRIBUTIONS = {
  'digits': ('scikit-learn',),
  'glyphs': ('matplotlib',),
}
_SKIPPED_DIRECTORIES = ('__pycache__', 'dist-packages', 'site-packages')


def data_fingerprint(
  name: str,
  *,
  data_dir: str | None = None,
  keras_model: str | None = None,
) -> str:
  """Returns the SHA-256 of the data that a task reads.

  It covers the contents of the files in `data_dir`. For tasks whose data comes
  from installed packages, it covers the hashes that these packages record of
  their files, or the modules of Python's standard library. Data that TFF
  downloads is identified by the task alone. Of a user's function it covers the
  file of its module, not other modules that this imports; without files in
  `data_dir`, the data is identified by this module alone.

  Args:
    name: One of `catalog.TASK_NAMES`, or `module:function`.
    data_dir: Directory with the files of the task; `None` for tasks without.
      Of a user's function, all files below it count.
    keras_model: Model of the task `'folder'`.

  Returns:
    64 hexadecimal digits.

  Raises:
    ValueError: If the name is unknown, or a file or package is missing, or a
      file cannot be read or changes meanwhile.
  """
  digest = hashlib.sha256(name.encode())
  if references.is_reference(name):
    _add_file(digest, references.source_file(name), name)
  if keras_model is not None:
    _add_file(digest, user_models.source_file(keras_model), keras_model)
  if data_dir:
    data_dir = os.path.abspath(os.path.expanduser(data_dir))
    paths = _data_files(name, data_dir)
    for path in _files_below(paths):
      _add_file(digest, path, os.path.relpath(path, data_dir))
  elif name == 'python_tokens':
    digest.update(platform.python_version().encode())
    stdlib = sysconfig.get_paths()['stdlib']
    for path in _files_below([stdlib], '.py'):
      _add_file(digest, path, os.path.relpath(path, stdlib))
  elif name in catalog.FUNCTION_TASK_NAMES:
    for distribution in package_list.listed_packages():
      _add_distribution(digest, name, distribution)
  else:
    for distribution in _DISTRIBUTIONS.get(name, ()):
      _add_distribution(digest, name, distribution)
  return digest.hexdigest()


def _data_files(name: str, data_dir: str) -> list[str]:
  """Returns the files and directories that a task reads from `data_dir`."""
  if references.is_reference(name):
    return [data_dir]
  paths = catalog.files(name).find(data_dir)
  if name == 'folder':
    paths += client_files.find_files(data_dir, schema.read_schema(data_dir))
  return paths


def _files_below(paths: Sequence[str], extension: str = '') -> Iterator[str]:
  """Yields files, and the files below directories, in a fixed order."""
  for path in paths:
    if os.path.isfile(path):
      yield path
    for directory, subdirectories, files in os.walk(path):
      subdirectories[:] = sorted(set(subdirectories) - {*_SKIPPED_DIRECTORIES})
      for file in sorted(files):
        if file.endswith(extension):
          yield os.path.join(directory, file)


def _add_file(digest: _Hash, path: str, name: str) -> None:
  contents = input_files.hash_file(path)
  digest.update(f'{name} {contents}\n'.encode('utf-8', 'surrogateescape'))


def _add_distribution(digest: _Hash, task_name: str, distribution: str) -> None:
  try:
    files = metadata.distribution(distribution).files or []
  except metadata.PackageNotFoundError as e:
    raise ValueError(
      f'Expected the package {distribution}, whose files the task '
      f'{task_name!r} reads, found none: install it.'
    ) from e
  for file in sorted(files):
    if file.hash is not None and '..' not in file.parts:
      digest.update(f'{file} {file.hash.value}\n'.encode())
