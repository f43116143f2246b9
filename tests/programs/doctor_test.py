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

import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import portpicker

from programs import doctor
from tests.programs import program_testing
from tff_methods import runtime
from tff_methods.runtime import workers


class DoctorTest(parameterized.TestCase):
  def _lines(self, *arguments: str, only: str | None = None):
    """Returns the exit code and the lines, of one check or all."""
    checks = doctor._CHECKS
    if only is not None:
      checks = {only: checks[only]}
    with mock.patch.object(doctor, '_CHECKS', checks):
      exit_code, stdout, stderr = program_testing.run_here(
        'doctor.py', doctor.main, *arguments
      )
    self.assertEmpty(stderr)
    return exit_code, stdout.splitlines()

  def test_all_checks_here(self):
    worker = workers.LocalWorker()
    exit_code, lines = self._lines(f'--workers=localhost:{worker.port}')
    worker.end()
    self.assertEqual(exit_code, 0, lines)
    for line in lines:
      self.assertRegex(line, r'^(ok   |note )  [\w -]+: ')
    for name in doctor._CHECKS:
      self.assertTrue(any(f'  {name}: ' in line for line in lines), name)
    self.assertIn(f'ok     --workers: localhost:{worker.port} answers', lines)

  def test_python(self):
    with mock.patch.object(sys, 'version_info', (3, 12, 1)):
      exit_code, lines = self._lines(only='python')
    self.assertEqual(exit_code, 1)
    self.assertEqual(
      lines, ['wrong  python: 3.12.1, not 3.11; run `make clean env`']
    )

  def test_packages(self):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    lock = pathlib.Path(directory) / 'lock.txt'
    lock.write_text(
      'absl-py==0.1 \\\n    --hash=sha256:0\n    # via x\nnone-such==2.0\n'
    )
    with mock.patch.object(doctor, '_LOCK', lock):
      exit_code, (line,) = self._lines(only='packages')
      self.assertEqual(exit_code, 1)
      self.assertRegex(
        line,
        r'^wrong  packages: absl-py \d[\d.]+ instead of 0.1, none-such None '
        'instead of 2.0; run `make clean env`$',
      )
      lock.write_text(''.join(f'none-{i}==1\n' for i in range(5)))
      _, (line,) = self._lines(only='packages')
      self.assertEndsWith(line, 'and 2 more; run `make clean env`')
      lock.unlink()
      exit_code, (line,) = self._lines(only='packages')
      self.assertEqual(exit_code, 1)
      self.assertRegex(line, 'wrong  packages: FileNotFoundError: .*lock.txt')

  def test_worker(self):
    with mock.patch.object(workers, '_worker_path', return_value='/bin/false'):
      exit_code, (line,) = self._lines(only='worker')
    self.assertEqual(exit_code, 1)
    self.assertRegex(
      line, 'wrong  worker: RuntimeError: .*to start.*ended with exit code 1'
    )

  def test_leftovers(self):
    left = [mock.Mock(pid=12)], [mock.Mock(pid=34), mock.Mock(pid=56)]
    with mock.patch.object(runtime, 'find_orphans', return_value=left):
      exit_code, lines = self._lines(only='leftovers')
    self.assertEqual(exit_code, 0)
    self.assertEqual(
      lines,
      ['note   leftovers: programs have left some; `kill 12 34 56` ends them'],
    )

  def test_gpu_that_tensorflow_does_not_see(self):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    program = pathlib.Path(directory) / 'nvidia-smi'
    program.write_text('#!/bin/sh\necho "GPU 0: Some GPU"\n')
    program.chmod(0o755)
    import tensorflow as tf

    for gpus, message in (
      ([], r'note   devices: a GPU.*install tensorflow\[and-cuda\]'),
      (['gpu'], 'ok     devices: 1 GPU that TensorFlow sees'),
    ):
      with (
        mock.patch.dict(os.environ, {'PATH': directory}),
        mock.patch.object(
          tf.config, 'list_physical_devices', return_value=gpus
        ),
      ):
        exit_code, lines = self._lines(only='devices')
      self.assertEqual(exit_code, 0)
      self.assertRegex(lines[1], message)

  def test_no_gpu(self):
    import tensorflow as tf

    with (
      mock.patch.dict(os.environ, {'PATH': ''}),
      mock.patch.object(tf.config, 'list_physical_devices', return_value=[]),
    ):
      _, lines = self._lines(only='devices')
    self.assertEqual(
      lines[1], 'ok     devices: no GPU; everything runs on the CPU'
    )

  def test_disk(self):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    arguments = [f'--output_dir={directory}/a/b', f'--cache_dir={directory}']
    with mock.patch('shutil.disk_usage', return_value=mock.Mock(free=2.5e9)):
      exit_code, lines = self._lines(*arguments, only='disk')
    self.assertEqual(exit_code, 0)
    self.assertEqual(lines, [f'ok     disk: 2.5 GB free at {directory}'] * 2)
    with mock.patch('shutil.disk_usage', return_value=mock.Mock(free=5e8)):
      exit_code, lines = self._lines(*arguments, only='disk')
    self.assertEqual(exit_code, 1)
    self.assertRegex(lines[0], 'wrong  disk: 0.5 GB.*another --output_dir')
    self.assertRegex(lines[1], 'wrong  disk: 0.5 GB.*another --cache_dir')

  def test_no_private_network(self):
    failure = mock.Mock(returncode=1, stderr='Traceback\nOSError: not allowed')
    with mock.patch.object(subprocess, 'run', return_value=failure):
      exit_code, (line,) = self._lines(only='private network')
    self.assertEqual(exit_code, 0)
    self.assertRegex(line, r'^note .*cannot use TLS here \(OSError: not allow')

  def test_workers_that_do_not_answer(self):
    port = portpicker.pick_unused_port()
    with mock.patch.object(doctor, '_ANSWER_SECONDS', 0.3):
      exit_code, lines = self._lines(
        f'--workers=localhost:{port},nobody', only='--workers'
      )
    self.assertEqual(exit_code, 1)
    self.assertRegex(lines[0], rf'^wrong  --workers: .*localhost:{port} ')
    self.assertRegex(lines[1], "^wrong  --workers: .*found 'nobody'")

  def test_flags(self):
    exit_code, _, stderr = program_testing.run_here(
      'doctor.py', doctor.main, '--tls_ca=ca.pem'
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, '^doctor: Expected --tls_cert with --tls_ca')


if __name__ == '__main__':
  absltest.main()
