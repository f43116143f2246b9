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
"""Stop signals as an exception, raised only at interruptible places."""

import asyncio
from collections.abc import Generator
import contextlib
import signal
import types
from typing import Any

# Hang-up of the terminal, Ctrl-C, Ctrl-\\ and `kill`.
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class Stopped(BaseException):
  """Request to stop the program, by a signal.

  Not an `Exception`, so that no library handles it as a failure.

  Attributes:
    signum: Number of the signal.
  """

  def __init__(self, signum: int):
    """Initializes the request.

    Args:
      signum: Number of the signal.
    """
    super().__init__(signal.Signals(signum).name)
    self.signum = signum

  @property
  def exit_code(self) -> int:
    """Exit code that a shell reports for a program ended by this signal."""
    return 128 + self.signum


class StopSignals:
  """Context in which stop signals raise `Stopped` at interruptible places.

  Inside `interruptible()` a signal raises `Stopped` immediately, also in a
  coroutine that awaits something there. Elsewhere it waits for the next
  `interruptible()`, so that files are written completely. A second signal
  raises anywhere. An ignored SIGHUP remains ignored, as `nohup` asks for.
  """

  def __init__(self) -> None:
    """Initializes the context; handlers are installed on entry."""
    self._signum = None
    self._interruptible = False
    self._task: asyncio.Task[Any] | None = None
    self._former_handlers = {}

  def __enter__(self) -> 'StopSignals':
    for signum in _SIGNALS:
      is_ignored = signal.getsignal(signum) == signal.SIG_IGN
      if signum == signal.SIGHUP and is_ignored:
        continue
      self._former_handlers[signum] = signal.signal(signum, self._handle)
    return self

  def __exit__(self, *exc_info: object) -> None:
    for signum, handler in self._former_handlers.items():
      signal.signal(signum, handler)

  @contextlib.contextmanager
  def interruptible(self) -> Generator[None, None, None]:
    """Lets signals raise `Stopped`, including one that already waits."""
    self._interruptible = True
    task = self._task = _current_task()
    try:
      if self._signum is not None:
        raise Stopped(self._signum)
      yield
    except asyncio.CancelledError:
      if task is None or self._signum is None:
        raise
      task.uncancel()
      raise Stopped(self._signum) from None
    finally:
      self._interruptible = False
      self._task = None

  def _handle(self, signum: int, frame: types.FrameType | None) -> None:
    del frame  # Unused.
    is_second = self._signum is not None
    self._signum = signum
    if is_second or self._interruptible and self._task is _current_task():
      raise Stopped(signum)
    if self._task is not None:
      # It awaits something. An exception here would end the event loop.
      self._task.get_loop().call_soon_threadsafe(self._cancel, self._task)

  def _cancel(self, task: asyncio.Task[Any]) -> None:
    """Cancels what a coroutine awaits, if it is interruptible still."""
    if self._task is task:
      task.cancel()


def _current_task() -> asyncio.Task[Any] | None:
  """Returns the coroutine that runs, `None` between or without coroutines."""
  try:
    return asyncio.current_task()
  except RuntimeError:  # There is no event loop.
    return None
