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
"""Execution contexts that compute in this process, with TensorFlow."""

import asyncio
import collections
from collections.abc import Generator, Sequence
from concurrent import futures
import contextlib
import threading
from typing import Any

import tensorflow_federated as tff

# TFF has no public name for it, which any custom context needs.
from tensorflow_federated.python.core.impl.executors import cardinalities_utils

from tff_methods.runtime import forks
from tff_methods.runtime import native_form
from tff_methods.runtime.in_process import execution
from tff_methods.runtime.in_process import plans
from tff_methods.runtime.in_process import values
from tff_methods.runtime.in_process import wire_marks
from tff_methods.runtime.in_process import wire_meter

# For example of training, of evaluation, and of their initializations.
_MAX_PLANS = 64


class _Engine:
  """Engine shared by the sync and async contexts."""

  def __init__(self, devices: Sequence[str], max_concurrent_clients: int):
    if not devices:
      raise ValueError('Expected at least one device, found none: give some.')
    if max_concurrent_clients < 1:
      raise ValueError(
        'Expected `max_concurrent_clients` of 1 or more, found '
        f'{max_concurrent_clients}: omit it for the default.'
      )
    forks.check_tensorflow()
    forks.mark_runtime()
    self.devices = list(devices)
    self._workers = execution.ClientWorkers(
      self.devices, max_concurrent_clients
    )
    # By id of the computation, least recently used first. The computation is
    # kept too, so that its id stays its own.
    self._plans: collections.OrderedDict[
      int, tuple[tff.framework.ConcreteComputation, plans.Plan]
    ] = collections.OrderedDict()
    self._lock = threading.Lock()
    self._meters: list[wire_meter.WireMeter] = []

  @contextlib.contextmanager
  def count_bytes(self) -> Generator[wire_meter.WireMeter, None, None]:
    """Counts the bytes of calls that start while it is entered."""
    meter = wire_meter.WireMeter()
    self._meters = [*self._meters, meter]
    try:
      yield meter
    finally:
      self._meters = [other for other in self._meters if other is not meter]

  def start(
    self, comp: tff.framework.ConcreteComputation, arg: Any
  ) -> tuple[futures.Future, execution.Cancellation]:
    """Starts a call; returns the future result and the call's cancellation."""
    forks.check()
    cancellation = execution.Cancellation()
    thread = futures.ThreadPoolExecutor(1, 'in_process_call')
    future = thread.submit(cancellation.run, self._run, comp, arg, cancellation)
    thread.shutdown(wait=False)
    return future, cancellation

  def _run(
    self,
    comp: tff.framework.ConcreteComputation,
    arg: Any,
    cancellation: execution.Cancellation,
  ) -> Any:
    parameter_type = comp.type_signature.parameter
    cardinalities = {}
    argument = None
    if parameter_type is not None:
      cardinalities = cardinalities_utils.infer_cardinalities(
        arg, parameter_type
      )
      argument = values.from_python(arg, parameter_type)
    call = values.Call(cardinalities.get(tff.CLIENTS, 0), self._meters)
    result = execution.run_plan(
      self._plan(comp), argument, call, self._workers, cancellation
    )
    return values.to_python(result, comp.type_signature.result)

  def _plan(self, comp: tff.framework.ConcreteComputation) -> plans.Plan:
    # By identity: TFF serializes a computation at each call of its `__hash__`.
    with self._lock:
      if id(comp) not in self._plans:
        while len(self._plans) >= _MAX_PLANS:
          self._plans.popitem(last=False)
        self._plans[id(comp)] = comp, _compile(comp)
      self._plans.move_to_end(id(comp))
      return self._plans[id(comp)][1]


