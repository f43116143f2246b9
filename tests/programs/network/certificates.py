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
"""Certificates for tests of TLS, made by the documented commands."""

import pathlib
import re
import shutil
import subprocess
import unittest

_PAGE = pathlib.Path(__file__).parents[3] / 'docs' / 'guides' / 'workers.md'

skip_without_openssl = unittest.skipUnless(
  shutil.which('openssl'), 'Makes certificates by openssl.'
)


def make(directory: str) -> None:
  """Runs the commands of the documentation, for a host called localhost.

  Args:
    directory: Directory that gets `ca.pem`, and the certificates and keys
      `localhost.pem`, `localhost.key`, `programs.pem` and `programs.key`.
  """
  (script,) = re.findall(r'^HOSTS=.*?^done$', _PAGE.read_text(), re.S | re.M)
  script = re.sub('^HOSTS=.*', 'HOSTS=localhost', script)
  subprocess.run(
    ['/bin/sh', '-euc', script], cwd=directory, check=True, capture_output=True
  )
