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
r"""Runs a worker that executes computations of programs on other machines.

  python -m programs.worker --port=10000

and elsewhere `python -m programs.train --workers=HOST:10000 ...`. Anyone who
reaches the machine can then run any code on it: TFF's worker has no
authentication and listens on every interface. With mutual TLS,

  python -m programs.worker --port=10000 --tls_cert=worker.pem \
    --tls_key=worker.key --tls_ca=ca.pem

only programs with a certificate of that authority are let in: the worker
listens in a private network namespace, reached by this program alone, which
forwards connections to it. Connections without a certificate are closed after
a few seconds, or earlier if there are many; at most one line a minute on
standard error counts them. See docs/guides/workers.md. Runs until it is
stopped, or the worker ends. Exit codes: the worker's, or 1; 2 for arguments
that cannot be used; 128 + N after signal N.
"""

import asyncio
import importlib.util
import os
import signal
import socket
import ssl
import sys

from absl import flags

from programs.command_line import child_process
from programs.command_line import runner
from programs.network import private_network
from programs.network import tls_flags
from programs.network import tls_gateway

_PORT = flags.DEFINE_integer(
  'port',
  None,
  'Port to listen on, on all interfaces.',
  lower_bound=1,
  upper_bound=65535,
)
_SECTIONS = {'Worker': (_PORT,), 'TLS': tls_flags.HOLDERS}

_BACKLOG = 128
# Tells `tff_methods.runtime.orphans` that this worker has no parent program, so
# it is no orphan.
_MARK = {'TFF_METHODS_PARENT': 'none'}
_STOP_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def main() -> int:
  """Runs a worker until it ends; returns the exit code."""
  runner.check_given(_PORT)
  os.environ.update(_MARK)
  context = tls_flags.server_context() if tls_flags.are_given() else None
  listener = _listen(_PORT.value)
  if context is not None:
    return asyncio.run(_run_behind_tls(listener, context))
  print(
    f'worker: anyone who reaches port {_PORT.value} of this machine can run '
    'any code here; docs/guides/workers.md describes how to prevent that.',
    file=sys.stderr,
  )
  listener.close()
  _print_where_it_listens()
  command = _command(_PORT.value)
  os.execv(command[0], command)


def _listen(port: int) -> socket.socket:
  """Returns a socket that listens on all interfaces.

  Args:
    port: The port.

  Raises:
    UsageError: If the port cannot be listened on.
  """
  try:
    return socket.create_server(
      ('', port),
      family=socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET,
      backlog=_BACKLOG,
      dualstack_ipv6=socket.has_dualstack_ipv6(),
    )
  except OSError as e:
    raise runner.UsageError(
      f'Expected to listen on --port={port}, found: '
      f'{os.strerror(e.errno or 0)}; choose another port.'
    ) from e


def _command(port: int) -> list[str]:
  # Finds TFF without importing it, which would take ten seconds.
  spec = importlib.util.find_spec('tensorflow_federated')
  assert spec is not None and spec.submodule_search_locations is not None
  (folder,) = spec.submodule_search_locations
  path = os.path.join(folder, 'data', 'worker_binary')
  return [path, f'--port={port}']


async def _run_behind_tls(
  listener: socket.socket, context: ssl.SSLContext
) -> int:
  """Runs a worker in a private network and forwards TLS connections to it.

  Args:
    listener: Listening socket in the network of the machine.
    context: TLS context of the server.

  Returns:
    The exit code of this program.

  Raises:
    UsageError: If the system does not allow a private network.
  """
  try:
    private_network.enter()
  except OSError as e:
    raise runner.UsageError(
      'Expected a system that allows a program a private network, found: '
      f'{e.strerror}; run as root, or allow user namespaces.'
    ) from e
  worker = child_process.start(_command(_PORT.value), signal.SIGKILL)
  loop = asyncio.get_running_loop()
  ended = loop.create_future()
  for signum in _STOP_SIGNALS:
    loop.add_signal_handler(signum, _set_result, ended, 128 + signum)
  pidfd = os.pidfd_open(worker.pid)
  loop.add_reader(pidfd, _set_result, ended, None)
  try:
    async with tls_gateway.serve(listener, context, _PORT.value):
      _print_where_it_listens()
      exit_code = await ended
  finally:
    loop.remove_reader(pidfd)
    os.close(pidfd)
    worker.kill()
    worker_exit_code = worker.wait()
  if exit_code is not None:
    return exit_code
  print(
    f'worker: the worker ended with exit code {worker_exit_code}.',
    file=sys.stderr,
  )
  return worker_exit_code if worker_exit_code > 0 else 1


def _print_where_it_listens() -> None:
  print(f'worker: listens on port {_PORT.value}.', file=sys.stderr)


def _set_result(future: asyncio.Future, result: int | None) -> None:
  if not future.done():
    future.set_result(result)


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS)
