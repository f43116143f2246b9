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
from collections.abc import Iterator, Sequence
from concurrent import futures
import contextlib
import threading
from typing import Any

import tensorflow_federated as tff

# TFF has no public names for these, and a context of one's own needs them.
from tensorflow_federated.python.core.backends.native import (
  compiler as native_compiler,
)
from tensorflow_federated.python.core.backends.test import (
  compiler as test_compiler,
)
from tensorflow_federated.python.core.impl.executors import cardinalities_utils

from tff_methods.runtime.in_process import execution
from tff_methods.runtime.in_process import plans
from tff_methods.runtime.in_process import values
from tff_methods.runtime.in_process import wire_marks
from tff_methods.runtime.in_process import wire_meter

# For example of training, of evaluation, and what they begin with.
_PLANS_TO_KEEP = 64


class _Engine:
  """What the synchronous and the asynchronous context are two faces of."""

  def __init__(self, devices: Sequence[str], max_concurrent_clients: int):
    self.devices = devices
    self._workers = execution.ClientWorkers(devices, max_concurrent_clients)
    self._plans = collections.OrderedDict()  # The one used last is last.
    self._lock = threading.Lock()
    self._meters = []

  @contextlib.contextmanager
  def count_bytes(self) -> Iterator[wire_meter.WireMeter]:
    meter = wire_meter.WireMeter()
    self._meters = [*self._meters, meter]
    try:
      yield meter
    finally:
      self._meters = [other for other in self._meters if other is not meter]

  def start(
    self, comp: tff.framework.ConcreteComputation, arg: Any
  ) -> tuple[futures.Future, execution.Stop]:
    """Starts a call; what stops it is returned too."""
    stop = execution.Stop()
    thread = futures.ThreadPoolExecutor(1, 'in_process_call')
    future = thread.submit(stop.guard, self._run, comp, arg, stop)
    thread.shutdown(wait=False)
    return future, stop

  def _run(self, comp, arg, stop):
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
      self._plan(comp), argument, call, self._workers, stop
    )
    return values.to_python(result, comp.type_signature.result)

  def _plan(self, comp) -> plans.Plan:
    # By identity: to hash a computation, TFF serializes it, at every call.
    with self._lock:
      if id(comp) not in self._plans:
        while len(self._plans) >= _PLANS_TO_KEEP:
          self._plans.popitem(last=False)
        self._plans[id(comp)] = comp, _compile(comp)
      self._plans.move_to_end(id(comp))
      return self._plans[id(comp)][1]


class InProcessContext(tff.framework.SyncContext):
  """Computes in this process, on the devices that TensorFlow has.

  A round visits each client once: clients work at the same time, several on a
  device; aggregations take in what they send in the order of the clients, on
  the first device. So results do not depend on how many work at once, and of
  all that clients send only a little is held. Each TensorFlow graph is imported
  once. An error of a client stops the others, and is raised as it is.
  """

  def __init__(self, devices: Sequence[str], max_concurrent_clients: int):
    """Starts nothing yet.

    Args:
      devices: The names of TensorFlow devices, such as '/device:GPU:0'; the
        first is the server's.
      max_concurrent_clients: How many clients work at once, on all devices.

    Raises:
      ValueError: If there is no device, or less than one client at once.
    """
    if not devices:
      raise ValueError('Expected one device or more, found none: name some.')
    if max_concurrent_clients < 1:
      raise ValueError(
        'Expected `max_concurrent_clients` of 1 or more, found '
        f'{max_concurrent_clients}; leave it out for a good number.'
      )
    self._engine = _Engine(list(devices), max_concurrent_clients)

  @property
  def devices(self) -> list[str]:
    """The names of the devices; the first is the server's."""
    return self._engine.devices

  def invoke(self, comp: tff.framework.ConcreteComputation, arg: Any) -> Any:
    """Runs a computation; see `tff.framework.SyncContext`."""
    future, stop = self._engine.start(comp, arg)
    try:
      return future.result()
    except BaseException as e:
      stop.start(e)  # Of this thread, such as `KeyboardInterrupt`.
      raise

  def count_bytes(
    self,
  ) -> contextlib.AbstractContextManager[wire_meter.WireMeter]:
    """Counts what crosses between clients and server, while it is entered.

    Returns:
      A context manager of a `WireMeter`.
    """
    return self._engine.count_bytes()


class AsyncInProcessContext(tff.framework.AsyncContext):
  """`InProcessContext` for programs that await what they call."""

  def __init__(self, devices: Sequence[str], max_concurrent_clients: int):
    """See `InProcessContext`."""
    self._context = InProcessContext(devices, max_concurrent_clients)

  async def invoke(
    self, comp: tff.framework.ConcreteComputation, arg: Any
  ) -> Any:
    """Runs a computation; see `tff.framework.AsyncContext`."""
    if asyncio.iscoroutine(arg):
      arg = await arg
    future, stop = self._context._engine.start(comp, arg)
    try:
      return await asyncio.wrap_future(future)
    except BaseException as e:
      stop.start(e)
      raise

  def count_bytes(
    self,
  ) -> contextlib.AbstractContextManager[wire_meter.WireMeter]:
    """See `InProcessContext.count_bytes`."""
    return self._context.count_bytes()


def _compile(comp: tff.framework.ConcreteComputation) -> plans.Plan:
  return plans.build_plan(_to_native(comp).to_building_block())


def _to_native(
  comp: tff.framework.ConcreteComputation,
) -> tff.framework.ConcreteComputation:
  block = tff.framework.to_call_dominant(comp.to_building_block())
  marked = tff.framework.ConcreteComputation.from_building_block(
    wire_marks.mark_uplink(block)
  )
  return native_compiler.desugar_and_transform_to_native(
    # Without secure hardware: the same numbers, in the clear.
    test_compiler.replace_secure_intrinsics_with_bodies(marked)
  )
