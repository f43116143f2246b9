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
"""Tests for tls_connection."""

import asyncio
import os
import socket
import ssl
import tempfile
import unittest

from absl.testing import absltest

from programs.network import tls_connection
from tests.programs.network import certificates

_SECONDS = 10
_LARGE = bytes(range(256)) * 8192  # More than sockets buffer.


@certificates.skip_without_openssl
class TlsConnectionTest(unittest.IsolatedAsyncioTestCase):
  """The other side is Python's blocking TLS socket, in a thread."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    directory = cls.enterClassContext(tempfile.TemporaryDirectory())
    certificates.make(directory)
    cls._server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cls._client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context, name in (
      (cls._server_context, 'localhost'),
      (cls._client_context, 'programs'),
    ):
      context.load_verify_locations(os.path.join(directory, 'ca.pem'))
      context.load_cert_chain(
        os.path.join(directory, f'{name}.pem'),
        os.path.join(directory, f'{name}.key'),
      )
    cls._server_context.verify_mode = ssl.CERT_REQUIRED

  def setUp(self):
    super().setUp()
    self._accepted, self._raw_client = socket.socketpair()
    self.addCleanup(self._accepted.close)
    self.addCleanup(self._raw_client.close)
    self._accepted.setblocking(False)
    self._raw_client.settimeout(_SECONDS)

  def _create(self) -> tls_connection.TlsConnection:
    return tls_connection.TlsConnection(self._accepted, self._server_context)

  async def _connect(
    self,
  ) -> tuple[tls_connection.TlsConnection, ssl.SSLSocket]:
    """Returns both sides after the handshake."""
    connection = self._create()
    client, _ = await asyncio.wait_for(
      asyncio.gather(
        asyncio.to_thread(
          self._client_context.wrap_socket,
          self._raw_client,
          server_hostname='localhost',
          suppress_ragged_eofs=False,
        ),
        connection.handshake(),
      ),
      _SECONDS,
    )
    self.addCleanup(client.close)
    return connection, client

  async def test_reads_and_writes_at_once(self):
    connection, client = await self._connect()

    async def read_all() -> bytes:
      received = bytearray()
      while len(received) < len(_LARGE):
        received += await connection.read(2**18)
      return bytes(received)

    def receive_all() -> bytes:
      received = bytearray()
      while len(received) < len(_LARGE):
        received += client.recv(2**16)
      return bytes(received)

    read, received, _, _ = await asyncio.wait_for(
      asyncio.gather(
        read_all(),
        asyncio.to_thread(receive_all),
        asyncio.to_thread(client.sendall, _LARGE),
        connection.write(_LARGE),
      ),
      _SECONDS,
    )
    self.assertEqual(read, _LARGE)
    self.assertEqual(received, _LARGE)

  async def test_end_of_the_client(self):
    connection, client = await self._connect()
    await connection.write(b'first')
    self.assertEqual(client.recv(5), b'first')  # And what precedes it in TLS.
    client.sendall(b'last')
    client.close()
    self.assertEqual(await connection.read(100), b'last')
    self.assertEqual(await connection.read(100), b'')

  async def test_end_is_a_clean_one(self):
    connection, client = await self._connect()
    await connection.write(b'last')
    connection.end()
    self.assertEqual(client.recv(4), b'last')
    # A socket that is cut off would raise an `ssl.SSLEOFError` here.
    self.assertEqual(client.recv(1), b'')

  async def test_refuses_what_is_no_tls(self):
    self._raw_client.sendall(b'GET / HTTP/1.1\r\n\r\n')
    with self.assertRaises(ssl.SSLError):
      await asyncio.wait_for(self._create().handshake(), _SECONDS)

  async def test_tells_clients_why_they_are_refused(self):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # This client has no certificate.

    def shake_hands_and_read() -> str:
      try:
        context.wrap_socket(self._raw_client).recv(1)
      except ssl.SSLError as e:
        return e.reason
      return 'no error'

    told, refused = await asyncio.wait_for(
      asyncio.gather(
        asyncio.to_thread(shake_hands_and_read),
        self._create().handshake(),
        return_exceptions=True,
      ),
      _SECONDS,
    )
    self.assertIsInstance(refused, ssl.SSLError)
    self.assertEqual(told, 'TLSV13_ALERT_CERTIFICATE_REQUIRED')

  async def test_end_during_the_handshake(self):
    self._raw_client.sendall(b'\x16\x03\x01')
    self._raw_client.shutdown(socket.SHUT_WR)
    with self.assertRaises(ConnectionResetError):
      await asyncio.wait_for(self._create().handshake(), _SECONDS)


if __name__ == '__main__':
  absltest.main()
