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
"""Sources of the tasks' data: files, or installed packages."""

from collections.abc import Callable
import dataclasses
import hashlib
from typing import Generic, TypeVar

_Data = TypeVar('_Data')
_AnySource = TypeVar('_AnySource', bound='Source')


@dataclasses.dataclass(frozen=True)
class Source(Generic[_Data]):
  """A data set that is read when it is first needed.

  Attributes:
    fingerprint: Changes with everything that changes the result of `load`.
    load: Reads the data; raises `ValueError` for damaged files.
  """

  fingerprint: str
  load: Callable[[], _Data]


def open_source(
  open_fn: Callable[..., _AnySource], data_dir: str | None
) -> _AnySource:
  """Opens a source, from `data_dir` where one is given.

  Args:
    open_fn: Opens the source. Takes `data_dir` if the task does, and no
      arguments otherwise.
    data_dir: Directory with the files of the task, or `None`.

  Returns:
    The source.

  Raises:
    ValueError: If files or packages are missing.
  """
  return open_fn(data_dir) if data_dir else open_fn()


def is_held_out(name: str) -> bool:
  """Returns `True` for the one in ten names that are for testing, by a hash."""
  digest = hashlib.sha256(name.encode()).digest()
  return int.from_bytes(digest[:8], 'little') % 10 == 0
