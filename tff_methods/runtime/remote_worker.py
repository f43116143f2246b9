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
"""A worker on another machine, which may die, fall silent, and return."""

from collections.abc import Callable
import time
import weakref

from absl import logging
import grpc

from tff_methods.runtime import connections

# TFF's worker does not implement this method and says so at once, even while it
# computes: that answer shows that the worker is alive.
_HEALTH_METHOD = '/grpc.health.v1.Health/Check'
_ANSWERS = (grpc.StatusCode.OK, grpc.StatusCode.UNIMPLEMENTED)

_SECONDS_BETWEEN_PINGS = 1.0


class RemoteWorker:
  """A worker, and the connection to it while the worker answers.

  A call to a machine that is switched off would wait indefinitely. So the
  worker is pinged each second, also while it runs a call.

  Attributes:
    address: `host:port`.
    connection: Connection that runs calls; `None` while the worker is away.
    problem: Description of the last failure.
    is_reported_missing: True if the log says that the worker is away.
  """

  def __init__(
    self,
    address: str,
    connect: Callable[[grpc.Channel], connections.WorkerConnection],
    credentials: grpc.ChannelCredentials | None,
    silence_seconds: float,
  ):
    """Opens a channel; does not wait for the worker (see `poll`).

    Args:
      address: `host:port`.
      connect: Function from a channel that is ready to a connection.
      credentials: TLS credentials; with `None` nothing is encrypted.
      silence_seconds: Time without an answer, in seconds, after which the
        worker is lost.
    """
    self.address = address
    self.connection: connections.WorkerConnection | None = None
    self.problem = 'no answer yet'
    self.is_reported_missing = False
    self._connect = connect
    self._credentials = credentials
    self._silence_seconds = silence_seconds
    self._open()

  def poll(self) -> None:
    """Updates `connection` from the last ping; does not block."""
    if self._ping is not None and self._ping.done():
      code = self._ping.code()
      details = self._ping.details() or code.name
      self._ping = None
      if code in _ANSWERS:
        self._handle_answer()
      elif self.connection is None:
        self.problem = details
      else:
        self.mark_lost(self.connection, details)
    if self._ping is None and time.monotonic() >= self._next_ping:
      self._next_ping = time.monotonic() + _SECONDS_BETWEEN_PINGS
      self._ping = self._check_health.future(b'', timeout=self._silence_seconds)

  def mark_lost(
    self, connection: connections.WorkerConnection, problem: str
  ) -> None:
    """Closes a connection that was lost, which ends its calls.

    Args:
      connection: The lost connection; no effect if it was replaced since.
      problem: Description of the failure.
    """
    if connection is self.connection:
      self.problem = problem
      self.disconnect()
      self.report_missing()

  def report_missing(self) -> None:
    """Logs that the worker is away."""
    logging.warning(
      'Continuing without worker %s: %s', self.address, self.problem
    )
    self.is_reported_missing = True

  def disconnect(self) -> None:
    """Ends calls that wait for the worker; `poll` connects again."""
    self.connection = None
    self._finalizer()
    self._open()

  def _handle_answer(self) -> None:
    if self.connection is not None:
      return
    self.connection = self._connect(self._channel)
    if self.is_reported_missing:
      logging.warning('Worker %s is back.', self.address)
      self.is_reported_missing = False

  def _open(self) -> None:
    self._channel = connections.open_channel(self.address, self._credentials)
    # Also when this object goes: gRPC's subscriptions refer to the channel.
    self._finalizer = weakref.finalize(
      self, connections.close_channel, self._channel
    )
    self._finalizer.atexit = False
    self._check_health = self._channel.unary_unary(_HEALTH_METHOD)
    self._ping = None
    self._next_ping = 0.0
