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
"""Log of dropped connections that no flood of them can fill."""

import asyncio
import sys

# A burst is counted in one line.
_FIRST_SECONDS = 1.0
_SECONDS_BETWEEN_LINES = 60.0


class DropLog:
  """Counts dropped connections; prints at most one line a minute."""

  def __init__(
    self,
    first_seconds: float = _FIRST_SECONDS,
    seconds_between_lines: float = _SECONDS_BETWEEN_LINES,
  ):
    """Starts with no dropped connection; needs a running event loop.

    Args:
      first_seconds: Time from a drop to its line, in seconds, unless a line was
        printed shortly before.
      seconds_between_lines: Shortest time between two lines, in seconds.
    """
    self._loop = asyncio.get_running_loop()
    self._first_seconds = first_seconds
    self._seconds_between_lines = seconds_between_lines
    self._count = 0
    self._last_reason = ''
    self._next_line = 0.0
    self._timer: asyncio.TimerHandle | None = None

  def add(self, reason: str) -> None:
    """Counts a dropped connection.

    Args:
      reason: Cause, in a few words.
    """
    self._count += 1
    self._last_reason = reason
    if self._timer is None:
      soon = self._loop.time() + self._first_seconds
      self._timer = self._loop.call_at(
        max(soon, self._next_line), self._print_line
      )

  def close(self) -> None:
    """Prints the drops that no line has counted yet."""
    if self._timer is not None:
      self._timer.cancel()
      self._print_line()

  def _print_line(self) -> None:
    self._timer = None
    self._next_line = self._loop.time() + self._seconds_between_lines
    noun = 'connection' if self._count == 1 else 'connections'
    print(
      f'worker: dropped {self._count} {noun} without a valid certificate; the '
      f'last one: {self._last_reason}.',
      file=sys.stderr,
    )
    self._count = 0
