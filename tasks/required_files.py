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
"""Files that a task reads from `data_dir`; no TensorFlow import."""

from collections.abc import Sequence
import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class RequiredFiles:
  """Files that a task reads from `data_dir`.

  Attributes:
    layouts: Paths relative to `data_dir`, in alternative sets; one complete set
      suffices, and the first complete one is read. A path that ends in a slash
      is a directory, which must not be empty. Without layouts, the task takes
      no `data_dir`.
    is_downloadable: If true, the files are downloaded where no `data_dir` is
      given.
  """

  layouts: tuple[tuple[str, ...], ...] = ()
  is_downloadable: bool = False

  @property
  def description(self) -> str:
    """The paths as a phrase: "a, b and c", or "a and b, or c and d"."""
    return ', or '.join(
      ' and '.join(filter(None, [', '.join(paths[:-1]), paths[-1]]))
      for paths in self.layouts
    )

  def check(self, task_name: str, data_dir: str | None) -> None:
    """Checks that `data_dir` is given where it is needed, and has the files.

    Args:
      task_name: Name of the task, for messages.
      data_dir: The directory, or `None`.

    Raises:
      ValueError: If `data_dir` is missing, is not taken, or lacks a file.
    """
    if not self.layouts and data_dir:
      raise ValueError(
        f'Task {task_name!r} takes no `data_dir`, found {data_dir!r}: leave it '
        'out.'
      )
    if self.layouts and not data_dir and not self.is_downloadable:
      raise ValueError(
        f'Task {task_name!r} expects `data_dir`, the directory with '
        f'{self.description}, found none: give it, or choose the task '
        "'digits', which needs no files."
      )
    if data_dir:
      self.find(data_dir)

  def find(self, data_dir: str) -> list[str]:
    """Finds the files of the first layout that is complete.

    Args:
      data_dir: The directory that holds them.

    Returns:
      Their absolute paths, in the order of the layout.

    Raises:
      ValueError: If each layout lacks a file, or a directory cannot be listed.
    """
    data_dir = os.path.abspath(os.path.expanduser(data_dir))
    candidates = [
      [os.path.join(data_dir, path) for path in paths] for paths in self.layouts
    ]
    for paths in candidates:
      if all(map(_exists, paths)):
        return [path.rstrip('/') for path in paths]
    raise ValueError(self._missing_message(data_dir, candidates))

  def _missing_message(
    self, data_dir: str, candidates: Sequence[Sequence[str]]
  ) -> str:
    if len(candidates) > 1:
      return (
        f'Expected {self.description} in {data_dir}, found neither set '
        'complete: `data_dir` must be a directory with one of them.'
      )
    missing = next(path for path in candidates[0] if not _exists(path))
    if missing.endswith('/'):
      problem = f'Expected a directory with files, {missing}, found none'
    else:
      problem = f'Expected the file {missing}, found {_find(missing)}'
    remedy = f'`data_dir` must be a directory with {self.description}'
    if self.is_downloadable:
      remedy += '; leave it out to download them'
    return f'{problem}: {remedy}.'


def _find(path: str) -> str:
  """Describes the thing in place of a file."""
  try:
    os.stat(path)
  except PermissionError:
    return 'no permission to look'
  except ValueError:  # A NUL character.
    return 'a path that cannot be'
  except OSError as e:
    return (
      'none' if isinstance(e, FileNotFoundError) else f'none ({e.strerror})'
    )
  return 'a directory' if os.path.isdir(path) else 'no regular file'


def _exists(path: str) -> bool:
  if path.endswith('/'):
    try:
      return os.path.isdir(path) and bool(os.listdir(path))
    except PermissionError as e:
      raise ValueError(
        f'Expected to list the directory {path}, found no permission: make it '
        'readable.'
      ) from e
  return os.path.isfile(path)
