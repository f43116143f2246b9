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
"""TLS-terminating proxy to a local port."""

import asyncio
from collections.abc import Coroutine
import contextlib
import socket
import ssl

_CHUNK_BYTES = 2**18


async def serve(
  listener: socket.socket, context: ssl.SSLContext, port: int
) -> asyncio.Server:
  """Starts a server that forwards TLS connections to a local port.

  Args:
    listener: Listening socket, which may belong to another network namespace
      than this process.
    context: TLS context of the server, which decides about clients.
    port: Port of 127.0.0.1 that receives the decrypted bytes.

  Returns:
    The running server; close it to stop.
  """

  async def forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    async with contextlib.AsyncExitStack() as stack:
      stack.callback(writer.close)
      try:
        inner_reader, inner_writer = await asyncio.open_connection(
          '127.0.0.1', port
        )
        stack.callback(inner_writer.close)
        await _first_of(
          _copy(reader, inner_writer), _copy(inner_reader, writer)
        )
      except OSError:
        pass  # One side is gone; closing both connections tells the other.

  return await asyncio.start_server(
    forward, sock=listener, ssl=context, limit=_CHUNK_BYTES
  )


async def _copy(
  reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
  while data := await reader.read(_CHUNK_BYTES):
    writer.write(data)
    await writer.drain()


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
