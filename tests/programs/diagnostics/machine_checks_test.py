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
"""Tests for machine_checks."""

import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import portpicker
import tensorflow as tf

from programs.diagnostics import machine_checks
from tff_methods import runtime
from tff_methods.runtime import workers


class MachineChecksTest(parameterized.TestCase):
  def test_exception_is_a_finding(self):
    def check():
      yield machine_checks.Finding('ok', 'so far')
      raise KeyError('two\nlines')

    (finding,) = machine_checks.findings(check)
    self.assertEqual(finding.level, 'wrong')
    self.assertRegex(finding.text, r'^KeyError: .*two.*lines.$')

  def test_python(self):
    with mock.patch.object(sys, 'version_info', (3, 12, 1)):
      findings = list(machine_checks.check_python())
    self.assertEqual(
      findings, [('wrong', '3.12.1, not 3.11; run `make clean env`')]
    )

  def test_packages(self):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    lock = pathlib.Path(directory) / 'lock.txt'
    lock.write_text(
      'absl-py==0.1 \\\n    --hash=sha256:0\n    # via x\nnone-such==2.0\n'
    )
    with mock.patch.object(machine_checks, '_LOCK_FILE', lock):
      (finding,) = machine_checks.check_packages()
      self.assertEqual(finding.level, 'wrong')
      self.assertRegex(
        finding.text,
        r'^absl-py \d[\d.]+ instead of 0.1, none-such None instead of 2.0; '
        'run `make clean env`$',
      )
      lock.write_text(''.join(f'none-{i}==1\n' for i in range(5)))
      (finding,) = machine_checks.check_packages()
      self.assertEndsWith(finding.text, 'and 2 more; run `make clean env`')
      lock.unlink()
      (finding,) = machine_checks.findings(machine_checks.check_packages)
      self.assertEqual(finding.level, 'note')
      self.assertRegex(finding.text, 'not compared, .* no .*lock.txt')

  def test_worker(self):
    with mock.patch.object(workers, '_worker_path', return_value='/bin/false'):
      (finding,) = machine_checks.findings(machine_checks.check_worker)
    self.assertEqual(finding.level, 'wrong')
    self.assertRegex(
      finding.text, 'RuntimeError: .*to start.*ended with exit code 1'
    )

  def test_leftovers(self):
    left = [mock.Mock(pid=12)], [mock.Mock(pid=34), mock.Mock(pid=56)]
    with mock.patch.object(runtime, 'find_orphans', return_value=left):
      findings = list(machine_checks.check_leftovers())
    self.assertEqual(
      findings,
      [('note', 'programs have left some; `kill 12 34 56` ends them')],
    )

  @parameterized.named_parameters(
    ('onednn', True, 'ok', '^oneDNN'), ('other', False, 'note', '^TensorFlow')
  )
  def test_kernels(self, uses_onednn, level, message):
    with mock.patch.object(runtime, 'uses_onednn', return_value=uses_onednn):
      (finding,) = machine_checks.check_kernels()
    self.assertEqual(finding.level, level)
    self.assertRegex(finding.text, f'{message}.* TF_ENABLE_ONEDNN_OPTS')

  @parameterized.named_parameters(
    ('seen', ['gpu'], 'ok', '1 GPU that TensorFlow sees'),
    ('not_seen', [], 'note', r'a GPU.*install tensorflow\[and-cuda\]'),
  )
  def test_gpu(self, gpus, level, message):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    program = pathlib.Path(directory) / 'nvidia-smi'
    program.write_text('#!/bin/sh\necho "GPU 0: Some GPU"\n')
    program.chmod(0o755)
    with (
      mock.patch.dict(os.environ, {'PATH': directory}),
      mock.patch.object(tf.config, 'list_physical_devices', return_value=gpus),
    ):
      _, finding = machine_checks.check_devices()
    self.assertEqual(finding.level, level)
    self.assertRegex(finding.text, message)

  def test_no_gpu(self):
    with (
      mock.patch.dict(os.environ, {'PATH': ''}),
      mock.patch.object(tf.config, 'list_physical_devices', return_value=[]),
    ):
      _, finding = machine_checks.check_devices()
    self.assertEqual(finding, ('ok', 'no GPU; everything runs on the CPU'))

  def test_disk(self):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    arguments = f'{directory}/a/b', directory
    with mock.patch('shutil.disk_usage', return_value=mock.Mock(free=2.5e9)):
      findings = list(machine_checks.check_disk(*arguments))
    self.assertEqual(findings, [('ok', f'2.5 GB free at {directory}')] * 2)
    with mock.patch('shutil.disk_usage', return_value=mock.Mock(free=5e8)):
      findings = list(machine_checks.check_disk(*arguments))
    for finding, flag in zip(findings, ('output', 'cache'), strict=True):
      self.assertEqual(finding.level, 'wrong')
      self.assertRegex(finding.text, f'^0.5 GB.*another --{flag}_dir$')

  def test_no_private_network(self):
    failure = mock.Mock(returncode=1, stderr='Traceback\nOSError: not allowed')
    with mock.patch.object(subprocess, 'run', return_value=failure):
      (finding,) = machine_checks.check_private_network()
    self.assertEqual(finding.level, 'note')
    self.assertRegex(finding.text, r'cannot use TLS here \(OSError: not allow')

  def test_workers_that_do_not_answer(self):
    port = portpicker.pick_unused_port()
    with mock.patch.object(machine_checks, '_ANSWER_SECONDS', 0.3):
      first, second = machine_checks.check_remote_workers(
        [f'localhost:{port}', 'nobody'], lambda: None
      )
    self.assertEqual([first.level, second.level], ['wrong', 'wrong'])
    self.assertRegex(first.text, f'localhost:{port} ')
    self.assertRegex(second.text, "found 'nobody'")


if __name__ == '__main__':
  absltest.main()
