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
"""Signals to stop as an exception that comes only where it is welcome."""

from collections.abc import Iterator
import contextlib
import signal
import types

# The end of a terminal, Ctrl-C and Ctrl-\\ in it, and a polite `kill`.
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class Stopped(BaseException):
  """The program was asked to stop.

  It is no `Exception`, so that no library takes it for a failure to handle.

  Attributes:
    signum: The signal that asked.
  """

  def __init__(self, signum: int):
    super().__init__(signal.Signals(signum).name)
    self.signum = signum

  @property
  def exit_code(self) -> int:
    """What a shell reports for a program that this signal ended."""
    return 128 + self.signum


class StopSignals:
  """A context in which signals to stop raise `Stopped` at chosen places.

  Inside `interruptible()` a signal raises `Stopped` at once. Elsewhere it waits
  for the next `interruptible()`, so that what is written in between is written
  whole. Who signals twice does not want to wait: the second one raises
  anywhere. A SIGHUP that is ignored stays so: `nohup` has asked for it.
  """

  def __init__(self):
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

  def __exit__(self, *exc_info) -> None:
    for signum, handler in self._former_handlers.items():
      signal.signal(signum, handler)

  @contextlib.contextmanager
  def interruptible(self) -> Iterator[None]:
    """Lets signals, also one that waits already, raise `Stopped`."""
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
