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
"""Trial TLS handshakes with workers, before gRPC connects to them.

gRPC repeats a handshake that fails, whatever the reason. A certificate that is
not trusted stays so; this module finds it at once, with OpenSSL's reason.
"""

from collections.abc import Sequence
import queue
import socket
import ssl
import threading
import time

# Workers that take longer, for one step or in all, are left to gRPC, which
# waits for them.
_STEP_SECONDS = 2.0
_MAX_SECONDS = 5.0
# Words of alerts about the certificate of this program.
_REFUSALS = ('CERTIFICATE', 'UNKNOWN_CA', 'ACCESS_DENIED')


class HandshakeError(Exception):
  """A handshake has failed for a reason that stays; the message is one line."""


def check_workers(addresses: Sequence[str], context: ssl.SSLContext) -> None:
  """Shakes hands with each worker that answers; ignores the others.

  Args:
    addresses: `host:port` of each worker; see
      `tff_methods.common.worker_addresses`.
    context: TLS context of a client.

  Raises:
    HandshakeError: If this program refuses the certificate of a worker, if a
      worker refuses that of this program, or if a worker has no TLS.
  """
  problems: queue.SimpleQueue[str] = queue.SimpleQueue()
  # Daemons: a lookup of a host name may take long, and cannot be stopped.
  for address in addresses:
    threading.Thread(
      target=lambda a=address: problems.put(_problem(a, context)), daemon=True
    ).start()
  deadline = time.monotonic() + _MAX_SECONDS
  for _ in addresses:
    try:
      problem = problems.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
      return
    if problem:
      raise HandshakeError(problem)


def _problem(address: str, context: ssl.SSLContext) -> str:
  """Returns the error of a handshake that would always fail, or nothing."""
  host, _, port = address.rpartition(':')
  host = host.strip('[]').removesuffix('.')
  try:
    with (
      socket.create_connection((host, int(port)), _STEP_SECONDS) as connection,
      context.wrap_socket(connection, server_hostname=host) as tls,
    ):
      # In TLS 1.3 the answer to this program's certificate comes later, instead
      # of the first bytes of HTTP/2.
      tls.recv(1)
  except ssl.SSLCertVerificationError as e:
    return (
      f'Expected a certificate of {address} that --tls_ca has signed for this '
      f'host name, found: {e.verify_message.rstrip(".")}; give the worker such '
      'a certificate, or correct --tls_ca.'
    )
  except ssl.SSLError as e:
    reason = e.reason or ''
    _, alert, words = reason.partition('ALERT_')
    if alert and any(refusal in words for refusal in _REFUSALS):
      return (
        f'Expected {address} to accept the certificate in --tls_cert, found '
        f'the answer {words.replace("_", " ").lower()!r}; give one that its '
        '--tls_ca has signed.'
      )
    if reason == 'WRONG_VERSION_NUMBER':
      return (
        f'Expected TLS at {address}, found none; start the worker with '
        '--tls_cert, or leave it out here.'
      )
  except (OSError, UnicodeError):
    pass  # It does not answer (yet).
  return ''
