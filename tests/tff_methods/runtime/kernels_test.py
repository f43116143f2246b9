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
"""Tests of the name of the kernels, in processes of their own."""

import os
import subprocess
import sys

from absl.testing import absltest

from tff_methods.runtime import kernels

# Imports TensorFlow alone, without TFF.
_PROGRAM = """
import runpy, sys
print(runpy.run_path(sys.argv[1])['uses_onednn']())
"""


def _run(choice: str) -> str:
  process = subprocess.run(
    [sys.executable, '-c', _PROGRAM, kernels.__file__],
    env={
      **os.environ,
      'PYTHONPATH': os.pathsep.join(sys.path),
      'TF_ENABLE_ONEDNN_OPTS': choice,
    },
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  )
  return process.stdout


class KernelsTest(absltest.TestCase):
  def test_uses_onednn_as_the_environment_says(self):
    self.assertEqual(_run('1'), 'True\n')
    self.assertEqual(_run('0'), 'False\n')


if __name__ == '__main__':
  absltest.main()
