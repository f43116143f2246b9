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
"""Progress bars of reports, beside the tables on standard output."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich import console as rich_console
from rich import progress as rich_progress

_Element = TypeVar('_Element')


def track(elements: Sequence[_Element], description: str) -> Iterable[_Element]:
  """Yields elements, with a progress bar on standard error.

  Args:
    elements: The elements.
    description: Text before the bar.
  """
  console = rich_console.Console(stderr=True)
  return rich_progress.track(elements, description, console=console)