class InProcessContext(tff.framework.SyncContext):
  """Synchronous context that computes in this process, on TensorFlow devices.

  A round visits each client once. Clients run concurrently, several on a
  device. Aggregations accumulate their contributions in the order of the
  clients, on the first device. So results do not depend on the number of
  clients at once, and only a few contributions are in memory. Each TensorFlow
  graph is imported once. The first error of a client stops the others, and is
  raised unchanged.
  """

  def __init__(self, devices: Sequence[str], max_concurrent_clients: int):
    """Builds the context; starts nothing yet.

    Args:
      devices: Names of TensorFlow devices, such as '/device:GPU:0'; the first
        is the server's.
      max_concurrent_clients: Number of clients at once, on all devices.

    Raises:
      ValueError: If there is no device, or `max_concurrent_clients` is not
        positive.
    """
    self._engine = _Engine(devices, max_concurrent_clients)

  @property
  def devices(self) -> list[str]:
    """Names of the devices; the first is the server's."""
    return self._engine.devices

  def invoke(self, comp: tff.framework.ConcreteComputation, arg: Any) -> Any:
    """Runs a computation; see `tff.framework.SyncContext.invoke`.

    Args:
      comp: Computation to run.
      arg: Argument of the computation; `None` if it takes none.

    Returns:
      The result of the computation.

    Raises:
      RuntimeError: In a forked process (see `forks`).
      BaseException: First error of the server or a client, unchanged.
    """
    future, cancellation = self._engine.start(comp, arg)
    try:
      return future.result()
    except BaseException as e:
      cancellation.cancel(e)  # Raised in this thread: `KeyboardInterrupt`.
      raise

  def count_bytes(
    self,
  ) -> contextlib.AbstractContextManager[wire_meter.WireMeter]:
    """Counts the bytes between clients and server.

    Returns:
      A context manager that returns a `WireMeter`, which counts the calls that
      start while the manager is entered.
    """
    return self._engine.count_bytes()

  def to_async(self) -> tff.framework.AsyncContext:
    """Returns an asynchronous context on the same devices and compilations."""
    return _AsyncContext(self._engine)


class _AsyncContext(tff.framework.AsyncContext):
  """Asynchronous context on an engine."""

  def __init__(self, engine: _Engine):
    self._engine = engine

  async def invoke(
    self, comp: tff.framework.ConcreteComputation, arg: Any
  ) -> Any:
    """Runs a computation; see `tff.framework.AsyncContext.invoke`.

    Args:
      comp: Computation to run.
      arg: Argument of the computation, or a coroutine that returns it; `None`
        if it takes none.

    Returns:
      The result of the computation.

    Raises:
      RuntimeError: In a forked process (see `forks`).
      BaseException: First error of the server or a client, unchanged.
    """
    if asyncio.iscoroutine(arg):
      arg = await arg
    future, cancellation = self._engine.start(comp, arg)
    try:
      await _wait(future)
      return future.result()
    except BaseException as e:
      cancellation.cancel(e)
      raise

  def count_bytes(
    self,
  ) -> contextlib.AbstractContextManager[wire_meter.WireMeter]:
    """Counts the bytes between clients and server.

    Returns:
      See `InProcessContext.count_bytes`.
    """
    return self._engine.count_bytes()


class AsyncInProcessContext(_AsyncContext):
  """Asynchronous context that computes in this process.

  See `InProcessContext`. Cancellation of `invoke` stops the computation.
  """

  def __init__(self, devices: Sequence[str], max_concurrent_clients: int):
    """Builds the context; starts nothing yet.

    Args:
      devices: Names of TensorFlow devices; the first is the server's.
      max_concurrent_clients: Number of clients at once, on all devices.

    Raises:
      ValueError: If there is no device, or `max_concurrent_clients` is not
        positive.
    """
    super().__init__(_Engine(devices, max_concurrent_clients))


async def _wait(future: futures.Future) -> None:
  """Waits for a future with any error.

  `asyncio.wrap_future` waits indefinitely for one with a `StopIteration`, and
  cancels its own task for one with a `CancelledError`.
  """
  loop = asyncio.get_running_loop()
  is_done = asyncio.Event()

  def set_done(_):
    with contextlib.suppress(RuntimeError):  # Cancelled, and the loop closed.
      loop.call_soon_threadsafe(is_done.set)

  future.add_done_callback(set_done)
  await is_done.wait()


def _compile(comp: tff.framework.ConcreteComputation) -> plans.Plan:
  return plans.build_plan(_to_native(comp))


def _to_native(
  comp: tff.framework.ConcreteComputation,
) -> tff.framework.ComputationBuildingBlock:
  """Returns TFF's native form of the computation, with marked uplinks."""
  block = tff.framework.to_call_dominant(comp.to_building_block())
  return native_form.build_native_form(wire_marks.mark_uplink(block))
