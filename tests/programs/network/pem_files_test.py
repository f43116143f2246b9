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
"""Tests for pem_files."""

import os
import pathlib
import ssl
import subprocess
import tempfile
import textwrap
import time

from absl.testing import absltest
from absl.testing import parameterized

from programs.network import pem_files
from tests.programs.network import certificates

# Files of each kind, next to those of `certificates.make`.
_SCRIPT = """
openssl pkey -in programs.key -aes256 -passout pass:x -out encrypted.key
openssl ec -in programs.key -aes256 -passout pass:x -out encrypted_ec.key
openssl pkey -in programs.key -pubout -out public.pem
openssl pkey -in programs.key -outform DER -out der.key
openssl x509 -in programs.pem -outform DER -out der.pem
openssl genrsa -out rsa.key 2048
openssl req -x509 -newkey rsa:512 -nodes -subj /CN=weak -keyout weak.key \
  -out weak.pem
cat programs.pem programs.key > both.pem
cat ca.pem programs.pem > wrong_order.pem
cat programs.pem ca.pem > chain.pem
head -c 300 programs.pem > cut.pem
head -c 100 programs.key > cut.key
sed 3d programs.pem > lost_line.pem
sed 's/$/\\r/' programs.pem > windows.pem
openssl req -new -key programs.key -subj /CN=old -out old.csr
openssl x509 -req -in old.csr -signkey programs.key -days -1 -out expired.pem
printf '\\357\\273\\277' | cat - programs.pem > bom.pem
printf '\\357\\273\\277' | cat - programs.key > bom.key
echo hello > text
: > empty
mkdir directory
mkfifo pipe
"""
_GOOD = {
  '--tls_cert': 'programs.pem',
  '--tls_key': 'programs.key',
  '--tls_ca': 'ca.pem',
}
_NO_FILE = 'Expected a file to read in {flag}, found {found} at {path!r}; give'
_NO_CERTIFICATE = (
  'Expected certificates in PEM format in {flag}, found {found} in {path!r}; '
  'give a file with "BEGIN CERTIFICATE".'
)
_DAMAGED = _NO_CERTIFICATE.replace('{found}', 'one that is damaged')
_NO_KEY = (
  'Expected a private key in PEM format in --tls_key, found none in {path!r}; '
  'give a file with "BEGIN PRIVATE KEY".'
)
_ENCRYPTED = (
  'Expected a private key without a password in --tls_key, found an encrypted '
  'one in {path!r}; decrypt it with `openssl pkey`.'
)
_OTHER_KEY = (
  'in --tls_key, found that of another certificate in {path!r}; give the key '
  'that the certificate was made with.'
)


