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
"""Tests for remote_worker, with a gRPC server in place of TFF's worker."""

from concurrent import futures
import threading
import time
from unittest import mock

from absl.testing import absltest
import grpc
import portpicker

from tff_methods.runtime import remote_worker

_SILENCE_SECONDS = 0.5


class _SilentHandler(grpc.GenericRpcHandler):
  """Handler of any method, which answers only after `released`."""

  def __init__(self):
    self.released = threading.Event()

  def service(self, handler_call_details):
    def handle(request, context):
      del request, context
      self.released.wait(timeout=30)
      return b''

    return grpc.unary_unary_rpc_method_handler(handle)


class RemoteWorkerTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(
      mock.patch.object(remote_worker, '_SECONDS_BETWEEN_PINGS', 0.05)
    )
    self._port = portpicker.pick_unused_port()
    self._worker = remote_worker.RemoteWorker(
      f'localhost:{self._port}',
      connect=lambda channel: mock.Mock(channel=channel),
      credentials=None,
      silence_seconds=_SILENCE_SECONDS,
    )

  def _serve(self, *handlers: grpc.GenericRpcHandler) -> grpc.Server:
    """Starts a server, which like TFF's worker has no health method."""
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers)
    server.add_insecure_port(f'localhost:{self._port}')
    server.start()
    self.addCleanup(server.stop, None)
    return server

  def _poll_until(self, condition, timeout_seconds: float = 20) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
      self.assertLess(time.monotonic(), deadline)
      self._worker.poll()
      time.sleep(0.01)

  def _connect(self):
    self._poll_until(lambda: self._worker.connection is not None)
    return self._worker.connection

  def test_has_no_connection_before_an_answer(self):
    self.assertIsNone(self._worker.connection)
    self.assertEqual(self._worker.problem, 'no answer yet')
    self._poll_until(lambda: self._worker.problem != 'no answer yet')
    self.assertIsNone(self._worker.connection)
    self.assertFalse(self._worker.is_reported_missing)

  def test_connects_once_to_a_server_without_the_health_method(self):
    self._serve()
    connection = self._connect()
    with mock.patch.object(self._worker, '_connect') as connect:
      for _ in range(30):
        self._worker.poll()
        time.sleep(0.01)
    connect.assert_not_called()
    self.assertIs(self._worker.connection, connection)

  def test_reports_loss_and_return(self):
    server = self._serve()
    first = self._connect()
    server.stop(None).wait()
    with self.assertLogs(level='WARNING') as logs:
      self._poll_until(lambda: self._worker.connection is None)
    self.assertRegex(
      logs.output[0], f'Continuing without worker localhost:{self._port}: '
    )
    self.assertTrue(self._worker.is_reported_missing)
    self._serve()
    with self.assertLogs(level='WARNING') as logs:
      second = self._connect()
    self.assertRegex(logs.output[0], f'Worker localhost:{self._port} is back.')
    self.assertIsNot(second, first)
    self.assertIsNot(second.channel, first.channel)
    self.assertFalse(self._worker.is_reported_missing)

  def test_a_silent_worker_is_lost(self):
    handler = _SilentHandler()
    self.addCleanup(handler.released.set)
    self._serve(handler)
    handler.released.set()
    self._connect()
    handler.released.clear()
    start = time.monotonic()
    with self.assertLogs(level='WARNING'):
      self._poll_until(lambda: self._worker.connection is None)
    self.assertGreaterEqual(time.monotonic() - start, 0.9 * _SILENCE_SECONDS)
    self.assertRegex(self._worker.problem, '(?i)deadline')

  def test_a_replaced_connection_cannot_be_lost_again(self):
    self._serve()
    first = self._connect()
    self._worker.disconnect()
    second = self._connect()
    with self.assertNoLogs(level='WARNING'):
      self._worker.mark_lost(first, 'crashed')
    self.assertIs(self._worker.connection, second)
    with self.assertLogs(level='WARNING'):
      self._worker.mark_lost(second, 'crashed')
    self.assertIsNone(self._worker.connection)
    self.assertEqual(self._worker.problem, 'crashed')

  def test_disconnect_closes_the_channel(self):
    self._serve()
    connection = self._connect()
    self._worker.disconnect()
    self.assertIsNone(self._worker.connection)
    with self.assertRaisesRegex(ValueError, 'closed channel'):
      connection.channel.unary_unary('/a/b')(b'')


if __name__ == '__main__':
  absltest.main()
