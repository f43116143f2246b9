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
"""Worker processes of TFF's C++ runtime.

TFF starts `worker_binary` as a child process and ends it only in `__del__`,
which Python skips on many ways out of a program. The orphan then keeps running
and holds every pipe that the program wrote to. A `LocalWorker` cannot outlive
its program: the kernel ends it. `end_workers` ends the workers that TFF's own
contexts have started, which does not help if a signal kills the program.
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
from typing import Any
import weakref

import grpc
import portpicker
import psutil
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import forks
from tff_methods.runtime import orphans

_WORKER_NAME = orphans.WORKER_NAME
_CHANNEL_READY_POLL_SECONDS = 0.1
_EXIT_STATUS_SECONDS = 10.0
_MAX_OUTPUT_LINES = 5

# Becomes the worker, after it has asked the kernel for SIGKILL at the end of
# its parent; the request survives `execv`. `Popen(preexec_fn=...)` would do the
# same without a second interpreter, but is unsafe in a process with threads,
# such as any that has imported TensorFlow. A parent that has ended before the
# request is made sends no signal, hence the comparison of process ids.
_LAUNCHER = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
  os.execv(sys.argv[2], sys.argv[2:])
"""

_HINTS = {
  signal.SIGKILL: ' (often out of memory)',
  signal.SIGILL: ' (a CPU too old for this TFF)',
}

_Result = typing.TypeVar('_Result')
_local_workers: 'weakref.WeakSet[LocalWorker]' = weakref.WeakSet()


def _worker_path() -> str:
  return os.path.join(os.path.dirname(tff.__file__), 'data', _WORKER_NAME)


class LocalWorker:
  """Worker process of the C++ runtime that ends when its program does.

  The kernel ends the worker however the program ends: normally, by an
  exception, or by any signal including SIGKILL. The worker also ends with this
  object. Its output goes to standard error.

  Attributes:
    channel: `grpc.Channel` to the running worker.
    port: Port on which the worker listens.
  """

  def __init__(self, *, start_timeout_seconds: float = 60.0):
    """Starts the worker and waits until it answers.

    Args:
      start_timeout_seconds: Time to wait for the worker, in seconds.

    Raises:
      RuntimeError: If the worker ends or does not answer in time, or in a
        forked process (see `forks`).
    """
    forks.mark_runtime()
    port = portpicker.pick_unused_port()
    self._process = _run_in_persistent_thread(lambda: _start_process(port))
    assert self._process.stderr is not None  # It is a pipe.
    self._output = _OutputForwarder(self._process.stderr)
    self.port: int = port
    self.channel: grpc.Channel = connections.open_channel(f'localhost:{port}')
    self._finalizer = weakref.finalize(
      self, _end_process, self._process, self.channel
    )
    _local_workers.add(self)
    self._wait_until_ready(start_timeout_seconds)

  @property
  def pid(self) -> int:
    """Process id of the worker."""
    return self._process.pid

  @property
  def was_ended(self) -> bool:
    """True if this program has ended the worker."""
    return not self._finalizer.alive

  def exit_description(self) -> str | None:
    """Describes exit status and last output; `None` while the worker runs."""
    exit_code = self._process.poll()
    return None if exit_code is None else self._describe_exit(exit_code)

  def wait_for_end(self) -> str:
    """Waits for the end of a lost worker; describes exit status and output.

    A worker that crashes closes its connections first. A worker that does not
    end by itself within ten seconds is killed.

    Returns:
      The description, to follow the words "the worker ended".
    """
    try:
      self._process.wait(_EXIT_STATUS_SECONDS)
    except subprocess.TimeoutExpired:
      self._process.kill()
    return self._describe_exit(self._process.wait())

  def end(self) -> None:
    """Ends the worker; its running calls fail."""
    self._finalizer()

  def _describe_exit(self, exit_code: int) -> str:
    if exit_code >= 0:
      status = f'with exit code {exit_code}'
    else:
      signum = signal.Signals(-exit_code)
      status = f'by {signum.name}{_HINTS.get(signum, "")}'
    return status + self._describe_output()

  def _describe_output(self) -> str:
    lines = self._output.last_lines()
    return f', after it printed {" | ".join(lines)!r}' if lines else ''

  def _wait_until_ready(self, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    ready = grpc.channel_ready_future(self.channel)
    while True:
      try:
        return ready.result(timeout=_CHANNEL_READY_POLL_SECONDS)
      except grpc.FutureTimeoutError:
        description = self.exit_description()
        if description is None and time.monotonic() < deadline:
          continue
        ready.cancel()
        self.end()
        if description is not None:
          raise RuntimeError(
            f'Expected {_WORKER_NAME} to start, found that it ended '
            f'{description}: run `python -m programs.doctor`.'
          ) from None
        raise RuntimeError(
          f'Expected {_WORKER_NAME} to answer within {timeout_seconds} '
          f'seconds, found no answer{self._describe_output()}: reduce the load '
          'of the machine or increase `start_timeout_seconds`.'
        ) from None


class _OutputForwarder:
  """Thread that copies a worker's output to standard error, and its tail."""

  def __init__(self, stream: typing.IO[bytes]):
    self._lines: collections.deque[str] = collections.deque(
      maxlen=_MAX_OUTPUT_LINES
    )
    self._thread = threading.Thread(
      target=self._forward, args=(stream,), daemon=True
    )
    self._thread.start()

  def last_lines(self) -> list[str]:
    """Returns the last lines so far; all are there after the worker's end."""
    self._thread.join(timeout=1.0)
    return list(self._lines)

  def _forward(self, stream: typing.IO[bytes]) -> None:
    with stream:
      for line in stream:
        self._lines.append(line.decode(errors='replace').rstrip('\n'))
        try:
          # Not `sys.stderr`: a thread may hold its lock when Python ends.
          os.write(2, line)
        except OSError:
          pass  # No reader is left; the worker must not block on it.


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
    env=os.environ | orphans.parent_mark(),
    # Ctrl-C in a terminal is for the program, which ends the worker.
    start_new_session=True,
  )


