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
"""Tests for tls_flags."""

import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import grpc

from programs.command_line import runner
from programs.network import tls_flags
from programs.network import trial_handshakes
from tests.programs.network import certificates


class AreGivenTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS(['program'])

  def test_none(self):
    self.assertFalse(tls_flags.are_given())
    self.assertIsNone(tls_flags.channel_credentials())
    tls_flags.check_flags()

  def test_all(self):
    with flagsaver.as_parsed(tls_cert='a', tls_key='b', tls_ca='c'):
      self.assertTrue(tls_flags.are_given())

  @parameterized.parameters(
    (('cert',), 'Expected --tls_key with --tls_cert, found none'),
    (('ca',), 'Expected --tls_cert with --tls_ca, found none'),
    (('cert', 'key'), 'Expected --tls_ca with --tls_cert, found none'),
  )
  def test_refuses_some_without_the_others(self, names, message):
    with flagsaver.as_parsed(**{f'tls_{name}': 'a' for name in names}):
      for function in (tls_flags.are_given, tls_flags.check_flags):
        with self.assertRaisesRegex(runner.UsageError, message):
          function()


@certificates.skip_without_openssl
class FilesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    self.enter_context(mock.patch.dict(os.environ))
    os.environ.pop('GRPC_VERBOSITY', None)
    self._directory = self.enter_context(tempfile.TemporaryDirectory())
    certificates.make(self._directory)
    self._paths = {
      f'tls_{flag}': os.path.join(self._directory, name)
      for flag, name in (
        ('cert', 'localhost.pem'),
        ('key', 'localhost.key'),
        ('ca', 'ca.pem'),
      )
    }

  def test_server_requires_certificates_of_clients(self):
    with flagsaver.as_parsed(**self._paths):
      context = tls_flags.server_context()
    self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
    self.assertEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    (authority,) = context.get_ca_certs(binary_form=True)
    self.assertEqual(
      authority,
      ssl.PEM_cert_to_DER_cert(
        pathlib.Path(self._directory, 'ca.pem').read_text()
      ),
    )

  def test_credentials_of_clients(self):
    with flagsaver.as_parsed(**self._paths):
      tls_flags.check_flags()
      credentials = tls_flags.channel_credentials()
    self.assertIsInstance(credentials, grpc.ChannelCredentials)

  @parameterized.parameters('tls_cert', 'tls_key', 'tls_ca')
  def test_refuses_files_other_than_pem(self, flag):
    path = self.create_tempfile(content='text').full_path
    with flagsaver.as_parsed(**self._paths | {flag: path}):
      for function in (
        tls_flags.check_flags,
        tls_flags.server_context,
        tls_flags.channel_credentials,
      ):
        with self.assertRaisesRegex(
          runner.UsageError, f'in PEM format in --{flag}, found none in .{path}'
        ):
          function()

  def test_checks_handshakes_with_workers(self):
    error = trial_handshakes.HandshakeError('Expected TLS, found none.')
    with mock.patch.object(
      trial_handshakes, 'check_workers', side_effect=error
    ) as check:
      tls_flags.check_workers(['a:1'])
      check.assert_not_called()
      with flagsaver.as_parsed(**self._paths):
        with self.assertRaisesRegex(
          runner.UsageError, '^--workers: Expected TLS, found none.$'
        ):
          tls_flags.check_workers(['a:1', 'b:1'])
    ((addresses, context), _) = check.call_args
    self.assertEqual(addresses, ['a:1', 'b:1'])
    self.assertTrue(context.check_hostname)
    self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
    self.assertLen(context.get_ca_certs(), 1)

  @parameterized.parameters((None, 'NONE'), ('DEBUG', 'DEBUG'))
  def test_grpc_is_quiet_unless_the_user_asks(self, given, expected):
    if given:
      os.environ['GRPC_VERBOSITY'] = given
    with flagsaver.as_parsed(**self._paths):
      tls_flags.check_flags()
    self.assertEqual(os.environ['GRPC_VERBOSITY'], expected)


_PROGRAMS = (
  (
    'train',
    '--task=digits',
    '--method=fed_avg',
    '--output_dir=none',
    '--workers=localhost:1',
  ),
  ('doctor', '--workers=localhost:1'),
  ('worker', '--port=1'),
)


@certificates.skip_without_openssl
class ProgramsTest(parameterized.TestCase):
  """Each program refuses bad files at once, in one line, with exit code 2."""

  @parameterized.parameters(*((program,) for program in _PROGRAMS))
  def test_refuses_without_importing_tensorflow(self, program):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    certificates.make(directory)
    name, *arguments = program
    process = subprocess.run(
      [
        *(sys.executable, '-X', 'importtime', '-m', f'programs.{name}'),
        *arguments,
        f'--tls_cert={directory}/programs.pem',
        f'--tls_key={directory}/ca.key',
        f'--tls_ca={directory}/ca.pem',
      ],
      cwd=pathlib.Path(__file__).parents[3],
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
      capture_output=True,
      text=True,
      timeout=60,
      check=False,
    )
    imports, lines = [], []
    for line in process.stderr.splitlines():
      (imports if line.startswith('import time:') else lines).append(line)
    self.assertEqual(process.returncode, 2)
    self.assertLen(lines, 1)
    self.assertStartsWith(
      lines[0],
      f"{name}: Expected the private key of '{directory}/programs.pem' in "
      f"--tls_key, found that of another certificate in '{directory}/ca.key'",
    )
    modules = {line.rpartition('|')[-1].strip() for line in imports}
    self.assertIn('ssl', modules)
    self.assertNoCommonElements(modules, ('tensorflow', 'grpc', 'jax'))


if __name__ == '__main__':
  absltest.main()
