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
"""Server side of one TLS connection over a non-blocking socket.

asyncio's own TLS transport allocates 256 kB for a connection before its
handshake, and prints tracebacks of errors in its callbacks. A connection here
has OpenSSL's state only, and each error is raised where it is awaited.
"""

import asyncio
import contextlib
import socket
import ssl

_RECEIVE_BYTES = 2**16
_RECORD_BYTES = 2**14  # Largest record of TLS; more is never read at once.


class TlsConnection:
  """TLS over a socket; the socket stays the caller's, to be closed."""

  def __init__(self, accepted: socket.socket, context: ssl.SSLContext):
    """Starts nothing yet; see `handshake`.

    Args:
      accepted: Connected, non-blocking socket.
      context: TLS context of the server.
    """
    self._socket = accepted
    self._incoming = ssl.MemoryBIO()
    self._outgoing = ssl.MemoryBIO()
    self._tls = context.wrap_bio(
      self._incoming, self._outgoing, server_side=True
    )
    self._sending = asyncio.Lock()

  async def handshake(self) -> None:
    """Waits for the end of the handshake.

    Raises:
      ssl.SSLError: If the client is refused, or does not speak TLS.
      OSError: If the client is gone.
    """
    while True:
      try:
        self._tls.do_handshake()
        break
      except ssl.SSLWantReadError:
        await self._flush()
        if not await self._receive():
          raise ConnectionResetError('no handshake before the end') from None
      except ssl.SSLError:
        self._send_last()  # The alert that tells the client why.
        raise
    await self._flush()

  async def read(self, max_bytes: int) -> bytes:
    """Waits for data, and returns it decrypted; nothing at the end.

    Args:
      max_bytes: Size, in bytes, at which no further record is added.

    Raises:
      OSError: If the client is gone, or has violated the protocol.
    """
    while True:
      records, has_ended = self._decrypt(max_bytes)
      if self._outgoing.pending:
        await self._flush()  # An answer of TLS itself, such as a key update.
      if records:
        return records
      if has_ended or not await self._receive():
        return b''

  async def write(self, data: bytes) -> None:
    """Encrypts data, and waits until it is sent.

    Args:
      data: Bytes to send.

    Raises:
      OSError: If the client is gone.
    """
    self._tls.write(data)
    await self._flush()

  def end(self) -> None:
    """Tells the client that no more data will follow; does not wait."""
    with contextlib.suppress(ssl.SSLError):
      self._tls.unwrap()
    self._send_last()

  def _decrypt(self, max_bytes: int) -> tuple[bytes, bool]:
    """Returns the decrypted data received so far, and if the client ended."""
    records: list[bytes] = []
    size = 0
    while size < max_bytes:
      try:
        record = self._tls.read(_RECORD_BYTES)
      except ssl.SSLWantReadError:
        return b''.join(records), False
      except ssl.SSLZeroReturnError:
        record = b''
      if not record:
        return b''.join(records), True
      records.append(record)
      size += len(record)
    return b''.join(records), False

  async def _receive(self) -> bool:
    """Waits for bytes of the client; returns `False` at their end."""
    loop = asyncio.get_running_loop()
    data = await loop.sock_recv(self._socket, _RECEIVE_BYTES)
    self._incoming.write(data)
    return bool(data)

  async def _flush(self) -> None:
    """Sends what OpenSSL has encrypted, in its order."""
    async with self._sending:
      if self._outgoing.pending:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._socket, self._outgoing.read())

  def _send_last(self) -> None:
    with contextlib.suppress(OSError):
      self._socket.send(self._outgoing.read())
