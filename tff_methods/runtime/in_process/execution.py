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
"""Execution of plans, with several clients at once."""

import collections
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent import futures
import contextlib
import queue
import threading
from typing import Any

import tensorflow as tf

# Interrupts running functions; TensorFlow has no public name for it.
from tensorflow.python.eager import cancellation as tf_cancellation

from tff_methods.runtime.in_process import plans
from tff_methods.runtime.in_process import values

_thread = threading.local()
_process_manager = tf_cancellation.context


def _current_manager() -> tf_cancellation.CancellationManager | None:
  """Returns the manager of this thread, or that of TensorFlow's own context."""
  return getattr(_thread, 'manager', None) or _process_manager()


# `CancellationManagerContext` sets one manager for all threads: a function
# would run under that of whichever thread was last, and be cancelled with it.
tf_cancellation.context = _current_manager


@contextlib.contextmanager
def _use_in_this_thread(
  manager: tf_cancellation.CancellationManager,
) -> Generator[None, None, None]:
  previous = getattr(_thread, 'manager', None)
  _thread.manager = manager
  try:
    yield
  finally:
    _thread.manager = previous


class InterruptedPartError(Exception):
  """Part of a call that was stopped because of an error elsewhere."""


class Cancellation:
  """Cancellation of all that one call of a computation has in progress.

  TensorFlow cancels a function's `CancellationManager` when the function fails,
  before Python sees the error. If threads shared a manager, another thread
  could report that it was cancelled before the cause is known. So each part has
  its own, in its own thread, and the others are cancelled after the cause is
  recorded.
  """

  def __init__(self) -> None:
    """Builds the cancellation; nothing is in progress yet."""
    # Guards the two below.
    self._lock = threading.Lock()
    self._managers: set[tf_cancellation.CancellationManager] = set()
    self._reason: BaseException | None = None

  @property
  def reason(self) -> BaseException | None:
    """First error of any part; `None` if there is none."""
    return self._reason

  def cancel(self, reason: BaseException) -> None:
    """Cancels everything.

    Args:
      reason: The cause. Only the first one counts; later ones may be effects.
    """
    with self._lock:
      if self._reason is None:
        self._reason = reason
      managers = list(self._managers)
    for manager in managers:
      manager.start_cancel()

  def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls the function that is the call; raises the cause of a failure.

    Args:
      function: Function to call; see `run_part`.
      *arguments: Positional arguments of the function.

    Returns:
      The result of the function.

    Raises:
      BaseException: The reason of the cancellation.
    """
    try:
      return self.run_part(function, *arguments)
    except InterruptedPartError:
      reason = self._reason
    # Outside of `except`, which would add a context to the error.
    assert reason is not None
    raise reason

  def run_part(self, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a cancellable function; its error cancels all other parts.

    Args:
      function: Function to call; its TensorFlow functions are interrupted by
        `cancel`.
      *arguments: Positional arguments of the function.

    Returns:
      The result of the function.

    Raises:
      InterruptedPartError: If another part was first to fail.
      BaseException: Error of the function, if it is the first one.
    """
    manager = tf_cancellation.CancellationManager()
    with self._lock:
      if self._reason is not None:
        raise InterruptedPartError
      self._managers.add(manager)
    try:
      with _use_in_this_thread(manager):
        return function(*arguments)
    except BaseException as e:
      self.cancel(e)
      if self._reason is e:
        raise
      raise InterruptedPartError from None
    finally:
      with self._lock:
        self._managers.discard(manager)


class ClientWorkers:
  """Threads that each compute one client at a time, on one of the devices.

  Attributes:
    devices: Names of the devices; the first is the server's.
  """

  def __init__(self, devices: list[str], max_concurrent_clients: int):
    """Builds the pool; starts no thread yet.

    Args:
      devices: Names of TensorFlow devices.
      max_concurrent_clients: Number of clients at once, on all devices.
    """
    self.devices = devices
    self._max_concurrent_clients = max_concurrent_clients
    self._idle_devices: queue.SimpleQueue[str] = queue.SimpleQueue()
    for i in range(max_concurrent_clients):
      self._idle_devices.put(devices[i % len(devices)])
    self._threads = futures.ThreadPoolExecutor(
      max_concurrent_clients, thread_name_prefix='in_process_client'
    )

  def run_in_order(
    self,
    run: Callable[[int, str], Any],
    num_clients: int,
    cancellation: Cancellation,
  ) -> Iterator[Any]:
    """Yields `run(index, device)` for each client, in the order of clients.

    At most twice as many clients as work at once are ahead of the client whose
    result comes next, which bounds the number of pending results.

    Args:
      run: Function from the index of a client and a device to the result.
      num_clients: Number of clients.
      cancellation: Cancellation of the call.

    Yields:
      The results.

    Raises:
      BaseException: The reason of the cancellation.
    """
    pending = collections.deque()
    for index in range(num_clients):
      if len(pending) == 2 * self._max_concurrent_clients:
        yield _result(pending.popleft(), cancellation)
      pending.append(
        self._threads.submit(cancellation.run_part, self._run_one, run, index)
      )
    while pending:
      yield _result(pending.popleft(), cancellation)

  def _run_one(self, run: Callable[[int, str], Any], index: int) -> Any:
    device = self._idle_devices.get()
    try:
      return run(index, device)
    finally:
      self._idle_devices.put(device)


