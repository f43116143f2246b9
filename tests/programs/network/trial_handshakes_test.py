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
"""Tests for trial_handshakes."""

import contextlib
import os
import socket
import ssl
import tempfile
import threading
import time
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs.network import trial_handshakes
from tests.programs.network import certificates


@certificates.skip_without_openssl
class CheckWorkersTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._own, cls._other = (
      cls.enterClassContext(tempfile.TemporaryDirectory()) for _ in range(2)
    )
    for directory in (cls._own, cls._other):
      certificates.make(directory)

  def _context(
    self,
    is_server: bool,
    certificate: str | None = None,
    authority: str | None = None,
  ) -> ssl.SSLContext:
    """Returns a TLS context; directories default to this test's authority."""
    context = ssl.SSLContext(
      ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT
    )
    path = os.path.join(
      certificate or self._own, 'localhost' if is_server else 'programs'
    )
    context.load_cert_chain(f'{path}.pem', f'{path}.key')
    context.load_verify_locations(
      os.path.join(authority or self._own, 'ca.pem')
    )
    context.verify_mode = ssl.CERT_REQUIRED
    return context

  def _serve(self, context: ssl.SSLContext | None, host='localhost') -> str:
    """Starts a worker for one connection; returns its address."""
    listener = socket.create_server(('127.0.0.1', 0))
    listener.settimeout(10)
    self.addCleanup(listener.close)

    def serve():
      with contextlib.suppress(OSError):
        accepted, _ = listener.accept()
        with accepted:
          accepted.settimeout(10)
          if context is not None:
            accepted = context.wrap_socket(accepted, server_side=True)
          accepted.sendall(b'first bytes of HTTP/2')
          accepted.recv(2**16)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f'{host}:{listener.getsockname()[1]}'

  def _assert_refused(self, address: str, message: str, **context) -> None:
    with self.assertRaises(trial_handshakes.HandshakeError) as raised:
      trial_handshakes.check_workers(
        [address], self._context(is_server=False, **context)
      )
    self.assertRegex(str(raised.exception), f'^{message}')
    self.assertNotIn('\n', str(raised.exception))

  def test_takes_workers_of_the_same_authority(self):
    addresses = [self._serve(self._context(is_server=True)) for _ in range(2)]
    trial_handshakes.check_workers(addresses, self._context(is_server=False))

  def test_refuses_workers_of_another_authority(self):
    address = self._serve(
      self._context(is_server=True, certificate=self._other)
    )
    self._assert_refused(
      address,
      f'Expected a certificate of {address} that --tls_ca has signed for this '
      'host name, found: .*certificate.*; give the worker',
    )

  def test_refuses_certificates_of_another_host(self):
    address = self._serve(self._context(is_server=True), host='127.0.0.1')
    self._assert_refused(
      address,
      f"Expected a certificate of {address} .* not valid for '127.0.0.1'",
    )

  def test_worker_refuses_this_program(self):
    address = self._serve(self._context(is_server=True, authority=self._other))
    self._assert_refused(
      address,
      f'Expected {address} to accept the certificate in --tls_cert, found the '
      "answer 'unknown ca'; give one",
    )

  def test_refuses_workers_without_tls(self):
    address = self._serve(None)
    self._assert_refused(address, f'Expected TLS at {address}, found none;')

  def test_one_bad_worker_is_enough(self):
    bad = self._serve(self._context(is_server=True, certificate=self._other))
    good = self._serve(self._context(is_server=True))
    with self.assertRaisesRegex(trial_handshakes.HandshakeError, bad):
      trial_handshakes.check_workers(
        [good, bad], self._context(is_server=False)
      )

  def test_leaves_absent_workers_to_grpc(self):
    with socket.create_server(('127.0.0.1', 0)) as listener:
      _, unused_port = listener.getsockname()
    trial_handshakes.check_workers(
      [f'localhost:{unused_port}', f'[::1]:{unused_port}', 'x.invalid:1'],
      self._context(is_server=False),
    )

  @parameterized.parameters('_STEP_SECONDS', '_MAX_SECONDS')
  def test_leaves_silent_workers_to_grpc(self, limit):
    listener = self.enter_context(socket.create_server(('127.0.0.1', 0)))
    start = time.monotonic()
    with mock.patch.object(trial_handshakes, limit, 0.2):
      trial_handshakes.check_workers(
        [f'localhost:{listener.getsockname()[1]}'],
        self._context(is_server=False),
      )
    self.assertLess(time.monotonic() - start, 1.5)


if __name__ == '__main__':
  absltest.main()
