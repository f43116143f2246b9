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
"""Connections to workers of TFF's C++ runtime, which tell when one is lost."""

from collections.abc import Callable
import functools

import grpc
import tensorflow_federated as tff

# TFF has no public names for these two, and a context of one's own needs them.
from tensorflow_federated.python.core.backends.native import compiler
from tensorflow_federated.python.core.environments.tensorflow_frontend import (
  tensorflow_computation,
)

from tff_methods.runtime import executors

_MAX_MESSAGE_BYTES = 2 * 1000 * 1000 * 1000
_CHANNEL_OPTIONS = (
  ('grpc.max_receive_message_length', _MAX_MESSAGE_BYTES),
  ('grpc.max_send_message_length', _MAX_MESSAGE_BYTES),
  # The first attempt to connect may be made before the worker listens; by
  # default the second follows a whole second later, and others ever later.
  ('grpc.initial_reconnect_backoff_ms', 50),
  ('grpc.min_reconnect_backoff_ms', 50),
  ('grpc.max_reconnect_backoff_ms', 1000),
  # By default a channel without calls hangs up after half an hour.
  ('grpc.client_idle_timeout_ms', 2**31 - 1),
)
_LOST = (
  grpc.StatusCode.UNAVAILABLE,
  grpc.StatusCode.CANCELLED,  # This side has closed the channel.
  grpc.StatusCode.FAILED_PRECONDITION,  # Another worker has taken its place.
)


class WorkerLostError(grpc.RpcError):
  """A worker has ended, or does not answer; what it held is gone."""


def open_channel(
  address: str, credentials: grpc.ChannelCredentials | None = None
) -> grpc.Channel:
  """Returns a channel to a worker; connects when it is used.

  Args:
    address: `host:port`.
    credentials: For TLS; by default nothing is encrypted.
  """
  if credentials is None:
    return grpc.insecure_channel(address, _CHANNEL_OPTIONS)
  return grpc.secure_channel(address, credentials, _CHANNEL_OPTIONS)


def build_compiler() -> Callable[
  [tff.framework.ConcreteComputation], tff.framework.ConcreteComputation
]:
  """Returns TFF's compiler for the C++ runtime, with a memory of its results.

  Connections that follow one another then compile nothing twice.
  """
  return functools.lru_cache()(compiler.desugar_and_transform_to_native)


class WorkerConnection:
  """Runs computations on a worker until it is lost.

  TFF's own contexts try again for ever when a worker does not answer, or has
  another one's memory. Here such calls raise `WorkerLostError`; another
  connection, to this worker or another, may then run them again.

  Attributes:
    is_lost: Whether it has been seen that the connection broke.
  """

  def __init__(
    self,
    channel: grpc.Channel,
    compile_fn: Callable[
      [tff.framework.ConcreteComputation], tff.framework.ConcreteComputation
    ],
  ):
    """Uses a channel that is ready.

    Args:
      channel: To the worker.
      compile_fn: Of `build_compiler`.
    """
    self._was_ready = False
    self.is_lost = False
    stub = tff.framework.RemoteExecutorGrpcStub(
      grpc.intercept_channel(channel, _RaisingInterceptor())
    )
    # After the stub has: a channel that is closed early prints errors else.
    channel.subscribe(self._note_connectivity)

    def create_executor(cardinalities):
      cardinalities.setdefault(tff.CLIENTS, 0)
      executor = executors.ClosingExecutor(stub)
      executor.set_cardinalities(cardinalities)
      return executor

    self._context = tff.framework.SyncExecutionContext(
      executor_fn=executors.RecentExecutorFactory(create_executor),
      compiler_fn=compile_fn,
      transform_args=tensorflow_computation.transform_args,
      transform_result=tensorflow_computation.transform_result,
    )

  def invoke(self, comp: tff.Computation, arg: object) -> object:
    """Runs a computation, as `tff.framework.SyncContext.invoke`.

    Raises:
      WorkerLostError: If the worker was or is lost.
    """
    if self.is_lost:
      raise WorkerLostError('The connection was lost.')
    return self._context.invoke(comp, arg)

  def _note_connectivity(self, state: grpc.ChannelConnectivity) -> None:
    # A channel connects again by itself, perhaps to a new worker that does not
    # know what the former one held, and gives the same names to other things.
    is_ready = state == grpc.ChannelConnectivity.READY
    self.is_lost |= self._was_ready and not is_ready
    self._was_ready |= is_ready


class _RaisingInterceptor(grpc.UnaryUnaryClientInterceptor):
  """Raises errors of calls in forms that TFF does not try again for ever."""

  def intercept_unary_unary(self, continuation, client_call_details, request):
    call = continuation(client_call_details, request)
    error = call.exception()
    if error is None:
      return call
    if isinstance(error, ValueError):  # The channel is closed.
      raise WorkerLostError(str(error)) from error
    if call.code() in _LOST:
      raise WorkerLostError(call.details())
    return call
