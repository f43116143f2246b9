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
"""Tests for worker, with and without TLS."""

import errno
import os
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import time
import unittest
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import grpc
import numpy as np
import portpicker
import psutil
import tensorflow_federated as tff

from programs import worker
from programs.network import private_network
from tests.programs import program_testing
from tests.programs.network import certificates
from tff_methods import runtime

# A method that TFF's worker answers as unimplemented.
_METHOD = '/grpc.health.v1.Health/Check'
_ANSWER = grpc.StatusCode.UNIMPLEMENTED
_NO_ANSWER = grpc.StatusCode.UNAVAILABLE


def _ask(
  port: int,
  credentials: grpc.ChannelCredentials | None = None,
  timeout_seconds: float = 30,
) -> grpc.StatusCode:
  """Returns the status of the first answer of a worker, or of no answer."""
  address = f'localhost:{port}'
  deadline = time.monotonic() + timeout_seconds
  while True:
    with (
      grpc.secure_channel(address, credentials)
      if credentials
      else grpc.insecure_channel(address)
    ) as channel:
      try:
        channel.unary_unary(_METHOD)(b'', timeout=3)
      except grpc.RpcError as e:
        code = e.code()
    if code == _ANSWER or time.monotonic() > deadline:
      return code
    time.sleep(0.1)


class _WorkerTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._directory = self.enter_context(tempfile.TemporaryDirectory())
    self._port = portpicker.pick_unused_port()

  def _start(self, *arguments: str) -> program_testing.ProgramProcess:
    log_path = os.path.join(self._directory, 'log')
    process = program_testing.ProgramProcess(
      'programs.worker', log_path, f'--port={self._port}', *arguments
    )
    self.addCleanup(process.wait)
    self.addCleanup(process.send_signal, signal.SIGKILL)
    return process

  def _assert_refused(self, message: str, *arguments: str) -> None:
    exit_code, _, stderr = program_testing.run_here(
      'worker.py', worker.main, *arguments
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, rf'^worker: [^\n]*{message}[^\n]*\n$')


class WorkerTest(_WorkerTestCase):
  def test_answers_until_it_is_stopped(self):
    process = self._start()
    self.assertEqual(_ask(self._port), _ANSWER)
    self.assertRegex(process.log, f'anyone who reaches port {self._port} of')
    tff_worker = psutil.Process(process.pid)
    self.assertEqual(tff_worker.name(), 'worker_binary')
    self.assertEqual(tff_worker.environ()['TFF_METHODS_PARENT'], 'none')
    process.send_signal(signal.SIGTERM)
    self.assertEqual(process.wait(5), -signal.SIGTERM)
    self.assertEqual(_ask(self._port, timeout_seconds=0.5), _NO_ANSWER)

  def test_refuses_a_port_in_use(self):
    with socket.create_server(('', self._port)):
      self._assert_refused(
        f'--port={self._port}, found: Address already in use; choose',
        f'--port={self._port}',
      )

  @parameterized.parameters(
    ('Expected --port, found none',),
    ('port', '--port=0'),
    ('--tls_key with --tls_cert', '--port=1', '--tls_cert=a.pem'),
    (
      "a file to read in --tls_cert, found none at '/no'",
      *('--port=1', '--tls_cert=/no', '--tls_key=/no', '--tls_ca=/no'),
    ),
  )
  def test_refuses_flags(self, message, *arguments):
    self._assert_refused(message, *arguments)


