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
"""The local execution context: TFF's C++ runtime, or this very process."""

import atexit
import sys
import threading

from absl import logging
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import in_process
from tff_methods.runtime import orphans
from tff_methods.runtime import workers

_MAX_RUNS_OF_A_CALL = 3


def create_local_context() -> tff.framework.SyncContext:
  """Returns a context on a worker process of its own that it does not leave.

  It runs computations just as the context of
  `tff.backends.native.create_sync_local_cpp_execution_context`, and differs in
  the worker's life (see `workers.LocalWorker`): it starts here, not at the
  first call; it ends with the program, however that ends; and if it dies in a
  call, another one runs the call from its start, with the same result, at most
  two times. When the program exits, `workers.end_workers` runs. The worker's
  memory is bounded also where each call has another number of clients: what it
  built for a number is kept for the last few only (see
  `executors.RecentExecutorFactory`). Workers of this library that earlier
  programs have left are ended, with a line in the log (see `orphans.reap`).

  A call raises `RuntimeError` if its workers die three times, or after
  `workers.end_workers`.

  Raises:
    RuntimeError: If the worker does not start.
  """
  orphans.reap_once()
  context = _LocalContext()
  # Once, however many contexts there are.
  atexit.unregister(workers.end_workers)
  atexit.register(workers.end_workers)
  return context


def set_local_context(
  device: str = 'auto', max_concurrent_clients: int | None = None
) -> None:
  """Makes a context on this machine this thread's default.

  It says in one line, on the standard error, which it is.

  Args:
    device: 'cpu' or 'gpu' to compute in this process, see
      `create_in_process_context`; 'auto' for this on the GPU when TensorFlow
      sees one, else for `create_local_context`.
    max_concurrent_clients: How many clients work at once in this process; by
      default a good number.

  Raises:
    RuntimeError: If a worker is needed and does not start.
    ValueError: If there is no such device, `device` is none of these, or
      `max_concurrent_clients` is not positive, or given while computations run
      in TFF's runtime, which decides by itself.
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
      f"found {max_concurrent_clients}; leave it out or use device='cpu'."
    )
  print(f'Runtime: {kind}.', file=sys.stderr)
  tff.framework.set_default_context(context)


class _LocalContext(tff.framework.SyncContext):
  """Runs computations on a local worker, and on others after it if it dies."""

  def __init__(self):
    self._compile = connections.build_compiler()
    self._lock = threading.Lock()  # Guards the next two.
    self._start_worker()

  def invoke(self, comp, arg):
    for runs in range(1, _MAX_RUNS_OF_A_CALL + 1):
      with self._lock:
        worker, connection = self._worker, self._connection
      try:
        return connection.invoke(comp, arg)
      except connections.WorkerLostError:
        end = worker.wait_for_end()
        if worker.was_ended:
          raise RuntimeError(
            'Expected a running worker, found that this program has ended it; '
            'set a new context to go on.'
          ) from None
        if runs < _MAX_RUNS_OF_A_CALL:
          self._replace(worker, end)
    raise RuntimeError(
      f'Expected one of {_MAX_RUNS_OF_A_CALL} workers to live through a call, '
      f'found that each died, the last one {end}; give it fewer or smaller '
      'clients, or report a crash to the developers of TFF.'
    )

  def _replace(self, worker: workers.LocalWorker, end: str) -> None:
    with self._lock:
      if self._worker is worker:  # Else another thread has replaced it.
        self._start_worker()
        logging.warning(
          'The worker with pid %d ended %s; pid %d runs the call again.',
          worker.pid,
          end,
          self._worker.pid,
        )

  def _start_worker(self) -> None:
    self._worker = workers.LocalWorker()
    self._connection = connections.WorkerConnection(
      self._worker.channel, self._compile
    )
