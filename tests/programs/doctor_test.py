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
"""Tests for doctor."""

from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs import doctor
from programs.diagnostics import machine_checks
from tests.programs import program_testing
from tff_methods.runtime import workers


def _run(*arguments: str) -> tuple[int, list[str], str]:
  exit_code, stdout, stderr = program_testing.run_here(
    'doctor.py', doctor.main, *arguments
  )
  return exit_code, stdout.splitlines(), stderr


class DoctorTest(parameterized.TestCase):
  def test_all_checks_here(self):
    worker = workers.LocalWorker()
    exit_code, lines, stderr = _run(f'--workers=localhost:{worker.port}')
    worker.end()
    self.assertEqual(exit_code, 0, lines)
    self.assertEmpty(stderr)
    for line in lines:
      self.assertRegex(line, r'^(ok   |note )  [\w -]+: ')
    names = machine_checks.all_checks(
      output_dir=None, cache_dir=None, workers=[], make_credentials=None
    )
    for name in names:
      self.assertTrue(any(f'  {name}: ' in line for line in lines), name)
    self.assertIn(f'ok     --workers: localhost:{worker.port} answers', lines)

  @parameterized.named_parameters(
    ('nothing', ['ok', 'note'], 0), ('something', ['wrong', 'ok'], 1)
  )
  def test_exit_code_says_if_something_is_wrong(self, levels, expected):
    checks = {
      f'check {i}': lambda level=level: iter(
        [machine_checks.Finding(level, 'found')]
      )
      for i, level in enumerate(levels)
    }
    with mock.patch.object(
      machine_checks, 'all_checks', return_value=checks
    ) as all_checks:
      exit_code, lines, _ = _run('--output_dir=out', '--workers=a:1,b:2')
    self.assertEqual(exit_code, expected)
    self.assertEqual(
      lines,
      [f'{level:5}  check {i}: found' for i, level in enumerate(levels)],
    )
    _, arguments = all_checks.call_args
    self.assertEqual(arguments['output_dir'], 'out')
    self.assertEqual(arguments['workers'], ['a:1', 'b:2'])
    self.assertIsNone(arguments['make_credentials']())

  def test_refuses_incomplete_tls_flags(self):
    exit_code, lines, stderr = _run('--tls_ca=ca.pem')
    self.assertEqual(exit_code, 2)
    self.assertEmpty(lines)
    self.assertRegex(stderr, '^doctor: Expected --tls_cert with --tls_ca')


if __name__ == '__main__':
  absltest.main()
