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
"""Runs plans, with several clients at once."""

import collections
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
import queue
import threading
from typing import Any

import tensorflow as tf

# What ends a function that runs; TensorFlow has no public name for it.
from tensorflow.python.eager import cancellation

from tff_methods.runtime.in_process import plans
from tff_methods.runtime.in_process import values


class Stop:
  """Ends all that one call of a computation has under way."""

  def __init__(self):
    self._manager = cancellation.CancellationManager()
    self._lock = threading.Lock()
    self._reason = None

  def start(self, reason: BaseException) -> None:
    """Stops all; the first `reason` counts, others may be its effects."""
    with self._lock:
      self._reason = self._reason or reason
    self._manager.start_cancel()

  def guard(self, function: Callable[..., Any], *arguments) -> Any:
    """Calls a function that ends when all does, and ends all if it raises."""
    if self._reason is not None:
      raise self._reason
    try:
      with cancellation.CancellationManagerContext(self._manager):
        return function(*arguments)
    except BaseException as e:
      self.start(e)
      if self._reason is e:
        raise
      raise self._reason from None


class ClientWorkers:
  """Threads that each work for one client at a time, on one of the devices.

  Attributes:
    devices: The names of the devices; the first is the server's.
  """

  def __init__(self, devices: list[str], max_concurrent_clients: int):
    """Starts no thread yet.

    Args:
      devices: The names of TensorFlow devices.
      max_concurrent_clients: How many clients work at once on all devices.
    """
    self.devices = devices
    self._max_concurrent_clients = max_concurrent_clients
    self._idle_devices = queue.SimpleQueue()
    for i in range(max_concurrent_clients):
      self._idle_devices.put(devices[i % len(devices)])
    self._threads = futures.ThreadPoolExecutor(
      max_concurrent_clients, thread_name_prefix='in_process_client'
    )

  def run_in_order(
    self, run: Callable[[int, str], Any], num_clients: int, stop: Stop
  ) -> Iterator[Any]:
    """Yields `run(index, device)` for each client, in their order.

    Few clients are ahead of the one that comes next, so few results wait.
    """
    waiting = collections.deque()
    for index in range(num_clients):
      if len(waiting) == 2 * self._max_concurrent_clients:
        yield waiting.popleft().result()
      waiting.append(
        self._threads.submit(stop.guard, self._run_one, run, index)
      )
    while waiting:
      yield waiting.popleft().result()

  def _run_one(self, run, index):
    device = self._idle_devices.get()
    try:
      return run(index, device)
    finally:
      self._idle_devices.put(device)


def run_plan(
  plan: plans.Plan,
  argument: values.Value,
  call: values.Call,
  workers: ClientWorkers,
  stop: Stop,
) -> values.Value:
  """Runs a computation.

  Args:
    plan: What to run.
    argument: The argument, or `None`, from `values.from_python`.
    call: What is the same wherever something is computed.
    workers: Who works for the clients.
    stop: Ends it early.

  Returns:
    The result, for `values.to_python`.
  """
  server = values.Place(workers.devices[0], call)
  scope = {plan.parameter_name: argument}
  for phase in plan.phases:
    for step in phase.server_steps:
      scope[step.name] = step.evaluate(scope, server)
    if phase.client_steps or phase.folds:
      scope.update(_visit_clients(phase, scope, server, workers, stop))
  return plan.result(scope, server)


def _visit_clients(phase, scope, server, workers, stop) -> dict[str, Any]:
  """Returns the results of aggregations, and what the clients keep."""
  scopes = _DeviceScopes(
    {name: scope[name] for name in phase.needed if name in scope},
    workers.devices[0],
  )

  def visit(index, device):
    place = values.Place(device, server.call)
    scope = {
      name: _of_client(value, index)
      for name, value in scopes.get(device).items()
    }
    for step in phase.client_steps:
      scope[step.name] = step.evaluate(scope, place)
    contributions = [fold.value(scope, place) for fold in phase.folds]
    return contributions, {name: scope[name] for name in phase.kept}

  accumulators = [fold.zero(scope, server) for fold in phase.folds]
  operators = [fold.accumulate(scope, server) for fold in phase.folds]
  kept = {name: [] for name in phase.kept}
  for contributions, to_keep in workers.run_in_order(
    visit, server.call.num_clients, stop
  ):
    for i, contribution in enumerate(contributions):
      accumulators[i] = operators[i](server, (accumulators[i], contribution))
    for name, value in to_keep.items():
      kept[name].append(value)
  results = {
    fold.name: fold.report(scope, server)(server, accumulator)
    for fold, accumulator in zip(phase.folds, accumulators, strict=True)
  }
  return results | {name: values.ClientValues(x) for name, x in kept.items()}


class _DeviceScopes:
  """What all clients share, copied once to each device."""

  def __init__(self, scope: Mapping[str, Any], device: str):
    self._lock = threading.Lock()
    self._scopes = {device: scope}
    self._original = scope

  def get(self, device: str) -> Mapping[str, Any]:
    with self._lock:
      if device not in self._scopes:
        with tf.device(device):
          self._scopes[device] = {
            name: _copied(value, device)
            for name, value in self._original.items()
          }
      return self._scopes[device]


def _copied(value, device):
  if isinstance(value, tuple):
    return tuple(_copied(element, device) for element in value)
  if isinstance(value, tf.Tensor):
    return values.bring([value], device)[0]
  return value


def _of_client(value, index):
  if isinstance(value, tuple):
    return tuple([_of_client(element, index) for element in value])
  if isinstance(value, values.ClientValues):
    return value.get(index)
  return value
