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

import tensorflow_federated as tff

# TFF has no public names for these two, and a context of one's own needs them.
from tensorflow_federated.python.core.backends.native import compiler
from tensorflow_federated.python.core.environments.tensorflow_frontend import (
  tensorflow_computation,
)

from tff_methods.runtime import executors
from tff_methods.runtime import in_process
from tff_methods.runtime import workers


def create_local_context() -> tff.framework.SyncContext:
  """Returns a context on a worker process of its own that it does not leave.

  It runs computations just as the context of
  `tff.backends.native.create_sync_local_cpp_execution_context`, and differs in
  the worker's life (see `workers.LocalWorker`): it starts here, not at the
  first call; it ends with the program, however that ends; and if it dies, the
  next call raises `RuntimeError` instead of starting others forever. When the
  program exits, `workers.end_workers` runs. The worker's memory is bounded also
  where each call has another number of clients: what it built for a number is
  kept for the last few only (see `executors.RecentExecutorFactory`).

  Raises:
    RuntimeError: If this is not the main thread or the worker does not start.
  """
  worker = workers.LocalWorker()
  # Once, however many contexts there are.
  atexit.unregister(workers.end_workers)
  atexit.register(workers.end_workers)
  stub = tff.framework.RemoteExecutorGrpcStub(worker.channel)

  def create_executor(cardinalities):
    worker.check_running()
    cardinalities.setdefault(tff.CLIENTS, 0)
    executor = executors.ClosingExecutor(stub)
    executor.set_cardinalities(cardinalities)
    return executor

  return tff.framework.SyncExecutionContext(
    executor_fn=executors.RecentExecutorFactory(create_executor),
    compiler_fn=compiler.desugar_and_transform_to_native,
    transform_args=tensorflow_computation.transform_args,
    transform_result=tensorflow_computation.transform_result,
  )


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
