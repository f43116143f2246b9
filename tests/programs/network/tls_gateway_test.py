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
import os
import socket
import ssl
import tempfile
import unittest

from absl.testing import absltest

from programs.network import tls_gateway
from tests.programs.network import certificates

_DATA = bytes(range(256)) * 4096  # Of several chunks.


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


@certificates.skip_without_openssl
class TlsGatewayTest(unittest.IsolatedAsyncioTestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
    certificates.make(cls.directory)

  @contextlib.asynccontextmanager
  async def _gateway(self, port: int):
    """Serves a gateway to the port; yields the gateway's own port."""
    listener = socket.create_server(('127.0.0.1', 0))
    server = await tls_gateway.serve(
      listener, _context(self.directory, 'localhost', True), port
    )
    async with server:
      yield listener.getsockname()[1]

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


if __name__ == '__main__':
  absltest.main()
