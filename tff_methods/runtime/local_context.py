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
"""Local execution contexts: TFF's C++ runtime, or the in-process runtime."""

import atexit
import sys
import threading
from typing import Any

from absl import logging
import psutil
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import forks
from tff_methods.runtime import in_process
from tff_methods.runtime import kernels
from tff_methods.runtime import orphans
from tff_methods.runtime import workers

_MAX_ATTEMPTS = 3
# Growth of a worker's memory after which it is replaced. Larger models and
# cohorts than at first may take as much; a leak of 0.2 MB a round reaches it
# after 5,000 rounds.
_MAX_GROWTH_BYTES = 2**30
# Calls in which the worker's memory may grow to any size. They also bound the
# cost of replacements, about a second each, if the worker needs its memory.
_NUM_FIRST_CALLS = 200


def create_local_context() -> tff.framework.SyncContext:
  """Returns a context that runs computations on a local worker process.

  Results are those of the context of
  `tff.backends.native.create_sync_local_cpp_execution_context`. The life of the
  worker differs:

  *   It starts here, not at the first call.
  *   It ends with the program, however the program ends (see
      `workers.LocalWorker`). `workers.end_workers` runs at exit.
  *   If it dies during a call, a new worker runs the call from its start, with
      the same result, at most two times.
  *   Its memory is bounded even if each call has another number of clients:
      executors are kept for the last few numbers only (see
      `executors.RecentExecutorFactory`). A worker that has grown by 1 GiB since
      its first 200 calls is replaced between calls, with the same results.
  *   The worker, its threads and its connections end with the last reference
      to the context, such as when another default context is set.
  *   Workers of this library that earlier programs left behind are ended, with
      a line in the log (see `orphans.reap`).

  A call raises `RuntimeError` if its workers die three times, or after
  `workers.end_workers`, or in a process that was forked from this one.

  Raises:
    RuntimeError: If the worker does not start, or in a process that was forked
      after its parent used a runtime (see `forks`).
  """
  forks.check()
  orphans.reap_once()
  context = _LocalContext()
  # Registered once, however many contexts there are.
  atexit.unregister(workers.end_workers)
  atexit.register(workers.end_workers)
  return context


def set_local_context(
  device: str = 'auto', max_concurrent_clients: int | None = None
) -> None:
  """Sets this thread's default context to one on this machine.

  Prints one line to standard error: the runtime, and the kernels on CPUs.

  Args:
    device: 'cpu' or 'gpu' selects the in-process runtime on that device, see
      `create_in_process_context`. 'auto' selects the in-process runtime on GPUs
      if TensorFlow sees any, else `create_local_context`.
    max_concurrent_clients: Number of clients that the in-process runtime trains
      at once; `None` selects a default by device.

  Raises:
    RuntimeError: If a worker is needed and does not start, or in a process that
      was forked after its parent used a runtime.
    ValueError: If `device` is unknown or missing on this machine, or
      `max_concurrent_clients` is not positive, or is given for TFF's C++
      runtime, which has no such limit.
  """
  forks.check()
  if device == 'auto' and in_process.has_gpu():
    device = 'gpu'
  if device != 'auto':
    context = in_process.create_in_process_context(
      device, max_concurrent_clients
    )
    kind = f'in this process, on {", ".join(context.devices)}'
  elif max_concurrent_clients is None:
    context = create_local_context()
    kind = "TFF's C++ runtime, on the CPU (TensorFlow sees no GPU)"
  else:
    raise ValueError(
      'Expected no `max_concurrent_clients` without a GPU, where TFF decides, '
      f"found {max_concurrent_clients}: omit it or use device='cpu'."
    )
  if device != 'gpu':
    kernels_name = "oneDNN's" if kernels.uses_onednn() else "TensorFlow's own"
    kind = f'{kind}, with {kernels_name} kernels'
  print(f'Runtime: {kind}.', file=sys.stderr)
  tff.framework.set_default_context(context)


class _Session:
  """A worker, the connection to it, and the memory that it takes.

  Attributes:
    worker: The worker.
    connection: Connection to the worker.
    num_running: Number of calls in progress.
  """

  def __init__(self, compile_fn: connections.Compiler):
    """Starts the worker.

    Args:
      compile_fn: Result of `connections.build_compiler`.

    Raises:
      RuntimeError: If the worker does not start.
    """
    self.worker = workers.LocalWorker()
    self.connection = connections.WorkerConnection(
      self.worker.channel, compile_fn
    )
    self.num_running = 0
    self._num_calls = 0
    self._first_bytes = 0

  def end_call(self) -> None:
    """Counts a call that has ended, and the memory after it."""
    self.num_running -= 1
    self._num_calls += 1
    if self._num_calls <= _NUM_FIRST_CALLS:
      self._first_bytes = max(self._first_bytes, self._memory_bytes())

  def excess_bytes(self) -> int | None:
    """Returns the growth since the first calls if too large, else `None`."""
    if self.num_running or self._num_calls < _NUM_FIRST_CALLS:
      return None
    growth = self._memory_bytes() - self._first_bytes
    return growth if growth > _MAX_GROWTH_BYTES else None

  def _memory_bytes(self) -> int:
    try:
      return psutil.Process(self.worker.pid).memory_info().rss
    except psutil.NoSuchProcess:
      return 0


class _LocalContext(tff.framework.SyncContext):
  """Context on a local worker, which is replaced if it dies or grows."""

  def __init__(self) -> None:
    self._compile = connections.build_compiler()
    self._lock = threading.Lock()  # Guards `_session` and its counts.
    self._session = _Session(self._compile)

  def invoke(self, comp: tff.Computation, arg: Any) -> Any:
    forks.check()
    attempt = 1
    while True:
      session = self._begin_call()
      try:
        return session.connection.invoke(comp, arg)
      except connections.WorkerLostError:
        self._replace_lost(session, attempt)
        attempt += 1
      finally:
        with self._lock:
          session.end_call()

  def _begin_call(self) -> _Session:
    """Returns the session of a call; replaces a worker that has grown."""
    with self._lock:
      growth = self._session.excess_bytes()
      if growth is not None:
        grown_worker = self._session.worker
        self._session = _Session(self._compile)
        grown_worker.end()
        logging.info(
          'The worker with pid %d has grown by %d MiB; pid %d replaces it.',
          grown_worker.pid,
          growth // 2**20,
          self._session.worker.pid,
        )
      self._session.num_running += 1
      return self._session

  def _replace_lost(self, session: _Session, attempt: int) -> None:
    """Replaces a worker that died; raises if there is to be no other."""
    description = session.worker.wait_for_end()
    if session.worker.was_ended:
      raise RuntimeError(
        'Expected a running worker, found that this program has ended it: '
        'set a new context.'
      ) from None
    if attempt == _MAX_ATTEMPTS:
      raise RuntimeError(
        f'Expected one of {_MAX_ATTEMPTS} workers to survive a call, found '
        f'that each died, the last one {description}: use fewer or smaller '
        'clients, or report the crash to the developers of TFF.'
      ) from None
    with self._lock:
      if self._session is session:  # Else another thread has replaced it.
        self._session = _Session(self._compile)
        logging.warning(
          'The worker with pid %d ended %s; pid %d runs the call again.',
          session.worker.pid,
          description,
          self._session.worker.pid,
        )