def _result(future: futures.Future, cancellation: Cancellation) -> Any:
  error = future.exception()
  if error is None:
    return future.result()
  raise cancellation.reason or error


def run_plan(
  plan: plans.Plan,
  argument: values.Value,
  call: values.Call,
  workers: ClientWorkers,
  cancellation: Cancellation,
) -> values.Value:
  """Runs the plan of a computation.

  Args:
    plan: Plan of the computation.
    argument: Argument from `values.from_python`; `None` if there is none.
    call: Number of clients and byte meters of this call.
    workers: Threads and devices of the clients.
    cancellation: Cancellation of the call.

  Returns:
    The result, for `values.to_python`.
  """
  server = values.Place(workers.devices[0], call)
  scope: dict[str, Any] = {}
  if plan.parameter_name is not None:
    scope[plan.parameter_name] = argument
  for phase in plan.phases:
    for step in phase.server_steps:
      scope[step.name] = step.evaluate(scope, server)
    if phase.visited:
      scope.update(_visit_clients(phase, scope, server, workers, cancellation))
  return plan.result(scope, server)


def _visit_clients(
  phase: plans.Phase,
  scope: Mapping[str, Any],
  server: values.Place,
  workers: ClientWorkers,
  cancellation: Cancellation,
) -> dict[str, Any]:
  """Returns results of aggregations and retained client values, by name."""
  visit = _ClientVisit(phase, scope, server)
  aggregations = _Aggregations(phase.folds, scope, server)
  retained = {name: [] for name in phase.retained}
  for contributions, client_values in workers.run_in_order(
    visit, server.call.num_clients, cancellation
  ):
    aggregations.accumulate(contributions)
    for name, value in client_values.items():
      retained[name].append(value)
  return aggregations.report() | {
    name: values.ClientValues(elements) for name, elements in retained.items()
  }


class _ClientVisit:
  """Evaluation of a phase's client steps, callable from many threads."""

  def __init__(
    self, phase: plans.Phase, scope: Mapping[str, Any], server: values.Place
  ):
    self._phase = phase
    self._call = server.call
    self._scopes = _DeviceScopes(
      {name: scope[name] for name in phase.referenced if name in scope},
      phase.common_steps,
      server,
    )

  def __call__(
    self, index: int, device: str
  ) -> tuple[list[Any], dict[str, Any]]:
    """Returns contributions to the folds, and retained values by name."""
    place = values.Place(device, self._call)
    scope = {
      name: _select_client(value, index)
      for name, value in self._scopes.get(device).items()
    }
    for step in self._phase.client_steps:
      scope[step.name] = step.evaluate(scope, place)
    contributions = [fold.value(scope, place) for fold in self._phase.folds]
    return contributions, {name: scope[name] for name in self._phase.retained}


class _Aggregations:
  """Accumulators of a phase's folds, on the server."""

  def __init__(
    self,
    folds: Sequence[plans.Fold],
    scope: Mapping[str, Any],
    server: values.Place,
  ):
    self._folds, self._scope, self._server = folds, scope, server
    self._accumulators = [fold.zero(scope, server) for fold in folds]
    self._operators = [fold.accumulate(scope, server) for fold in folds]

  def accumulate(self, contributions: Sequence[Any]) -> None:
    """Adds the contributions of the next client, one for each fold."""
    for i, contribution in enumerate(contributions):
      self._accumulators[i] = self._operators[i](
        self._server, (self._accumulators[i], contribution)
      )

  def report(self) -> dict[str, Any]:
    """Returns the results of the folds, by name."""
    return {
      fold.name: fold.report(self._scope, self._server)(
        self._server, accumulator
      )
      for fold, accumulator in zip(self._folds, self._accumulators, strict=True)
    }


class _DeviceScopes:
  """Values common to all clients, copied or computed once on each device."""

  def __init__(
    self,
    scope: Mapping[str, Any],
    common_steps: Sequence[plans.Step],
    server: values.Place,
  ):
    self._original, self._common_steps = scope, common_steps
    self._server = server
    self._scopes: dict[str, Mapping[str, Any]] = {}
    # Of each device, so that devices do not wait for each other.
    self._locks = collections.defaultdict(threading.Lock)
    self._lock = threading.Lock()  # Guards the locks.

  def get(self, device: str) -> Mapping[str, Any]:
    """Returns the values by name, with tensors on the device."""
    with self._lock:
      lock = self._locks[device]
    with lock:
      if device not in self._scopes:
        self._scopes[device] = self._build(device)
      return self._scopes[device]

  def _build(self, device: str) -> Mapping[str, Any]:
    scope = dict(self._original)
    if device != self._server.device:
      with tf.device(device):
        for name, value in self._original.items():
          scope[name] = _copy_to_device(value, device)
    place = values.Place(device, self._server.call)
    for step in self._common_steps:
      scope[step.name] = step.evaluate(scope, place)
    return scope


def _copy_to_device(value: Any, device: str) -> Any:
  if isinstance(value, tuple):
    return tuple(_copy_to_device(element, device) for element in value)
  if isinstance(value, tf.Tensor):
    return values.copy_to_device([value], device)[0]
  return value


def _select_client(value: Any, index: int) -> Any:
  if isinstance(value, tuple):
    return tuple([_select_client(element, index) for element in value])
  if isinstance(value, values.ClientValues):
    return value.get(index)
  return value