def _end_process(
  process: subprocess.Popen[bytes], channel: grpc.Channel
) -> None:
  if forks.is_forked():
    return  # The worker is the parent's.
  process.kill()
  process.wait()
  # Otherwise gRPC's threads and sockets stay: its subscriptions refer to it.
  connections.close_channel(channel)


def _run_in_persistent_thread(function: Callable[[], _Result]) -> _Result:
  """Calls a function in a thread that lives as long as the process.

  The kernel ties a worker to the thread that starts it, not to the process.
  """
  future = concurrent.futures.Future()
  _persistent_thread(os.getpid()).put((function, future))
  return future.result()


@functools.cache
def _persistent_thread(pid: int) -> queue.SimpleQueue:
  """Starts a thread; returns its work queue. A forked process needs its own."""
  del pid  # Used as the key of the cache only.
  work = queue.SimpleQueue()

  def run():
    while True:
      function, future = work.get()
      try:
        future.set_result(function())
      except BaseException as e:  # Raised again by `future.result`.
        future.set_exception(e)
      del function, future  # Releases both while the thread waits.

  threading.Thread(target=run, name='worker_starter', daemon=True).start()
  return work


class _EndedContext(tff.framework.SyncContext):
  """Default context after `end_workers`; each call raises."""

  def invoke(self, comp: tff.Computation, arg: Any) -> Any:
    raise RuntimeError(
      'Expected no computation after `end_workers`, found one: set another '
      'context first.'
    )


def end_workers() -> None:
  """Ends all TFF worker processes that this process has started.

  Programs that use `create_local_context` or `set_local_context` call it at
  exit. Call it in other programs, and in the tear-down of tests. The default
  context is unusable afterwards.
  """
  # Before their contexts are released: TFF then sends SIGINT to its worker and
  # waits, forever where SIGINT is ignored, as in the background of a script.
  _end_workers_of_tff()
  # Releases the default context. If TFF's own context lasts until Python tears
  # down its modules, as the one that TFF's import sets would, it prints errors.
  tff.framework.set_default_context(_EndedContext())
  for worker in list(_local_workers):
    worker.end()


def _end_workers_of_tff() -> None:
  """Ends the workers that TFF's own contexts have started."""
  own = {worker.pid for worker in _local_workers}
  for child in psutil.Process().children():
    try:
      if child.pid not in own and child.name() == _WORKER_NAME:
        child.kill()
        # `WNOWAIT` keeps the exit status, so that no other process can get this
        # id: TFF may still signal it, without checking whose it is.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    except (psutil.NoSuchProcess, ChildProcessError):
      pass
