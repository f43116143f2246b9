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

from collections.abc import Generator
import contextlib
import signal
import types

import programs

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

  Inside `interruptible()` a signal raises `Stopped` immediately. Elsewhere it
  waits for the next `interruptible()`, so that files are written completely. A
  second signal raises anywhere. An ignored SIGHUP remains ignored, as `nohup`
  asks for.
  """

  def __init__(self) -> None:
    """Initializes the context; handlers are installed on entry."""
    self._signum = None
    self._interruptible = False
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
    try:
      if self._signum is not None:
        raise Stopped(self._signum)
      yield
    finally:
      self._interruptible = False

  def _handle(self, signum: int, frame: types.FrameType | None) -> None:
    del frame  # Unused.
    is_second = self._signum is not None
    self._signum = signum
    if self._interruptible or is_second:
      raise Stopped(signum)


@contextlib.contextmanager
def importing() -> Generator[None, None, None]:
  """Lets Ctrl-C end the program with one line during slow imports.

  An exception would be raised inside the imported module, which may swallow
  it or print a traceback.
  """
  former_handler = signal.getsignal(signal.SIGINT)
  is_default = former_handler is signal.default_int_handler
  if is_default:
    signal.signal(signal.SIGINT, programs.stop_while_importing)
  try:
    yield
  finally:
    if is_default:
      signal.signal(signal.SIGINT, former_handler)
