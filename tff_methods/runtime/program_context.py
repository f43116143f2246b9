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
"""Contexts of this package as contexts of federated programs."""

import asyncio
from concurrent import futures
import contextlib
import threading
from typing import Any

import tensorflow_federated as tff

from tff_methods.runtime import in_process


def create_program_context(
  context: tff.framework.SyncContext,
) -> tff.program.NativeFederatedContext:
  """Returns a context for program logic, `tff.program.FederatedContext`.

  Computations return references to values that `tff.program.materialize_value`
  awaits, with the values that `context` computes. Like TFF's, it needs a
  running event loop, and refuses computations with results at clients.

  A call that is cancelled ends at once. The in-process runtime stops computing;
  another one ends its computation unobserved.

  Args:
    context: Synchronous context, such as `create_local_context()`.
  """
  if isinstance(context, in_process.InProcessContext):
    return tff.program.NativeFederatedContext(context.to_async())
  return tff.program.NativeFederatedContext(_ThreadContext(context))


class _ThreadContext(tff.framework.AsyncContext):
  """Asynchronous context that runs each call of another one in a thread."""

  def __init__(self, context: tff.framework.SyncContext):
    self._context = context

  async def invoke(self, comp: tff.Computation, arg: Any) -> Any:
    if asyncio.iscoroutine(arg):
      arg = await arg
    future = futures.Future()
    is_done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def set_done(_):
      with contextlib.suppress(RuntimeError):  # Cancelled, and the loop closed.
        loop.call_soon_threadsafe(is_done.set)

    def run():
      try:
        future.set_result(self._context.invoke(comp, arg))
      except BaseException as e:  # Raised again below.
        future.set_exception(e)

    future.add_done_callback(set_done)
    # Not of a pool, whose threads the program would wait for when it ends.
    threading.Thread(target=run, name='program_call', daemon=True).start()
    await is_done.wait()
    return future.result()
