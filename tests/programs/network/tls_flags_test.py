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
import tempfile

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import grpc

from programs.command_line import runner
from programs.network import tls_flags
from tests.programs.network import certificates


class AreGivenTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS(['program'])
    self._file = self.enter_context(tempfile.NamedTemporaryFile()).name

  def test_none(self):
    self.assertFalse(tls_flags.are_given())
    self.assertIsNone(tls_flags.channel_credentials())

  def test_all(self):
    with flagsaver.as_parsed(
      tls_cert=self._file, tls_key=self._file, tls_ca=self._file
    ):
      self.assertTrue(tls_flags.are_given())

  @parameterized.parameters(
    (('cert',), 'Expected --tls_key with --tls_cert, found none'),
    (('ca',), 'Expected --tls_cert with --tls_ca, found none'),
    (('cert', 'key'), 'Expected --tls_ca with --tls_cert, found none'),
  )
  def test_refuses_some_without_the_others(self, names, message):
    given = {f'tls_{name}': self._file for name in names}
    with flagsaver.as_parsed(**given):
      with self.assertRaisesRegex(runner.UsageError, message):
        tls_flags.are_given()

  def test_refuses_missing_files(self):
    with flagsaver.as_parsed(
      tls_cert=self._file, tls_key='/none.key', tls_ca=self._file
    ):
      with self.assertRaisesRegex(
        runner.UsageError,
        'Expected a file to read in --tls_key, found none at /none.key; give',
      ):
        tls_flags.channel_credentials()


class ServerContextTest(absltest.TestCase):
  def test_refuses_other_files(self):
    path = self.enter_context(tempfile.NamedTemporaryFile()).name
    with flagsaver.as_parsed(tls_cert=path, tls_key=path, tls_ca=path):
      with self.assertRaisesRegex(
        runner.UsageError, 'Expected PEM files of a certificate.*create them'
      ):
        tls_flags.server_context()

  @certificates.skip_without_openssl
  def test_requires_certificates_of_clients(self):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    certificates.make(directory)
    given = {
      f'tls_{flag}': os.path.join(directory, name)
      for flag, name in (
        ('cert', 'localhost.pem'),
        ('key', 'localhost.key'),
        ('ca', 'ca.pem'),
      )
    }
    with flagsaver.as_parsed(**given):
      context = tls_flags.server_context()
      credentials = tls_flags.channel_credentials()
    self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
    self.assertEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    (authority,) = context.get_ca_certs(binary_form=True)
    self.assertEqual(
      authority,
      ssl.PEM_cert_to_DER_cert(pathlib.Path(directory, 'ca.pem').read_text()),
    )
    self.assertIsInstance(credentials, grpc.ChannelCredentials)


if __name__ == '__main__':
  absltest.main()
