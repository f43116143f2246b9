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
"""A worker on another machine, which may die, fall silent, and come back."""

from collections.abc import Callable
import time

from absl import logging
import grpc

from tff_methods.runtime import connections

# TFF's worker does not have this method, and says so at once, also while it
# computes: who says so is there.
_HEALTH_METHOD = '/grpc.health.v1.Health/Check'
_ANSWERS = (grpc.StatusCode.OK, grpc.StatusCode.UNIMPLEMENTED)

_SECONDS_BETWEEN_PINGS = 1.0


class RemoteWorker:
  """A worker, and the connection to it while it is there.

  A call to a machine that is switched off would wait for ever. So the worker is
  asked each second whether it is there, also while it runs a call.

  Attributes:
    address: `host:port`.
    connection: To run calls on; `None` while the worker is not there.
    problem: What was the last one, in words.
    is_missed: Whether the log has told that the worker is not there.
  """

  def __init__(
    self,
    address: str,
    connect: Callable[[grpc.Channel], connections.WorkerConnection],
    credentials: grpc.ChannelCredentials | None,
    silence_seconds: float,
  ):
    """Does not wait for the worker; see `poll`.

    Args:
      address: `host:port`.
      connect: From a channel that is ready to a connection.
      credentials: For TLS; `None`: nothing is encrypted.
      silence_seconds: After how long without an answer the worker is lost.
    """
    self.address = address
    self.connection = None
    self.problem = 'no answer yet'
    self._connect = connect
    self._credentials = credentials
    self._silence_seconds = silence_seconds
    self.is_missed = False
    self._open()

  def poll(self) -> None:
    """Brings `connection` up to date; waits for nothing."""
    if self._ping is not None and self._ping.done():
      code = self._ping.code()
      details = self._ping.details() or code.name
      self._ping = None
      if code in _ANSWERS:
        self._note_answer()
      elif self.connection is None:
        self.problem = details
      else:
        self.lose(self.connection, details)
    if self._ping is None and time.monotonic() >= self._next_ping:
      self._next_ping = time.monotonic() + _SECONDS_BETWEEN_PINGS
      self._ping = self._check_health.future(b'', timeout=self._silence_seconds)

  def lose(
    self, connection: connections.WorkerConnection, problem: str
  ) -> None:
    """Gives a connection up, which ends its calls; no other made since."""
    if connection is self.connection:
      self.problem = problem
      self.disconnect()
      self.miss()

  def miss(self) -> None:
    """Tells the log that the worker is not there."""
    logging.warning('Goes on without worker %s: %s', self.address, self.problem)
    self.is_missed = True

  def disconnect(self) -> None:
    """Ends calls that wait for the worker; `poll` connects again."""
    self.connection = None
    self._channel.close()
    self._open()

  def _note_answer(self) -> None:
    if self.connection is not None:
      return
    self.connection = self._connect(self._channel)
    if self.is_missed:
      logging.warning('Worker %s is back.', self.address)
      self.is_missed = False

  def _open(self) -> None:
    self._channel = connections.open_channel(self.address, self._credentials)
    self._check_health = self._channel.unary_unary(_HEALTH_METHOD)
    self._ping = None
    self._next_ping = 0.0
