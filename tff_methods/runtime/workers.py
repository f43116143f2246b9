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
"""Worker processes of TFF's C++ runtime, and their end.

TFF starts `worker_binary` as a child process and ends it only in `__del__`,
which Python does not call on many ways out of a program. The orphan then lives
on and holds every pipe that the program wrote to. A `LocalWorker` cannot
outlive its program: the kernel ends it. `end_workers` ends those that TFF's own
contexts have started, which does not help where a signal kills the program.
"""

import collections
from collections.abc import Callable
import concurrent.futures
import functools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import typing
import weakref

import grpc
import portpicker
import psutil
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import orphans

_WORKER_NAME = orphans.WORKER_NAME
_CHANNEL_READY_POLL_SECONDS = 0.1
_EXIT_STATUS_SECONDS = 10.0
_LINES_TO_KEEP = 5

# Turns into the worker, after it has asked the kernel for SIGKILL at the end of
# its parent; the request survives `execv`. `Popen(preexec_fn=...)` would do the
# same without a second interpreter, but is unsafe in a process with threads,
# as any that has imported TensorFlow. A parent that is gone already, before the
# request is made, sends no signal.
_LAUNCHER = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
  os.execv(sys.argv[2], sys.argv[2:])
"""

_HINTS = {
  signal.SIGKILL: ' (often a lack of memory)',
  signal.SIGILL: ' (a CPU too old for this TFF)',
}

_Result = typing.TypeVar('_Result')
_local_workers = weakref.WeakSet()


def _worker_path() -> str:
  return os.path.join(os.path.dirname(tff.__file__), 'data', _WORKER_NAME)


class LocalWorker:
  """A worker process of the C++ runtime that ends when its program does.

  However the program ends (normally, by an exception, by any signal including
  SIGKILL), the kernel ends the worker. It also ends with this object. What it
  prints goes to standard error.

  Attributes:
    channel: The `grpc.Channel` to the running worker.
    port: Where it listens.
  """

  def __init__(self, *, start_timeout_seconds: float = 60.0):
    """Starts the worker and waits until it answers.

    Args:
      start_timeout_seconds: How long to wait for the worker, in seconds.

    Raises:
      RuntimeError: If the worker ends or stays silent.
    """
    port = portpicker.pick_unused_port()
    self._process = _run_in_lasting_thread(lambda: _start_process(port))
    self._printed = _Printed(self._process.stderr)
    self._finalizer = weakref.finalize(self, _end_process, self._process)
    self.port = port
    self.channel = connections.open_channel(f'localhost:{port}')
    _local_workers.add(self)
    self._wait_until_ready(start_timeout_seconds)

  @property
  def pid(self) -> int:
    """The process id of the worker."""
    return self._process.pid

  @property
  def was_ended(self) -> bool:
    """Whether this program has ended the worker."""
    return not self._finalizer.alive

  def how_it_ended(self) -> str | None:
    """Tells how the worker ended, and what it printed; `None` if it runs."""
    return self._description_of_end(self._process.poll())

  def wait_for_end(self) -> str:
    """Waits until a worker that is lost has ended; tells how it ended.

    A worker that crashes closes its connections first. One that does not end by
    itself is killed.
    """
    try:
      self._process.wait(_EXIT_STATUS_SECONDS)
    except subprocess.TimeoutExpired:
      self._process.kill()
    return self._description_of_end(self._process.wait())

  def end(self) -> None:
    """Ends the worker; calls that it is running fail."""
    self._finalizer()

  def _description_of_end(self, exit_code: int | None) -> str | None:
    if exit_code is None:
      return None
    if exit_code >= 0:
      how = f'with exit code {exit_code}'
    else:
      signum = signal.Signals(-exit_code)
      how = f'by {signum.name}{_HINTS.get(signum, "")}'
    return how + self._what_it_printed()

  def _what_it_printed(self) -> str:
    lines = self._printed.last_lines()
    return f', after it printed {" | ".join(lines)!r}' if lines else ''

  def _wait_until_ready(self, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    ready = grpc.channel_ready_future(self.channel)
    while True:
      try:
        return ready.result(timeout=_CHANNEL_READY_POLL_SECONDS)
      except grpc.FutureTimeoutError:
        end = self.how_it_ended()
        if end is None and time.monotonic() < deadline:
          continue
        ready.cancel()
        self.end()
        if end is not None:
          raise RuntimeError(
            f'Expected {_WORKER_NAME} to start, found that it ended {end}; run '
            '`python -m programs.doctor`.'
          ) from None
        raise RuntimeError(
          f'Expected {_WORKER_NAME} to answer within {timeout_seconds} '
          f'seconds, found it silent{self._what_it_printed()}; free the '
          'machine or raise `start_timeout_seconds`.'
        ) from None


class _Printed:
  """Hands on what a worker prints, and remembers its last lines."""

  def __init__(self, stream: typing.IO[bytes]):
    self._lines = collections.deque(maxlen=_LINES_TO_KEEP)
    self._thread = threading.Thread(
      target=self._hand_on, args=(stream,), daemon=True
    )
    self._thread.start()

  def last_lines(self) -> list[str]:
    """The last lines of a worker that has ended; else what is there now."""
    self._thread.join(timeout=1.0)
    return list(self._lines)

  def _hand_on(self, stream: typing.IO[bytes]) -> None:
    with stream:
      for line in stream:
        self._lines.append(line.decode(errors='replace').rstrip('\n'))
        try:
          # Not `sys.stderr`, whose lock a thread may hold when Python ends.
          os.write(2, line)
        except OSError:
          pass  # Nobody reads it; the worker must not wait for that.


def _start_process(port: int) -> subprocess.Popen[bytes]:
  return subprocess.Popen(
    [
      sys.executable,
      *('-I', '-S', '-c', _LAUNCHER, str(os.getpid())),
      _worker_path(),
      f'--port={port}',
    ],
    stdin=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    env=os.environ | orphans.mark_of_this_process(),
    # Ctrl-C in a terminal is for the program, which ends the worker.
    start_new_session=True,
  )


def _end_process(process: subprocess.Popen[bytes]) -> None:
  process.kill()
  process.wait()


def _run_in_lasting_thread(function: Callable[[], _Result]) -> _Result:
  """Runs a function in a thread that lasts as long as the process.

  The kernel ties a worker to the thread that starts it, and not to the process.
  """
  future = concurrent.futures.Future()
  _lasting_thread(os.getpid()).put((function, future))
  return future.result()


@functools.cache
def _lasting_thread(pid: int) -> queue.SimpleQueue:
  """The work queue of such a thread; a forked process needs its own."""
  del pid  # Only tells processes apart.
  work = queue.SimpleQueue()

  def run():
    while True:
      function, future = work.get()
      try:
        future.set_result(function())
      except BaseException as e:  # Raised again where it is waited for.
        future.set_exception(e)
      del function, future  # Not kept while this waits.

  threading.Thread(target=run, name='worker_starter', daemon=True).start()
  return work


class _EndedContext(tff.framework.SyncContext):
  """What is left to run computations on after `end_workers`."""

  def invoke(self, comp, arg):
    raise RuntimeError(
      'Expected no computation to run after `end_workers`, found one; set '
      'another context before.'
    )


def end_workers() -> None:
  """Ends all TFF worker processes that this process has started.

  It runs at the exit of a program that made a context of `local_context`. Call
  it in others, and in the tear-down of tests. The default context is no longer
  usable afterwards.
  """
  # Releases the one there is. One of TFF's that lasts until Python takes its
  # modules apart, as the one from TFF's import would, prints errors then.
  tff.framework.set_default_context(_EndedContext())
  for worker in list(_local_workers):
    worker.end()
  for child in psutil.Process().children():
    try:
      if child.name() == _WORKER_NAME:
        child.kill()
        # `WNOWAIT` leaves the exit status in place, hence the process id taken:
        # TFF may signal that id still, without a look at who has it.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    except (psutil.NoSuchProcess, ChildProcessError):
      pass
