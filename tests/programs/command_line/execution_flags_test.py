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
"""Tests of the checks of the flags of the runtime."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import execution_flags
from programs.command_line import runner


class ExecutionFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())

  @parameterized.named_parameters(
    (
      'device_of_workers',
      ['--workers=a:1', '--device=cpu'],
      'no --device with --workers=a:1',
    ),
    ('no_port', ['--workers=a:1,b'], "--workers: .*host:port.*'b'"),
    ('same_worker', ['--workers=a:1,a:1'], '--workers: .*distinct'),
    ('part_of_tls', ['--workers=a:1', '--tls_cert=c'], '--tls_key.*found none'),
  )
  def test_refuses(self, arguments, message):
    flags.FLAGS(['', *arguments])
    with self.assertRaisesRegex(runner.UsageError, message):
      execution_flags.check_flags()

  def test_tls_is_for_workers(self):
    path = self.create_tempfile().full_path
    flags.FLAGS(['', *(f'--tls_{n}={path}' for n in ('cert', 'key', 'ca'))])
    with self.assertRaisesRegex(runner.UsageError, '--workers with --tls_cert'):
      execution_flags.check_flags()

  @parameterized.parameters(
    ([], 'device auto'),
    (['--device=cpu'], 'device cpu'),
    (['--workers=a:1,b:2'], 'workers'),
  )
  def test_runtime_name(self, arguments, name):
    flags.FLAGS(['', *arguments])
    self.assertEqual(execution_flags.runtime_name(), name)

  def test_takes_workers_and_none(self):
    for arguments in ([], ['--device=cpu'], ['--workers=a:1,b:2']):
      with flagsaver.flagsaver():
        flags.FLAGS(['', *arguments])
        execution_flags.check_flags()


if __name__ == '__main__':
  absltest.main()
