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

import os
import subprocess
import sys
import threading
import time
import weakref

import grpc
import portpicker
import psutil
import tensorflow_federated as tff

_WORKER_NAME = 'worker_binary'
_CHANNEL_READY_POLL_SECONDS = 0.1
_MAX_MESSAGE_BYTES = 2 * 1000 * 1000 * 1000
_CHANNEL_OPTIONS = (
  ('grpc.max_receive_message_length', _MAX_MESSAGE_BYTES),
  ('grpc.max_send_message_length', _MAX_MESSAGE_BYTES),
  # The first attempt to connect is made before the worker listens; by default
  # the second follows a whole second later.
  ('grpc.initial_reconnect_backoff_ms', 50),
  ('grpc.min_reconnect_backoff_ms', 50),
)

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


def _worker_path() -> str:
  return os.path.join(os.path.dirname(tff.__file__), 'data', _WORKER_NAME)


def _end_process(process: subprocess.Popen[bytes]) -> None:
  process.kill()
  process.wait()


class LocalWorker:
  """A worker process of the C++ runtime that ends when its program does.

  However the program ends (normally, by an exception, by any signal including
  SIGKILL), the kernel ends the worker. It also ends with this object.

  Attributes:
    channel: The `grpc.Channel` to the running worker.
  """

  def __init__(self, *, start_timeout_seconds: float = 60.0):
    """Starts the worker and waits until it answers.

    Args:
      start_timeout_seconds: How long to wait for the worker, in seconds.

    Raises:
      RuntimeError: If this is not the main thread (the kernel ties the worker
        to the thread that starts it), or if the worker ends or stays silent.
    """
    if threading.current_thread() is not threading.main_thread():
      raise RuntimeError(
        'Expected to start a worker from the main thread, found '
        f'{threading.current_thread().name}; set the context in the main '
        'thread before others use it.'
      )
    port = portpicker.pick_unused_port()
    self._process = subprocess.Popen(
      [
        sys.executable,
        *('-I', '-S', '-c', _LAUNCHER, str(os.getpid())),
        _worker_path(),
        f'--port={port}',
      ],
      stdin=subprocess.DEVNULL,
      # Ctrl-C in a terminal is for the program, which ends the worker.
      start_new_session=True,
    )
    self._finalizer = weakref.finalize(self, _end_process, self._process)
    self.channel = grpc.insecure_channel(f'localhost:{port}', _CHANNEL_OPTIONS)
    self._wait_until_ready(start_timeout_seconds)

  @property
  def pid(self) -> int:
    """The process id of the worker."""
    return self._process.pid

  def check_running(self) -> None:
    """Raises `RuntimeError` if the worker has ended."""
    exit_code = self._process.poll()
    if exit_code is not None:
      raise RuntimeError(
        f'Expected a running {_WORKER_NAME}, found that it ended with exit '
        f'code {exit_code} (-N: by signal N; -9 is often a lack of memory, -4 '
        'a CPU too old for this TFF); set a new context to go on.'
      )

  def end(self) -> None:
    """Ends the worker; calls that it is running fail."""
    self._finalizer()

  def _wait_until_ready(self, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    ready = grpc.channel_ready_future(self.channel)
    while True:
      try:
        return ready.result(timeout=_CHANNEL_READY_POLL_SECONDS)
      except grpc.FutureTimeoutError:
        self.check_running()
        if time.monotonic() > deadline:
          ready.cancel()
          self.end()
          raise RuntimeError(
            f'Expected {_WORKER_NAME} to answer within {timeout_seconds} '
            'seconds, found it silent; free the machine or raise '
            '`start_timeout_seconds`.'
          ) from None


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
  for child in psutil.Process().children():
    try:
      if child.name() == _WORKER_NAME:
        child.kill()
        # `WNOWAIT` leaves the exit status in place, hence the process id taken:
        # TFF may signal that id still, without a look at who has it.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    except (psutil.NoSuchProcess, ChildProcessError):
      pass