@unittest.skipUnless(shutil.which('openssl'), 'Makes certificates by openssl.')
class WorkerBehindTlsTest(_WorkerTestCase):
  def setUp(self):
    super().setUp()
    certificates.make(self._directory)
    self._flags = [
      f'--tls_{flag}={self._directory}/{name}'
      for flag, name in (
        ('cert', 'localhost.pem'),
        ('key', 'localhost.key'),
        ('ca', 'ca.pem'),
      )
    ]
    self._credentials = self._client_credentials(self._directory)

  def _client_credentials(self, directory: str) -> grpc.ChannelCredentials:
    """Returns credentials in `directory` that trust this test's authority."""
    own, other = pathlib.Path(self._directory), pathlib.Path(directory)
    return grpc.ssl_channel_credentials(
      (own / 'ca.pem').read_bytes(),
      (other / 'programs.key').read_bytes(),
      (other / 'programs.pem').read_bytes(),
    )

  def _start_both(self):
    """Starts the program; returns it and TFF's worker, once that answers."""
    process = self._start(*self._flags)
    self.assertEqual(_ask(self._port, self._credentials), _ANSWER, process.log)
    (tff_worker,) = process.workers()
    return process, tff_worker

  def test_refuses_clients_without_a_certificate(self):
    self._start_both()
    others = self.enter_context(tempfile.TemporaryDirectory())
    certificates.make(others)
    authority = pathlib.Path(self._directory, 'ca.pem').read_bytes()
    for credentials in (
      None,
      grpc.ssl_channel_credentials(authority),
      self._client_credentials(others),
    ):
      self.assertEqual(
        _ask(self._port, credentials, timeout_seconds=1), _NO_ANSWER
      )
    self.assertEqual(_ask(self._port, self._credentials), _ANSWER)

  def test_computes_with_large_values(self):
    self._start_both()
    large = np.arange(3_000_000, dtype=np.float32)
    add_one = tff.tensorflow.computation(
      lambda x: x + 1, tff.TensorType(np.float32, large.shape)
    )
    context = runtime.create_remote_context(
      [f'localhost:{self._port}'], self._credentials
    )
    with tff.framework.get_context_stack().install(context):
      for _ in range(3):
        np.testing.assert_array_equal(add_one(large), large + 1)

  def test_certificate_is_of_one_host(self):
    self._start_both()
    with grpc.secure_channel(
      f'127.0.0.1:{self._port}', self._credentials
    ) as channel:
      with self.assertRaisesRegex(grpc.RpcError, 'not in peer certificate'):
        channel.unary_unary(_METHOD)(b'', timeout=5)

  def test_worker_is_in_a_private_network(self):
    process, tff_worker = self._start_both()
    network, own_network = (
      os.stat(f'/proc/{pid}/ns/net').st_ino for pid in (tff_worker.pid, 'self')
    )
    self.assertNotEqual(network, own_network)
    # Listening ports and interfaces in the network of the worker.
    listening, interfaces = (
      pathlib.Path(f'/proc/{tff_worker.pid}/net/{name}').read_text()
      for name in ('tcp6', 'dev')
    )
    self.assertIn(f':{self._port:04X} ', listening)
    self.assertEqual(re.findall(r'^ *(\w+):', interfaces, re.M), ['lo'])
    # Outside, this program alone listens on the port.
    (listener,) = [
      connection
      for connection in psutil.net_connections('tcp')
      if connection.status == psutil.CONN_LISTEN
      and connection.laddr.port == self._port
    ]
    self.assertEqual(listener.pid, tff_worker.ppid())
    del process

  @parameterized.parameters(
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)
  )
  def test_ends_its_worker(self, signum, exit_code):
    process, tff_worker = self._start_both()
    process.send_signal(signum)
    self.assertEqual(process.wait(5), exit_code)
    self.assertTrue(program_testing.are_gone([tff_worker]))

  def test_ends_with_its_worker(self):
    process, tff_worker = self._start_both()
    tff_worker.send_signal(signal.SIGSEGV)
    self.assertEqual(process.wait(5), 1)
    self.assertRegex(process.log, 'the worker ended with exit code -11')
    self.assertEqual(
      _ask(self._port, self._credentials, timeout_seconds=0.5), _NO_ANSWER
    )

  def test_refuses_files_other_than_pem(self):
    pathlib.Path(self._directory, 'localhost.key').write_text('key')
    self._assert_refused(
      'a private key in PEM format in --tls_key',
      f'--port={self._port}',
      *self._flags,
    )

  def test_refuses_without_a_private_network(self):
    with mock.patch.object(
      private_network, 'enter', side_effect=OSError(errno.EPERM, 'Not allowed')
    ):
      self._assert_refused(
        'a private network, found: Not allowed; run as root',
        f'--port={self._port}',
        *self._flags,
      )


if __name__ == '__main__':
  absltest.main()
