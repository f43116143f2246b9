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
"""TLS-terminating proxy to a local port.

Anyone can connect to the proxy, so connections without a finished handshake get
little: there are at most `MAX_PENDING` of them, for at most `HANDSHAKE_SECONDS`
each, and the oldest one makes room for a new one. A client with a certificate,
which needs milliseconds, thus gets through while others hold connections open.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
import contextlib
import resource
import socket
import ssl

from programs.network import drop_log
from programs.network import tls_connection

# Enough for 1,000 connections a second if a handshake takes an eighth of one, a
# network's round trips included. Each takes about 50 kB of memory.
MAX_PENDING = 128
# Clients on slow networks lose packets, which TCP sends again after 1 and 3 s.
HANDSHAKE_SECONDS = 5.0
# Leaves most descriptors to clients with a certificate, which take two each.
_PENDING_SHARE_OF_DESCRIPTORS = 0.25
# Pause after a connection could not be accepted. Descriptors run out for
# fractions of a second if short connections take them, else for long.
_BACKOFF_SECONDS = 0.1
_CHUNK_BYTES = 2**18


@contextlib.asynccontextmanager
async def serve(
  listener: socket.socket, context: ssl.SSLContext, port: int
) -> AsyncGenerator[None, None]:
  """Forwards TLS connections to a local port while the context is entered.

  Args:
    listener: Listening socket, which may belong to another network namespace
      than this process. Closed at the end.
    context: TLS context of the server, which decides about clients.
    port: Port of 127.0.0.1 that receives the decrypted bytes.
  """
  gateway = _Gateway(listener, context, port)
  accepting = asyncio.create_task(gateway.accept_connections())
  try:
    yield
  finally:
    accepting.cancel()
    await asyncio.wait([accepting])
    await gateway.close()


class _Gateway:
  """Accepts connections, and runs one task for each."""

  def __init__(
    self, listener: socket.socket, context: ssl.SSLContext, port: int
  ):
    listener.setblocking(False)
    self._listener = listener
    self._context = context
    self._port = port
    self._max_pending = _max_pending()
    self._tasks: set[asyncio.Task[None]] = set()
    # Tasks of connections without a finished handshake, oldest first. The keys
    # are sockets: a task with a reference to itself is not freed at once.
    self._pending: dict[socket.socket, asyncio.Task[None]] = {}
    self._drops = drop_log.DropLog()

  async def accept_connections(self) -> None:
    """Accepts connections until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
      try:
        accepted, _ = await loop.sock_accept(self._listener)
      except OSError as e:  # No descriptor or memory is left, for example.
        self._drop_oldest(e.strerror or str(e))
        await asyncio.sleep(_BACKOFF_SECONDS)
        continue
      if len(self._pending) >= self._max_pending:
        self._drop_oldest('too many at once')
      self._start(accepted)
      # A queue of connections would otherwise be accepted before anything else
      # runs.
      await asyncio.sleep(0)

  async def close(self) -> None:
    """Closes the listener and all connections."""
    self._listener.close()
    self._drops.close()
    for task in self._tasks:
      task.cancel()
    if self._tasks:
      await asyncio.wait(self._tasks)

  def _start(self, accepted: socket.socket) -> None:
    accepted.setblocking(False)
    task = asyncio.create_task(self._handle(accepted))
    self._tasks.add(task)
    self._pending[accepted] = task

    def end(task: asyncio.Task[None]) -> None:
      # Not in the task, which does not run at all if it is dropped at once.
      accepted.close()
      self._tasks.discard(task)
      self._pending.pop(accepted, None)

    task.add_done_callback(end)

  def _drop_oldest(self, reason: str) -> None:
    self._drops.add(reason)
    if self._pending:
      oldest = next(iter(self._pending))
      self._pending.pop(oldest).cancel()

  async def _handle(self, accepted: socket.socket) -> None:
    """Forwards one connection until one of its sides ends."""
    try:
      connection = tls_connection.TlsConnection(accepted, self._context)
      async with asyncio.timeout(HANDSHAKE_SECONDS):
        await connection.handshake()
    except TimeoutError:
      self._drops.add(f'no handshake in {HANDSHAKE_SECONDS:g} seconds')
      return
    except ssl.SSLError as e:
      self._drops.add(_reason(e))
      return
    except OSError as e:
      self._drops.add(e.strerror or str(e))
      return
    finally:
      self._pending.pop(accepted, None)
    # An `OSError` means that one side is gone, or that there is no descriptor
    # for the other; closing both connections tells them.
    with contextlib.suppress(OSError):
      await self._forward(connection)
      connection.end()

  async def _forward(self, connection: tls_connection.TlsConnection) -> None:
    reader, writer = await asyncio.open_connection(
      '127.0.0.1', self._port, limit=_CHUNK_BYTES
    )
    with contextlib.closing(writer):
      await _first_of(
        _copy_inwards(connection, writer), _copy_outwards(reader, connection)
      )


def _max_pending() -> int:
  soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
  if soft_limit == resource.RLIM_INFINITY:
    return MAX_PENDING
  share = int(soft_limit * _PENDING_SHARE_OF_DESCRIPTORS)
  return max(1, min(MAX_PENDING, share))


def _reason(error: ssl.SSLError) -> str:
  """Returns OpenSSL's reason, such as "certificate verify failed"."""
  if isinstance(error, ssl.SSLCertVerificationError):
    return error.verify_message
  return (error.reason or str(error)).replace('_', ' ').lower()


async def _copy_inwards(
  connection: tls_connection.TlsConnection, writer: asyncio.StreamWriter
) -> None:
  while data := await connection.read(_CHUNK_BYTES):
    writer.write(data)
    await writer.drain()


async def _copy_outwards(
  reader: asyncio.StreamReader, connection: tls_connection.TlsConnection
) -> None:
  while data := await reader.read(_CHUNK_BYTES):
    await connection.write(data)


async def _first_of(*coroutines: Coroutine[None, None, None]) -> None:
  """Waits for the first coroutine to end, and cancels the others."""
  running = [asyncio.create_task(coroutine) for coroutine in coroutines]
  try:
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
      task.result()
  finally:
    for task in running:
      task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