@certificates.skip_without_openssl
class LoadTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._directory = cls.enterClassContext(tempfile.TemporaryDirectory())
    certificates.make(cls._directory)
    subprocess.run(
      ['/bin/sh', '-euc', _SCRIPT],
      cwd=cls._directory,
      check=True,
      capture_output=True,
    )

  def _load(self, **names: str) -> tuple[ssl.SSLContext, pem_files.PemFiles]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    arguments = [
      pem_files.Argument(flag, self._path(name))
      for flag, name in (_GOOD | names).items()
    ]
    return context, pem_files.load(context, *arguments)

  def _path(self, name: str) -> str:
    return os.path.join(self._directory, name)

  @parameterized.parameters(
    {},
    {'--tls_cert': 'chain.pem'},
    {'--tls_cert': 'windows.pem'},
    {'--tls_cert': 'both.pem', '--tls_key': 'both.pem'},
  )
  def test_takes(self, **names):
    context, files = self._load(**names)
    (authority,) = context.get_ca_certs(binary_form=True)
    ca = pathlib.Path(self._path('ca.pem'))
    self.assertEqual(authority, ssl.PEM_cert_to_DER_cert(ca.read_text()))
    self.assertEqual(
      files,
      tuple(
        pathlib.Path(self._path(name)).read_bytes()
        for name in (_GOOD | names).values()
      ),
    )

  @parameterized.product(
    flag=list(_GOOD),
    name_and_found=[
      ('none', 'none'),
      ('directory', 'a directory'),
      ('empty', 'an empty file'),
      ('pipe', 'a pipe or device'),
      ('ca.pem/x', 'Not a directory'),
      ('a\0b', 'embedded null byte'),
      (5000 * 'x', 'File name too long'),
    ],
  )
  def test_refuses_what_is_no_file(self, flag, name_and_found):
    name, found = name_and_found
    self._assert_refused(_NO_FILE, flag, name, found=found)

  @parameterized.parameters(
    ('--tls_cert', 'text', _NO_CERTIFICATE),
    ('--tls_cert', 'der.pem', _NO_CERTIFICATE),
    ('--tls_cert', 'programs.key', _NO_CERTIFICATE),
    ('--tls_cert', 'cut.pem', _DAMAGED),
    ('--tls_cert', 'lost_line.pem', _DAMAGED),
    ('--tls_cert', 'ca.pem', _OTHER_KEY),
    ('--tls_cert', 'wrong_order.pem', _OTHER_KEY),
    ('--tls_ca', 'text', _NO_CERTIFICATE),
    ('--tls_ca', 'der.pem', _NO_CERTIFICATE),
    ('--tls_ca', 'ca.key', _NO_CERTIFICATE),
    ('--tls_ca', 'cut.pem', _DAMAGED),
    ('--tls_key', 'text', _NO_KEY),
    ('--tls_key', 'der.key', _NO_KEY),
    ('--tls_key', 'cut.key', _NO_KEY),
    ('--tls_key', 'programs.pem', _NO_KEY),
    ('--tls_key', 'public.pem', _NO_KEY),
    ('--tls_key', 'encrypted.key', _ENCRYPTED),
    ('--tls_key', 'encrypted_ec.key', _ENCRYPTED),
    ('--tls_key', 'ca.key', _OTHER_KEY),
    ('--tls_key', 'rsa.key', _OTHER_KEY),
  )
  def test_refuses_other_content(self, flag, name, message):
    self._assert_refused(message, flag, name, found='none')

  @parameterized.parameters(
    ('--tls_cert', 'bom.pem'), ('--tls_ca', 'bom.pem'), ('--tls_key', 'bom.key')
  )
  def test_refuses_a_byte_order_mark(self, flag, name):
    self._assert_refused(
      _NO_FILE, flag, name, found='a byte order mark at the start of a text'
    )

  @parameterized.named_parameters(
    # Letters of the name of the authority may also be those of another one.
    ('algorithm', '--tls_cert', 20, 'in --tls_cert, found'),
    ('public_key', '--tls_cert', 240, 'in --tls_cert, found'),
    (
      'signature',
      '--tls_cert',
      -40,
      'in --tls_cert, found one that is damaged',
    ),
    ('private_key', '--tls_key', 60, 'in --tls_key, found one that is damaged'),
  )
  def test_refuses_a_flipped_letter(self, flag, index, message):
    first, *body, last = (
      pathlib.Path(self._path(_GOOD[flag])).read_text().splitlines()
    )
    letters = list(''.join(body))
    letters[index] = 'A' if letters[index] != 'A' else 'B'
    flipped = self._path('flipped')
    pathlib.Path(flipped).write_text(
      '\n'.join([first, *textwrap.wrap(''.join(letters), 64), last, ''])
    )
    with self.assertRaisesRegex(
      ValueError, f'^Expected .*{message}[^\n]*{flipped}[^\n]*$'
    ):
      self._load(**{flag: 'flipped'})

  def test_refuses_an_expired_certificate(self):
    with self.assertRaisesRegex(
      ValueError, 'in --tls_cert, found an expired one in .*; create it again'
    ):
      self._load(**{'--tls_cert': 'expired.pem', '--tls_ca': 'expired.pem'})

  def test_takes_a_certificate_of_another_authority(self):
    self._load(**{'--tls_ca': 'weak.pem'})

  def test_refuses_weak_certificates(self):
    with self.assertRaisesRegex(
      ValueError, 'strong certificate in --tls_cert, found ee key too small in'
    ):
      self._load(**{'--tls_cert': 'weak.pem', '--tls_key': 'weak.key'})

  def test_refuses_large_files(self):
    with open(self._path('large'), 'wb') as f:
      f.truncate(2**40)  # Takes no space on the disk.
    self._assert_refused(
      _NO_FILE, '--tls_ca', 'large', found='1,099,511,627,776 bytes'
    )

  def _assert_refused(
    self, message: str, flag: str, name: str, *, found: str
  ) -> None:
    start = time.monotonic()
    with self.assertRaises(ValueError) as raised:
      self._load(**{flag: name})
    self.assertLess(time.monotonic() - start, 1)
    path = self._path(_GOOD['--tls_key'] if message == _OTHER_KEY else name)
    if flag == '--tls_key':
      path = self._path(name)
    self.assertIn(
      message.format(flag=flag, path=path, found=found), str(raised.exception)
    )
    self.assertNotIn('\n', str(raised.exception))


if __name__ == '__main__':
  absltest.main()
