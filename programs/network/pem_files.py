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
"""PEM files of certificates and private keys; no gRPC import."""

import codecs
import contextlib
import os
import pathlib
import ssl
import stat
from typing import NamedTuple

# Bundles with all public authorities have a quarter of a megabyte.
_MAX_BYTES = 2**24
# OpenSSL's codes of verification.
_FAULTS = {
  7: 'one that is damaged, or that another authority of that name has signed,',
  9: 'one that is not valid yet',
  10: 'an expired one',
}
# OpenSSL's reasons for a key that belongs to another certificate; the second
# one is that for a key of another algorithm.
_MISMATCH = ('KEY_VALUES_MISMATCH', 'NO_CERTIFICATE_ASSIGNED')


class Argument(NamedTuple):
  """A path that a user gave.

  Attributes:
    name: Name of the flag, for messages.
    path: Path of the file.
  """

  name: str
  path: str


class PemFiles(NamedTuple):
  """Contents of the files.

  Attributes:
    certificate: Certificate chain of this program.
    key: Private key of the first certificate of the chain.
    authorities: Certificate authorities of the other side.
  """

  certificate: bytes
  key: bytes
  authorities: bytes


class _EncryptedKeyError(Exception):
  """OpenSSL has asked for a password."""


def load(
  context: ssl.SSLContext,
  certificate: Argument,
  key: Argument,
  authorities: Argument,
) -> PemFiles:
  """Loads a certificate, its key and authorities into a TLS context.

  Args:
    context: TLS context to change.
    certificate: File of the certificate chain.
    key: File of the private key, which must not be encrypted.
    authorities: File of the certificate authorities.

  Returns:
    The contents of the files.

  Raises:
    ValueError: If a file cannot be read, is not PEM, or has something else; or
      if the key does not belong to the certificate, or one of them is damaged
      or out of date. The message names the flag and the file.
  """
  files = PemFiles(*(_read(a) for a in (certificate, key, authorities)))
  # In a context of its own: it must not become an authority.
  _load_certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate)
  _load_certificates(context, authorities)
  try:
    context.load_cert_chain(certificate.path, key.path, _refuse_password)
  except _EncryptedKeyError:
    raise ValueError(
      f'Expected a private key without a password in {key.name}, found an '
      f'encrypted one in {key.path!r}; decrypt it with `openssl pkey`.'
    ) from None
  except ssl.SSLError as e:
    raise ValueError(_key_problem(e, certificate, key)) from e
  _check_pair(certificate, key, authorities)
  return files


def _check_pair(
  certificate: Argument, key: Argument, authorities: Argument
) -> None:
  """Raises `ValueError` if a certificate or its key is damaged or out of date.

  Shakes hands with itself: OpenSSL does not look at a private key before it
  signs, nor at a signature of an authority before it verifies.
  """
  client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  client.check_hostname = False
  client.verify_mode = ssl.CERT_NONE
  try:
    _shake_hands(client, certificate, key)
  except ssl.SSLError as e:
    raise ValueError(
      f'Expected the private key of {certificate.path!r} in {key.name}, found '
      f'one that is damaged in {key.path!r}; copy it again.'
    ) from e
  client.verify_mode = ssl.CERT_REQUIRED
  client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
  client.load_verify_locations(authorities.path)
  try:
    _shake_hands(client, certificate, key)
  except ssl.SSLCertVerificationError as e:
    # Another authority than that of the other side may have signed it.
    if e.verify_code in _FAULTS:
      raise ValueError(
        f'Expected a valid certificate in {certificate.name}, found '
        f'{_FAULTS[e.verify_code]} in {certificate.path!r}; create it again.'
      ) from e


def _shake_hands(
  client: ssl.SSLContext, certificate: Argument, key: Argument
) -> None:
  """Connects a client to a server of the certificate, in memory."""
  server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  server.load_cert_chain(certificate.path, key.path)
  to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
  sides = [
    client.wrap_bio(to_client, to_server),
    server.wrap_bio(to_server, to_client, server_side=True),
  ]
  while sides:
    for side in list(sides):
      with contextlib.suppress(ssl.SSLWantReadError):
        side.do_handshake()
        sides.remove(side)


def _read(argument: Argument) -> bytes:
  """Returns the content of a file; waits for no pipe and no terminal."""
  path = pathlib.Path(argument.path)
  try:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
      found = 'a directory'
    elif not stat.S_ISREG(status.st_mode):
      found = 'a pipe or device'
    elif not status.st_size:
      found = 'an empty file'
    elif status.st_size > _MAX_BYTES:
      found = f'{status.st_size:,} bytes'
    else:
      contents = path.read_bytes()
      if not contents.startswith(codecs.BOM_UTF8):
        return contents
      # OpenSSL would leave out the first certificate.
      found = 'a byte order mark at the start of a text'
  except FileNotFoundError:
    found = 'none'
  except OSError as e:
    found = os.strerror(e.errno or 0)
  except ValueError as e:  # A NUL character.
    found = str(e)
  raise ValueError(
    f'Expected a file to read in {argument.name}, found {found} at '
    f'{argument.path!r}; give the path of a PEM file.'
  )


def _load_certificates(context: ssl.SSLContext, argument: Argument) -> None:
  """Adds the certificates of a file to the authorities of a TLS context."""
  try:
    context.load_verify_locations(argument.path)
    found = 'none' if not context.cert_store_stats()['x509'] else ''
  except ssl.SSLError as e:
    # OpenSSL reports broken PEM as an error of its library "PEM lib".
    is_absent = e.reason == 'NO_CERTIFICATE_OR_CRL_FOUND'
    found = 'none' if is_absent else 'one that is damaged'
  if found:
    raise ValueError(
      f'Expected certificates in PEM format in {argument.name}, found {found} '
      f'in {argument.path!r}; give a file with "BEGIN CERTIFICATE".'
    )


def _refuse_password() -> str:
  raise _EncryptedKeyError


def _key_problem(
  error: ssl.SSLError, certificate: Argument, key: Argument
) -> str:
  if error.reason in _MISMATCH:
    return (
      f'Expected the private key of {certificate.path!r} in {key.name}, found '
      f'that of another certificate in {key.path!r}; give the key that the '
      'certificate was made with.'
    )
  if error.reason == 'INVALID_CERTIFICATE':
    return (
      f'Expected certificates in PEM format in {certificate.name}, found one '
      f'that is damaged in {certificate.path!r}; give a file with "BEGIN '
      'CERTIFICATE".'
    )
  if error.reason and error.reason.endswith(('TOO_SMALL', 'TOO_WEAK')):
    return (
      f'Expected a strong certificate in {certificate.name}, found '
      f'{error.reason.lower().replace("_", " ")} in {certificate.path!r}, '
      'which may be damaged; create it again.'
    )
  return (
    f'Expected a private key in PEM format in {key.name}, found none in '
    f'{key.path!r}; give a file with "BEGIN PRIVATE KEY".'
  )
