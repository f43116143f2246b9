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
"""Tests for tls_gateway."""

import asyncio
import contextlib
import errno
import gc
import io
import os
import re
import resource
import socket
import ssl
import tempfile
import time
import unittest
from unittest import mock
import weakref

from absl.testing import absltest
import psutil

from programs.network import tls_connection
from programs.network import tls_gateway
from tests.programs.network import certificates

_DATA = bytes(range(256)) * 4096  # Of several chunks.
_IDLE = 300
_MEGABYTE = 2**20


def _context(directory: str, name: str, is_server: bool) -> ssl.SSLContext:
  context = ssl.SSLContext(
    ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT
  )
  context.load_verify_locations(os.path.join(directory, 'ca.pem'))
  if name:
    context.load_cert_chain(
      os.path.join(directory, f'{name}.pem'),
      os.path.join(directory, f'{name}.key'),
    )
  context.verify_mode = ssl.CERT_REQUIRED
  return context


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
  while data := await reader.read(2**16):
    writer.write(data)
    await writer.drain()
  writer.close()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
  await reader.read(1)
  writer.close()


class TlsGatewayTestCase(unittest.IsolatedAsyncioTestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
    certificates.make(cls.directory)

  @contextlib.asynccontextmanager
  async def _gateway(self, port: int):
    """Serves a gateway to the port; yields the gateway's own port."""
    listener = socket.create_server(('127.0.0.1', 0))
    gateway_port = listener.getsockname()[1]
    async with tls_gateway.serve(
      listener, _context(self.directory, 'localhost', True), port
    ):
      yield gateway_port

  @contextlib.asynccontextmanager
  async def _gateway_to(self, handle):
    """Serves a gateway to a server without TLS."""
    upstream = await asyncio.start_server(handle, '127.0.0.1', 0)
    async with upstream:
      async with self._gateway(upstream.sockets[0].getsockname()[1]) as port:
        yield port

  async def _connect(self, port: int, name: str = 'programs'):
    return await asyncio.wait_for(
      asyncio.open_connection(
        '127.0.0.1',
        port,
        ssl=_context(self.directory, name, False),
        server_hostname='localhost',
      ),
      10,
    )

  async def _read(self, reader: asyncio.StreamReader, size: int = -1) -> bytes:
    read = reader.read() if size < 0 else reader.readexactly(size)
    return await asyncio.wait_for(read, 10)


@certificates.skip_without_openssl
class TlsGatewayTest(TlsGatewayTestCase):
  async def test_forwards_both_ways(self):
    async with self._gateway_to(_echo) as port:
      connections = [await self._connect(port) for _ in range(2)]
      for i, (reader, writer) in enumerate(connections):
        data = _DATA[i:]
        writer.write(data)
        self.assertEqual(await self._read(reader, len(data)), data)
      for _, writer in connections:
        writer.close()

  async def test_refuses_clients_without_a_certificate(self):
    async with self._gateway_to(_echo) as port:
      # In TLS 1.3, the server refuses after the handshake of the client.
      with self.assertRaises((ssl.SSLError, ConnectionError, EOFError)):
        reader, writer = await self._connect(port, name='')
        writer.write(b'data')
        await self._read(reader, 4)

  async def test_end_of_the_server_ends_the_client(self):
    async with self._gateway_to(_hang_up) as port:
      reader, writer = await self._connect(port)
      writer.write(b'data')
      self.assertEqual(await self._read(reader), b'')
      writer.close()

  async def test_end_of_the_client_ends_the_server(self):
    ended = asyncio.Event()

    async def wait_for_end(reader, writer):
      await reader.read()
      ended.set()
      writer.close()

    async with self._gateway_to(wait_for_end) as port:
      _, writer = await self._connect(port)
      writer.write(b'data')
      await writer.drain()
      writer.close()
      await asyncio.wait_for(ended.wait(), 10)

  async def test_without_a_server_ends_the_client(self):
    with socket.create_server(('127.0.0.1', 0)) as listener:
      _, unused_port = listener.getsockname()
    async with self._gateway(unused_port) as port:
      reader, writer = await self._connect(port)
      self.assertEqual(await self._read(reader), b'')
      writer.close()

  async def test_end_of_the_gateway_ends_connections(self):
    async with self._gateway_to(_echo) as port:
      reader, writer = await self._connect(port)
      writer.write(b'data')
      await self._read(reader, 4)
      idle = socket.create_connection(('127.0.0.1', port))
      await asyncio.sleep(0.1)
    self.assertEqual(await self._read(reader), b'')
    writer.close()
    with idle:
      self.assertTrue(_is_closed(idle))
    with self.assertRaises(ConnectionRefusedError):
      socket.create_connection(('127.0.0.1', port))


def _is_closed(client: socket.socket) -> bool:
  """Returns `True` if the other side has closed the connection."""
  client.settimeout(10)
  try:
    return not client.recv(1)
  except ConnectionError:
    return True


@certificates.skip_without_openssl
class FloodTest(TlsGatewayTestCase):
  """Connections without a certificate, many at once."""

  def setUp(self):
    super().setUp()
    self._stderr = io.StringIO()
    self.enterContext(contextlib.redirect_stderr(self._stderr))

  async def _open(self, port: int, count: int) -> list[socket.socket]:
    """Opens connections one after the other, which the test closes."""
    clients = []
    loop = asyncio.get_running_loop()
    for _ in range(count):
      client = socket.socket()
      self.addCleanup(client.close)
      client.setblocking(False)
      await asyncio.wait_for(loop.sock_connect(client, ('127.0.0.1', port)), 10)
      clients.append(client)
    return clients

  async def _assert_answers(self, port: int) -> None:
    reader, writer = await self._connect(port)
    writer.write(b'data')
    self.assertEqual(await self._read(reader, 4), b'data')
    writer.close()

  async def test_client_gets_through_idle_connections(self):
    async with self._gateway_to(_echo) as port:
      idle = await self._open(port, _IDLE)
      start = time.monotonic()
      await self._assert_answers(port)
      self.assertLess(time.monotonic() - start, tls_gateway.HANDSHAKE_SECONDS)
      # The oldest ones have made room; the newest ones may still begin.
      self.assertTrue(all(map(_is_closed, idle[:100])))
      idle[-1].setblocking(False)
      with self.assertRaises(BlockingIOError):
        idle[-1].recv(1)
    self._assert_log_counts(_IDLE - tls_gateway.MAX_PENDING, _IDLE)

  async def test_client_gets_through_garbage(self):
    async with self._gateway_to(_echo) as port:
      for _ in range(3):
        for client in await self._open(port, 100):
          client.send(b'garbage ' * 100)
        await self._assert_answers(port)
    self._assert_log_counts(300, 300)

  async def test_unfinished_handshakes_end_in_time(self):
    with mock.patch.object(tls_gateway, 'HANDSHAKE_SECONDS', 0.2):
      async with self._gateway_to(_echo) as port:
        silent, speaking = await self._open(port, 2)
        speaking.send(b'\x16\x03\x01\x02')  # First bytes of a handshake.
        for client in (silent, speaking):
          closed = await asyncio.to_thread(_is_closed, client)
          self.assertTrue(closed)
        await self._assert_answers(port)
    self._assert_log_counts(2, 2)
    self.assertIn('no handshake in 0.2 seconds.', self._stderr.getvalue())

  async def test_open_connections_outlive_the_handshake_time(self):
    with mock.patch.object(tls_gateway, 'HANDSHAKE_SECONDS', 0.2):
      async with self._gateway_to(_echo) as port:
        reader, writer = await self._connect(port)
        await asyncio.sleep(0.5)
        writer.write(b'data')
        self.assertEqual(await self._read(reader, 4), b'data')
        writer.close()

  async def test_open_connections_outlive_a_flood(self):
    async with self._gateway_to(_echo) as port:
      reader, writer = await self._connect(port)
      await self._open(port, _IDLE)
      writer.write(b'data')
      self.assertEqual(await self._read(reader, 4), b'data')
      writer.close()

  async def test_memory_returns_to_where_it_was(self):
    process = psutil.Process()
    async with self._gateway_to(_echo) as port:
      await self._assert_answers(port)
      before = process.memory_info().rss
      idle = await self._open(port, _IDLE)
      await asyncio.sleep(0.2)
      during = process.memory_info().rss
      for client in idle:
        client.close()
      await self._assert_answers(port)
      after = process.memory_info().rss
    # asyncio's TLS transport takes 90 MB for these.
    self.assertLess(during - before, 12 * _MEGABYTE)
    self.assertLess(after - before, 12 * _MEGABYTE)

  async def test_dropped_connections_are_freed_at_once(self):
    connections = weakref.WeakSet()
    create = tls_connection.TlsConnection

    def create_and_count(*arguments):
      connection = create(*arguments)
      connections.add(connection)
      return connection

    self.addCleanup(gc.enable)
    gc.disable()
    with mock.patch.object(tls_connection, 'TlsConnection', create_and_count):
      async with self._gateway_to(_echo) as port:
        await self._open(port, _IDLE)
        await self._assert_answers(port)
        self.assertLessEqual(len(connections), tls_gateway.MAX_PENDING + 2)

  async def test_backs_off_without_descriptors(self):
    loop = asyncio.get_running_loop()
    accept = loop.sock_accept
    times = []

    async def fail_at_first(listener):
      times.append(time.monotonic())
      if len(times) <= 5:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
      return await accept(listener)

    with mock.patch.object(loop, 'sock_accept', fail_at_first):
      async with self._gateway_to(_echo) as port:
        await self._assert_answers(port)
    self.assertGreater(times[5] - times[0], 0.4)
    self._assert_log_counts(5, 5)

  async def test_survives_the_limit_of_descriptors(self):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
    handled = []
    asyncio.get_running_loop().set_exception_handler(
      lambda _, context: handled.append(context)
    )
    async with self._gateway_to(_echo) as port:
      clients = [socket.socket() for _ in range(40)]
      # Leaves descriptors for ten of them.
      limit = max(c.fileno() for c in clients) + 10
      resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limits[1]))
      for client in clients:
        client.connect(('127.0.0.1', port))
      await asyncio.sleep(0.5)
      for client in clients:
        client.close()
      resource.setrlimit(resource.RLIMIT_NOFILE, limits)
      await self._assert_answers(port)
    self.assertEqual(handled, [])
    self._assert_log_counts(40, 80)

  async def test_few_descriptors_lower_the_cap(self):
    with mock.patch.object(resource, 'getrlimit', return_value=(64, 64)):
      async with self._gateway_to(_echo) as port:
        idle = await self._open(port, 40)
        await self._assert_answers(port)
        self.assertTrue(all(map(_is_closed, idle[:24])))

  def _assert_log_counts(self, minimum: int, maximum: int) -> None:
    """Checks the log: whole lines, whose sum is between these numbers."""
    lines = self._stderr.getvalue().splitlines()
    self.assertLessEqual(len(lines), 2)  # One of them at the end.
    count = 0
    for line in lines:
      match = re.fullmatch(
        r'worker: dropped (\d+) connections? without a valid certificate; the '
        r'last one: .*\.',
        line,
      )
      self.assertIsNotNone(match, line)
      count += int(match[1]) if match else 0
    self.assertTrue(minimum <= count <= maximum, count)


if __name__ == '__main__':
  absltest.main()
