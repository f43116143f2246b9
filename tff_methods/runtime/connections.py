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
"""Connections to workers of TFF's C++ runtime, with detection of their loss."""

import asyncio
from collections.abc import Callable, Coroutine
import functools
import threading
import time
from typing import Any
import weakref

import grpc
import tensorflow_federated as tff

# TFF has no public name for it, which any custom context needs.
from tensorflow_federated.python.core.environments.tensorflow_frontend import (
  tensorflow_computation,
)

from tff_methods.runtime import executors
from tff_methods.runtime import forks
from tff_methods.runtime import native_form

_STOP_SECONDS = 5.0
_POLLING_SECONDS = 1.0
_MAX_MESSAGE_BYTES = 2 * 1000 * 1000 * 1000
_CHANNEL_OPTIONS = (
  ('grpc.max_receive_message_length', _MAX_MESSAGE_BYTES),
  ('grpc.max_send_message_length', _MAX_MESSAGE_BYTES),
  # The first attempt to connect may precede the worker's listening; by default
  # the second follows after a whole second, and the others after even longer.
  ('grpc.initial_reconnect_backoff_ms', 50),
  ('grpc.min_reconnect_backoff_ms', 50),
  ('grpc.max_reconnect_backoff_ms', 1000),
  # By default a channel without calls disconnects after half an hour.
  ('grpc.client_idle_timeout_ms', 2**31 - 1),
)
_LOST = (
  grpc.StatusCode.UNAVAILABLE,
  grpc.StatusCode.CANCELLED,  # This side has closed the channel.
  grpc.StatusCode.FAILED_PRECONDITION,  # A new worker runs at this address.
)

Compiler = Callable[
  [tff.framework.ConcreteComputation], tff.framework.ConcreteComputation
]


class WorkerLostError(grpc.RpcError):
  """A worker has ended or does not answer; its values are gone."""


def open_channel(
  address: str, credentials: grpc.ChannelCredentials | None = None
) -> grpc.Channel:
  """Returns a channel to a worker; connects at the first use.

  Args:
    address: `host:port`.
    credentials: TLS credentials; with `None` nothing is encrypted.

  Raises:
    RuntimeError: In a forked process (see `forks`).
  """
  forks.mark_runtime()
  if credentials is None:
    channel = grpc.insecure_channel(address, _CHANNEL_OPTIONS)
  else:
    channel = grpc.secure_channel(address, credentials, _CHANNEL_OPTIONS)
  forks.keep(channel)
  return channel


def close_channel(channel: grpc.Channel) -> None:
  """Closes a channel; in a forked process, leaves it to the parent."""
  if forks.is_forked():
    return
  # gRPC's polling thread prints an error if the channel is closed under it. It
  # ends soon without subscriptions; gRPC has no public name for either.
  state = getattr(channel, '_connectivity_state', None)
  if state is not None:
    getattr(channel, '_unsubscribe_all')()  # noqa: B009
    deadline = time.monotonic() + _POLLING_SECONDS
    while state.polling and time.monotonic() < deadline:
      time.sleep(0.005)
  channel.close()


def build_compiler() -> Compiler:
  """Returns a compiler for the C++ runtime, with a cache of its results.

  Successive connections that share a compiler compile nothing twice.
  """
  return functools.lru_cache()(native_form.compile_computation)


