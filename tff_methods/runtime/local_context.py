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
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import in_process
from tff_methods.runtime import orphans
from tff_methods.runtime import workers

_MAX_ATTEMPTS = 3


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
      `executors.RecentExecutorFactory`).
  *   Workers of this library that earlier programs left behind are ended, with
      a line in the log (see `orphans.reap`).

  A call raises `RuntimeError` if its workers die three times, or after
  `workers.end_workers`.

  Raises:
    RuntimeError: If the worker does not start.
  """
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

  Prints one line that names the runtime, to standard error.

  Args:
    device: 'cpu' or 'gpu' selects the in-process runtime on that device, see
      `create_in_process_context`. 'auto' selects the in-process runtime on GPUs
      if TensorFlow sees any, else `create_local_context`.
    max_concurrent_clients: Number of clients that the in-process runtime trains
      at once; `None` selects a default by device.

  Raises:
    RuntimeError: If a worker is needed and does not start.
    ValueError: If `device` is unknown or missing on this machine, or
      `max_concurrent_clients` is not positive, or is given for TFF's C++
      runtime, which has no such limit.
  """
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
  print(f'Runtime: {kind}.', file=sys.stderr)
  tff.framework.set_default_context(context)


class _LocalContext(tff.framework.SyncContext):
  """Context on a local worker, which is replaced if it dies."""

  def __init__(self) -> None:
    self._compile = connections.build_compiler()
    self._lock = threading.Lock()  # Guards `_worker` and `_connection`.
    self._start_worker()

  def invoke(self, comp: tff.Computation, arg: Any) -> Any:
    attempt = 1
    while True:
      with self._lock:
        worker, connection = self._worker, self._connection
      try:
        return connection.invoke(comp, arg)
      except connections.WorkerLostError:
        description = worker.wait_for_end()
        if worker.was_ended:
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
        self._replace(worker, description)
        attempt += 1

  def _replace(self, worker: workers.LocalWorker, description: str) -> None:
    with self._lock:
      if self._worker is worker:  # Else another thread has replaced it.
        self._start_worker()
        logging.warning(
          'The worker with pid %d ended %s; pid %d runs the call again.',
          worker.pid,
          description,
          self._worker.pid,
        )

  def _start_worker(self) -> None:
    self._worker = workers.LocalWorker()
    self._connection = connections.WorkerConnection(
      self._worker.channel, self._compile
    )
