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
"""Flags for mutual TLS between programs and workers.

The files are checked before gRPC or TensorFlow is imported: gRPC takes any
bytes, and then fails each connection without naming a file.
"""

from collections.abc import Sequence
import os
import ssl
from typing import TYPE_CHECKING

from absl import flags

from programs.command_line import runner
from programs.network import pem_files
from programs.network import trial_handshakes

if TYPE_CHECKING:
  import grpc

_CERT = flags.DEFINE_string(
  'tls_cert',
  None,
  'Path of the certificate of this program, a PEM file. Enables TLS.',
)
_KEY = flags.DEFINE_string(
  'tls_key', None, 'Path of the private key of --tls_cert, a PEM file.'
)
_CA = flags.DEFINE_string(
  'tls_ca',
  None,
  'Path of the certificate authorities of the other side, a PEM file.',
)
HOLDERS = (_CERT, _KEY, _CA)


# gRPC would print each failed handshake on standard error; this program reports
# the failure itself. Read when gRPC is imported.
_QUIET_GRPC = {'GRPC_VERBOSITY': 'NONE'}


def are_given() -> bool:
  """Returns `True` if TLS is enabled; looks at no file.

  Raises:
    UsageError: If some of the flags are given, but not all.
  """
  given = [holder for holder in HOLDERS if holder.value]
  if given and len(given) < len(HOLDERS):
    (missing, *_) = [holder for holder in HOLDERS if not holder.value]
    raise runner.UsageError(
      f'Expected --{missing.name} with --{given[0].name}, found none; give it.'
    )
  return bool(given)


def check_flags() -> None:
  """Checks the flags and their files, if TLS is enabled.

  Raises:
    UsageError: If some of the flags are given, but not all; or if a file is not
      what its flag expects.
  """
  if are_given():
    _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def server_context() -> ssl.SSLContext:
  """Returns the TLS context of a server that requires client certificates.

  Raises:
    UsageError: If a file is not what its flag expects.
  """
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  context.minimum_version = ssl.TLSVersion.TLSv1_2
  context.verify_mode = ssl.CERT_REQUIRED
  context.set_alpn_protocols(['h2'])  # Required by gRPC.
  _load(context)
  return context


def channel_credentials() -> 'grpc.ChannelCredentials | None':
  """Returns the credentials of a client; `None` without TLS.

  Raises:
    UsageError: If some of the flags are given, but not all; or if a file is not
      what its flag expects.
  """
  if not are_given():
    return None
  files = _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
  import grpc  # Takes a tenth of a second, which `--help` need not wait for.

  return grpc.ssl_channel_credentials(
    root_certificates=files.authorities,
    private_key=files.key,
    certificate_chain=files.certificate,
  )


def check_workers(addresses: Sequence[str]) -> None:
  """Shakes hands with each worker that answers, if TLS is enabled.

  Args:
    addresses: `host:port` of each worker.

  Raises:
    UsageError: If a handshake fails for a reason that stays, such as a
      certificate that is not trusted; or if a file is not what its flag
      expects.
  """
  if not are_given():
    return
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  context.set_alpn_protocols(['h2'])
  # As gRPC does: an authority need not be a root.
  context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
  _load(context)
  try:
    trial_handshakes.check_workers(addresses, context)
  except trial_handshakes.HandshakeError as e:
    raise runner.UsageError(f'--workers: {e}') from e


def _load(context: ssl.SSLContext) -> pem_files.PemFiles:
  """Loads the files into a TLS context; returns their bytes."""
  for name, value in _QUIET_GRPC.items():
    os.environ.setdefault(name, value)
  try:
    return pem_files.load(context, *(_argument(holder) for holder in HOLDERS))
  except ValueError as e:
    raise runner.UsageError(str(e)) from e


def _argument(holder: flags.FlagHolder[str | None]) -> pem_files.Argument:
  assert holder.value is not None  # Checked by `are_given`.
  return pem_files.Argument(f'--{holder.name}', holder.value)
