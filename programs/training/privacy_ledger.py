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
"""Record of the rounds with noise that a run has started."""

import collections
from collections.abc import Iterable, Mapping
from typing import Any

from programs.runs import run_files

_KEY = 'rounds_by_cohort_size'


class PrivacyLedger:
  """Number of started rounds of each cohort size, in a file of the run.

  A run that was killed repeats rounds, with other clients and other noise. The
  models of lost rounds may have been seen, so their noise counts, too.
  """

  def __init__(self, path: str, completed: Iterable[int]):
    """Reads the ledger.

    Args:
      path: Path of the file, which need not exist yet.
      completed: Cohort sizes of the completed rounds, in place of a ledger.

    Raises:
      UsageError: If the file is damaged.
    """
    self._path = path
    contents = run_files.read_json(path)
    self._num_rounds = (
      collections.Counter(completed)
      if contents is None
      else _parse(path, contents)
    )

  @property
  def num_rounds(self) -> Mapping[int, int]:
    """Number of rounds, by cohort size."""
    return self._num_rounds

  def add(self, cohort_size: int) -> None:
    """Records a round before it starts.

    Args:
      cohort_size: Its number of clients.

    Raises:
      StorageError: If the file cannot be written.
    """
    self._num_rounds[cohort_size] += 1
    run_files.write_json(self._path, {_KEY: self._num_rounds})


def _parse(path: str, contents: Mapping[str, Any]) -> collections.Counter[int]:
  found = contents.get(_KEY)
  if not isinstance(found, dict):
    raise run_files.damaged(path, f'{found!r} as {_KEY}')
  for size, count in found.items():
    if not size.isdecimal() or type(count) is not int or count < 0:
      raise run_files.damaged(path, f'{count!r} rounds of {size} clients')
  return collections.Counter({int(size): n for size, n in found.items()})
