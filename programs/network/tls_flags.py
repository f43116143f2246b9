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
"""Flags for mutual TLS between programs and workers."""

import os
import ssl
from typing import TYPE_CHECKING

from absl import flags

from programs.command_line import runner

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


def are_given() -> bool:
  """Returns `True` if TLS is enabled.

  Raises:
    UsageError: If some of the flags are given, but not all; or if a file cannot
      be read.
  """
  given = [holder for holder in HOLDERS if holder.value]
  if given and len(given) < len(HOLDERS):
    (missing, *_) = [holder for holder in HOLDERS if not holder.value]
    raise runner.UsageError(
      f'Expected --{missing.name} with --{given[0].name}, found none; give it.'
    )
  for holder in given:
    if not os.access(holder.value, os.R_OK):
      raise runner.UsageError(
        f'Expected a file to read in --{holder.name}, found none at '
        f'{holder.value}; give the path of a PEM file.'
      )
  return bool(given)


def server_context() -> ssl.SSLContext:
  """Returns the TLS context of a server that requires client certificates.

  Raises:
    UsageError: If the files are not PEM files of a certificate, its key and
      certificate authorities.
  """
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  context.minimum_version = ssl.TLSVersion.TLSv1_2
  context.verify_mode = ssl.CERT_REQUIRED
  context.set_alpn_protocols(['h2'])  # Required by gRPC.
  try:
    context.load_cert_chain(_CERT.value, _KEY.value)
    context.load_verify_locations(_CA.value)
  except ssl.SSLError as e:
    raise runner.UsageError(
      'Expected PEM files of a certificate, its key and the signers in '
      f'--tls_cert, --tls_key and --tls_ca, found: {e}; create them again.'
    ) from e
  return context


def channel_credentials() -> 'grpc.ChannelCredentials | None':
  """Returns the credentials of a client; `None` without TLS.

  Raises:
    UsageError: If some of the flags are given, but not all; or if a file cannot
      be read.
  """
  if not are_given():
    return None
  import grpc  # Takes a tenth of a second, which `--help` need not wait for.

  cert, key, ca = (_read(holder.value) for holder in HOLDERS)
  return grpc.ssl_channel_credentials(
    root_certificates=ca, private_key=key, certificate_chain=cert
  )


def _read(path: str) -> bytes:
  with open(path, 'rb') as f:
    return f.read()
