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
"""Tests of training on the workers of other machines, played by this one."""

import gc
import os
import pathlib
import signal
import tempfile
import threading
import time
from unittest import mock

from absl.testing import absltest
import portpicker
import pytest

from programs import train
from tests.programs import program_testing
from tff_methods import runtime
from tff_methods.runtime import worker_pool
from tff_methods.runtime import workers

_RUN = (
  '--task=digits',
  '--method=fed_avg',
  '--rounds=4',
  '--clients_per_round=3',
  '--max_client_examples=10',
  '--rounds_per_evaluation=4',
  '--rounds_per_checkpoint=1',
)


class TrainOnWorkersTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._directory = pathlib.Path(
      self.enter_context(tempfile.TemporaryDirectory())
    )
    self._ports = [portpicker.pick_unused_port() for _ in range(2)]
    self._workers = [self._start(port) for port in self._ports]
    self.enter_context(mock.patch.object(worker_pool, '_START_SECONDS', 0.5))

  def _start(self, port: int) -> workers.LocalWorker:
    with mock.patch.object(portpicker, 'pick_unused_port', return_value=port):
      worker = workers.LocalWorker()
    self.addCleanup(worker.end)
    return worker

  def _train(self, name: str, *arguments: str) -> tuple[int, str]:
    addresses = ','.join(f'localhost:{port}' for port in self._ports)
    exit_code, _, stderr = program_testing.run_here(
      'train.py',
      train.main,
      *_RUN,
      f'--output_dir={self._directory / name}',
      f'--workers={addresses}',
      *arguments,
    )
    return exit_code, stderr

  def _weights(self, name: str) -> bytes:
    return (self._directory / name / 'model_weights.npz').read_bytes()

  def _kill_after_a_checkpoint(self, name: str) -> threading.Thread:
    """Ends all workers once the run of that name has a checkpoint."""

    def kill():
      deadline = time.monotonic() + 120
      while not list(self._directory.glob(f'{name}/checkpoints/*')):
        if time.monotonic() > deadline:
          return
        time.sleep(0.01)
      for worker in self._workers:
        os.kill(worker.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread

  @pytest.mark.slow
  def test_workers_die_and_come_back(self):
    exit_code, stderr = self._train('expected')
    self.assertEqual(exit_code, 0, stderr)
    impatient = mock.patch.dict(
      runtime.create_remote_context.__kwdefaults__,
      {'patience_seconds': 1.0},
    )

    killer = self._kill_after_a_checkpoint('run')
    with impatient:
      exit_code, stderr = self._train('run')
    killer.join()
    self.assertEqual(exit_code, 1)
    self.assertRegex(
      stderr,
      'train: Expected an answer from a worker within 1.0 seconds.* The same '
      'command resumes from the last checkpoint.\n$',
    )

    with impatient:
      exit_code, stderr = self._train('run')
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, 'train: --workers: Expected an answer')

    gc.collect()  # The first run, whose hold on its directory ends with it.
    self._start(self._ports[1])  # The other one goes on alone.
    exit_code, stderr = self._train('run')
    self.assertEqual(exit_code, 0, stderr)
    self.assertEqual(self._weights('run'), self._weights('expected'))

  def test_flags(self):
    for message, *arguments in (
      ("--workers: Expected host:port of a worker, found 'a'", '--workers=a'),
      ('Expected --tls_key with --tls_cert', '--tls_cert=a.pem'),
      (
        'Expected --workers with --tls_cert, found none',
        '--workers=',
        *(f'--tls_{name}={__file__}' for name in ('cert', 'key', 'ca')),
      ),
    ):
      exit_code, stderr = self._train('none', *arguments)
      self.assertEqual(exit_code, 2)
      self.assertIn(f'train: {message}', stderr)
      self.assertFalse((self._directory / 'none').exists())


if __name__ == '__main__':
  absltest.main()