class WorkerConnection:
  """Runs computations on a worker until the worker is lost.

  TFF's own contexts retry indefinitely if a worker does not answer, or has lost
  the values of an earlier one. Here such calls raise `WorkerLostError`; another
  connection, to this worker or another, may then run them again. The thread of
  a connection ends with its last reference.

  Attributes:
    is_lost: True once the connection is known to be broken.
  """

  def __init__(self, channel: grpc.Channel, compile_fn: Compiler):
    """Builds the connection.

    Args:
      channel: Channel to the worker; it must be ready.
      compile_fn: Result of `build_compiler`.
    """
    self._was_ready = False
    self.is_lost = False
    intercepted = grpc.intercept_channel(channel, _ErrorInterceptor())
    # The stub asks for an attempt to connect, which a ready channel does not
    # need. gRPC makes it later, and prints an error if the channel is closed.
    intercepted.subscribe = lambda callback, try_to_connect=False: (
      channel.subscribe(callback)
    )
    stub = tff.framework.RemoteExecutorGrpcStub(intercepted)
    # After the stub's own subscription: in the other order, a channel that is
    # closed early prints errors.
    update = weakref.WeakMethod(self._update_connectivity)
    channel.subscribe(lambda state: _call_if_alive(update, state))

    def create_executor(
      cardinalities: tff.framework.CardinalitiesType,
    ) -> tff.framework.RemoteExecutor:
      executor = executors.ClosingExecutor(stub)
      executor.set_cardinalities({tff.CLIENTS: 0, **cardinalities})
      return executor

    self._context = tff.framework.AsyncExecutionContext(
      executor_fn=executors.RecentExecutorFactory(create_executor),
      compiler_fn=compile_fn,
      transform_args=tensorflow_computation.transform_args,
      transform_result=tensorflow_computation.transform_result,
    )
    self._loop = _EventLoopThread()
    weakref.finalize(self, self._loop.close).atexit = False

  def invoke(self, comp: tff.Computation, arg: Any) -> Any:
    """Runs a computation; see `tff.framework.SyncContext.invoke`.

    Args:
      comp: Computation to run.
      arg: Argument of the computation; `None` if it takes none.

    Returns:
      The result of the computation.

    Raises:
      WorkerLostError: If the worker was or is lost.
      RuntimeError: In a forked process.
    """
    forks.check()
    if self.is_lost:
      raise WorkerLostError('The connection was lost.')
    return self._loop.run(self._context.invoke(comp, arg))

  def _update_connectivity(self, state: grpc.ChannelConnectivity) -> None:
    # A channel reconnects by itself, perhaps to a new worker that lacks the
    # values of the former one, and reuses their names for others.
    is_ready = state == grpc.ChannelConnectivity.READY
    self.is_lost |= self._was_ready and not is_ready
    self._was_ready |= is_ready


def _call_if_alive(
  method: 'weakref.WeakMethod[Callable[[Any], None]]', arg: Any
) -> None:
  function = method()
  if function is not None:
    function(arg)


class _EventLoopThread:
  """Event loop in a thread, which can be ended.

  The thread of TFF's own, `AsyncThreadRunner`, holds a reference to it, so that
  neither thread nor loop ever ends.
  """

  def __init__(self) -> None:
    self._loop = asyncio.new_event_loop()
    self._thread = threading.Thread(
      target=self._loop.run_forever, name='worker_connection', daemon=True
    )
    self._thread.start()

  def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine; returns its result."""
    return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

  def close(self) -> None:
    """Ends the thread, unless it waits for a worker that does not answer."""
    if forks.is_forked():
      return  # The child has no such thread.
    self._loop.call_soon_threadsafe(self._loop.stop)
    if self._thread is not threading.current_thread():
      self._thread.join(_STOP_SECONDS)
      if not self._thread.is_alive():
        self._loop.close()


class _ErrorInterceptor(grpc.UnaryUnaryClientInterceptor):
  """Raises errors of calls in forms that TFF does not retry indefinitely."""

  def intercept_unary_unary(
    self,
    continuation: Callable[..., Any],
    client_call_details: grpc.ClientCallDetails,
    request: Any,
  ) -> Any:
    call = continuation(client_call_details, request)
    error = call.exception()
    if error is None:
      return call
    if isinstance(error, ValueError):  # The channel is closed.
      raise WorkerLostError(str(error)) from error
    if call.code() in _LOST:
      raise WorkerLostError(call.details())
    return call
