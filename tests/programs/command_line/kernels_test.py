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
"""Tests of the choice of kernels."""

import os
import platform
import subprocess
import sys
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import kernels

_PROGRAM = """
import os
from programs.command_line import runner
def main():
  print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))
  return 0
runner.run(main)
"""


class PreferOnednnTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('x86', 'x86_64', {}, {'TF_ENABLE_ONEDNN_OPTS': '1'}),
    (
      'choice_of_the_user',
      'x86_64',
      {'TF_ENABLE_ONEDNN_OPTS': '0'},
      {'TF_ENABLE_ONEDNN_OPTS': '0'},
    ),
    ('arm', 'aarch64', {}, {}),
  )
  def test_environment(self, machine, environment, expected):
    with mock.patch.object(platform, 'machine', return_value=machine):
      kernels.prefer_onednn(environment)
    self.assertEqual(environment, expected)

  @parameterized.parameters((None, '1'), ('0', '0'))
  @absltest.skipUnless(platform.machine() == 'x86_64', 'Needs x86.')
  def test_program(self, given, expected):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    environment.pop('TF_ENABLE_ONEDNN_OPTS', None)
    if given is not None:
      environment['TF_ENABLE_ONEDNN_OPTS'] = given
    with subprocess.Popen(
      # Its `argv[0]` is that of `python -m`.
      [sys.executable, '-c', f"import sys; sys.argv[0] = '-m'{_PROGRAM}"],
      env=environment,
      stdout=subprocess.PIPE,
      text=True,
    ) as process:
      stdout, _ = process.communicate()
    self.assertEqual(stdout, f'{expected}\n')


if __name__ == '__main__':
  absltest.main()
