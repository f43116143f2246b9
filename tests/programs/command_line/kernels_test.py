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
  names = ['TF_ENABLE_ONEDNN_OPTS', 'TF_NUM_INTRAOP_THREADS']
  print(*map(os.environ.get, names))
  return 0
runner.run(main)
"""


class ChooseTest(parameterized.TestCase):
  @parameterized.named_parameters(
    (
      'x86',
      *('x86_64', {}),
      {
        'TF_ENABLE_ONEDNN_OPTS': '1',
        'TF_NUM_INTRAOP_THREADS': '1',
        'TF_NUM_INTEROP_THREADS': '6',
      },
    ),
    (
      'choice_of_the_user',
      'x86_64',
      {
        'TF_ENABLE_ONEDNN_OPTS': '0',
        'TF_NUM_INTRAOP_THREADS': '8',
        'TF_NUM_INTEROP_THREADS': '1',
      },
      {
        'TF_ENABLE_ONEDNN_OPTS': '0',
        'TF_NUM_INTRAOP_THREADS': '8',
        'TF_NUM_INTEROP_THREADS': '1',
      },
    ),
    (
      'arm',
      *('aarch64', {}),
      {'TF_NUM_INTRAOP_THREADS': '1', 'TF_NUM_INTEROP_THREADS': '6'},
    ),
  )
  def test_environment(self, machine, environment, expected):
    with (
      mock.patch.object(platform, 'machine', return_value=machine),
      mock.patch.object(os, 'sched_getaffinity', return_value=range(4)),
    ):
      kernels.choose(environment)
    self.assertEqual(environment, expected)

  def test_threads_on_one_core(self):
    environment = {}
    with mock.patch.object(os, 'sched_getaffinity', return_value={3}):
      kernels.choose(environment)
    self.assertEqual(environment['TF_NUM_INTEROP_THREADS'], '3')

  @parameterized.parameters(
    ({}, '1 1\n'),
    ({'TF_ENABLE_ONEDNN_OPTS': '0', 'TF_NUM_INTRAOP_THREADS': '2'}, '0 2\n'),
  )
  @absltest.skipUnless(platform.machine() == 'x86_64', 'Needs x86.')
  def test_program(self, given, expected):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    for name in ('TF_ENABLE_ONEDNN_OPTS', 'TF_NUM_INTRAOP_THREADS'):
      environment.pop(name, None)
    process = subprocess.run(
      # Its `argv[0]` is that of `python -m`.
      [sys.executable, '-c', f"import sys; sys.argv[0] = '-m'{_PROGRAM}"],
      env={**environment, **given},
      stdout=subprocess.PIPE,
      text=True,
      check=True,
    )
    self.assertEqual(process.stdout, expected)


if __name__ == '__main__':
  absltest.main()
