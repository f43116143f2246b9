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
"""Tests that programs check a command line without importing TensorFlow."""

import os
import pathlib
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

_ROOT = pathlib.Path(__file__).parents[2]
_HEAVY = ('tensorflow', 'tensorflow_federated', 'jax', 'matplotlib', 'sklearn')
# Runs a program, and adds the heavy modules that it imported to standard error.
_CODE = f"""
import atexit, runpy, sys
atexit.register(lambda: print(
  'IMPORTED', *(m for m in {_HEAVY} if m in sys.modules), file=sys.stderr))
module = sys.argv.pop(1)
runpy.run_module(module, run_name='__main__', alter_sys=True)
"""
_PROGRAMS = (
  'bench',
  'compare',
  'doctor',
  'export_form',
  'evaluate',
  'fed_ss_report',
  'gpu_check',
  'index_buckets',
  'label_report',
  'results',
  'train',
  'worker',
)
_RUN = ('--task=digits', '--method=fed_avg')


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run(
    [sys.executable, '-c', _CODE, f'programs.{program}', *arguments],
    cwd=_ROOT,
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
    capture_output=True,
    text=True,
    check=False,
  )


class StartupTest(parameterized.TestCase):
  def _assert_light(self, process, exit_code: int) -> None:
    *lines, imported = process.stderr.splitlines()
    self.assertEqual(process.returncode, exit_code, process.stderr)
    self.assertEqual(imported.split(), ['IMPORTED'])
    self.assertLen(lines, 1 if exit_code else 0, process.stderr)

  @parameterized.parameters(*_PROGRAMS)
  def test_help(self, program):
    process = _run(program, '--help')
    self._assert_light(process, 0)
    self.assertIn('--', process.stdout)
    self.assertIn(f'programs.{program}', process.stdout)

  @parameterized.parameters(*_PROGRAMS)
  def test_unknown_flag(self, program):
    self._assert_light(_run(program, '--sise=3'), 2)

  def test_every_program_is_tested(self):
    names = {
      path.stem
      for path in (_ROOT / 'programs').glob('*.py')
      if "__name__ == '__main__'" in path.read_text()
    }
    self.assertEqual(names, set(_PROGRAMS))

  @parameterized.named_parameters(
    ('value', ['--rounds=many']),
    ('method', ['--method=magic']),
    ('flag_of_other_method', ['--bits=2']),
    ('options', ['--method=dhqc', '--bits=1']),
    ('option_of_other_task', ['--vocab_size=9']),
    ('data', ['--task=mnist', '--data_dir=missing']),
    ('flag_file', ['--flagfile=missing']),
    ('workers', ['--workers=nowhere']),
    ('sampling', ['--sampling=exponential']),
    ('foreign_output_dir', [f'--output_dir={_ROOT}']),
  )
  def test_train_refuses(self, arguments):
    with tempfile.TemporaryDirectory() as directory:
      output_dir = os.path.join(directory, 'run')
      process = _run('train', *_RUN, f'--output_dir={output_dir}', *arguments)
      self._assert_light(process, 2)
      self.assertFalse(os.path.exists(output_dir))

  @parameterized.named_parameters(
    ('bench_value', 'bench', '--repeats=0', ['--repeats=0']),
    ('bench_file', 'bench', 'at none.npz', ['--index_weights=none.npz']),
    ('doctor_tls', 'doctor', '--tls_cert with --tls_ca', ['--tls_ca=ca.pem']),
    (
      'fed_ss_report_task',
      'fed_ss_report',
      "found 'digits'",
      ['--task=digits', '--part=privacy', '--output_dir=out'],
    ),
    (
      'fed_ss_report_data',
      'fed_ss_report',
      'data_dir',
      ['--task=omniglot', '--part=privacy', '--output_dir=out'],
    ),
    ('gpu_check_value', 'gpu_check', 'timed_rounds', ['--timed_rounds=few']),
    (
      'index_buckets_weights',
      'index_buckets',
      'at none.npz',
      ['--task=python_tokens', '--weights=none.npz'],
    ),
    ('index_buckets_no_task', 'index_buckets', '--task', ['--weights=none']),
    (
      'label_report_data',
      'label_report',
      'data_dir',
      ['--task=delicious', '--output_dir=out'],
    ),
    ('worker_no_port', 'worker', '--port', []),
  )
  def test_other_programs_refuse(self, program, message, arguments):
    process = _run(program, *arguments)
    self._assert_light(process, 2)
    self.assertIn(message, process.stderr)

  def test_dry_run(self):
    with tempfile.TemporaryDirectory() as directory:
      output_dir = os.path.join(directory, 'run')
      process = _run('train', *_RUN, f'--output_dir={output_dir}', '--dry_run')
      self._assert_light(process, 0)


if __name__ == '__main__':
  absltest.main()
