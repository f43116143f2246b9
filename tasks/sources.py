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
"""Where the data of tasks come from: files, or what is installed."""

from collections.abc import Callable
import dataclasses
import hashlib
from typing import Generic, TypeVar

_Data = TypeVar('_Data')


@dataclasses.dataclass(frozen=True)
class Source(Generic[_Data]):
  """Where data come from.

  Attributes:
    fingerprint: Changes with whatever changes what `load` returns.
    load: Reads the data; raises `ValueError` if it cannot.
  """

  fingerprint: str
  load: Callable[[], _Data]


def open_source(open_fn: Callable[..., Source], data_dir: str | None) -> Source:
  """Opens a source with `data_dir`, or without where the task takes none.

  Args:
    open_fn: Opens the source.
    data_dir: Directory with its files, or `None`.

  Returns:
    The source.

  Raises:
    ValueError: If files or packages are missing.
  """
  return open_fn(data_dir) if data_dir else open_fn()


def is_held_out(name: str) -> bool:
  """Whether what has this name is to test with: one of ten, by a hash."""
  digest = hashlib.sha256(name.encode()).digest()
  return int.from_bytes(digest[:8], 'little') % 10 == 0
