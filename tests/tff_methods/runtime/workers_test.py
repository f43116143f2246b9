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
"""Tests for workers."""

import atexit
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import grpc
import numpy as np
import psutil
import pytest
import tensorflow_federated as tff

from tff_methods.runtime import workers

_REPOSITORY = pathlib.Path(__file__).parents[3]

# Prints the worker's id, and then does what its argument says.
_PROGRAM = """
import sys
import numpy as np
import psutil
import tensorflow as tf
import tensorflow_federated as tff
from tff_methods import runtime

@tff.tensorflow.computation(np.int32)
def count_forever(i):
  return tf.while_loop(lambda i: True, lambda i: i % 1000 + 1, [i])[0]

runtime.set_local_context()
(worker,) = psutil.Process().children()
print(worker.pid, flush=True)
if sys.argv[1] == 'count':
  count_forever(0)
if sys.argv[1] == 'raise':
  raise ValueError('This is expected.')
"""


def _is_alive(process: psutil.Process | None) -> bool:
  if process is None:
    return False
  try:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
  except psutil.NoSuchProcess:
    return False


def _wait_until(condition, timeout_seconds: float = 60) -> bool:
  deadline = time.monotonic() + timeout_seconds
  while not condition():
    if time.monotonic() > deadline:
      return False
    time.sleep(0.02)
  return True


class LocalWorkerTest(parameterized.TestCase):
  def _start_program(
    self, what_it_does: str
  ) -> tuple[subprocess.Popen[bytes], psutil.Process | None]:
    """Returns a program and its worker, if any, once that has started."""
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    log_path = pathlib.Path(temporary_dir) / 'log'
    paths = [str(_REPOSITORY), *filter(None, sys.path)]
    with log_path.open('wb') as log:
      program = subprocess.Popen(
        [sys.executable, '-c', _PROGRAM, what_it_does],
        stdout=log,
        stderr=subprocess.DEVNULL,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
      )
    self.addCleanup(program.kill)
    self.assertTrue(_wait_until(lambda: log_path.read_text().endswith('\n')))
    try:
      return program, psutil.Process(int(log_path.read_text()))
    except psutil.NoSuchProcess:
      return program, None  # Both have ended.

  @parameterized.parameters(signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
  @pytest.mark.slow
  def test_ends_with_a_program_that_is_waiting_for_it(self, signum):
    program, worker = self._start_program('count')
    # Until it counts: with the program's wait inside the C++ runtime.
    self.assertTrue(_wait_until(lambda: worker.cpu_times().user > 1))
    program.send_signal(signum)
    self.assertEqual(program.wait(timeout=10), -signum)
    self.assertTrue(_wait_until(lambda: not _is_alive(worker), 5))

  @parameterized.parameters(('end', 0), ('raise', 1))
  @pytest.mark.slow
  def test_ends_with_a_program_that_ends(self, what_it_does, exit_code):
    program, worker = self._start_program(what_it_does)
    self.assertEqual(program.wait(timeout=20), exit_code)
    self.assertTrue(_wait_until(lambda: not _is_alive(worker), 5))

  def test_answers_and_ends_when_told(self):
    worker = workers.LocalWorker()
    self.assertIsNone(worker.how_it_ended())
    self.assertFalse(worker.was_ended)
    grpc.channel_ready_future(worker.channel).result(timeout=5)
    worker.end()
    self.assertFalse(psutil.pid_exists(worker.pid))
    self.assertTrue(worker.was_ended)
    self.assertRegex(worker.how_it_ended(), '^by SIGKILL')
    worker.end()  # Harmless.

  def test_ends_with_its_object(self):
    worker = workers.LocalWorker()
    pid = worker.pid
    del worker
    self.assertFalse(psutil.pid_exists(pid))

  def test_leaves_the_terminals_signals_to_the_program(self):
    worker = workers.LocalWorker()
    self.assertNotEqual(os.getpgid(worker.pid), os.getpgid(0))
    worker.end()

  def test_outlives_the_thread_that_starts_it(self):
    started = []
    thread = threading.Thread(
      target=lambda: started.append(workers.LocalWorker())
    )
    thread.start()
    thread.join()
    (worker,) = started
    time.sleep(0.2)  # For a signal of the kernel, if there were one.
    self.assertIsNone(worker.how_it_ended())
    worker.end()

  def test_tells_signal_and_what_it_printed(self):
    path = self._create_worker('echo first >&2; echo last >&2; kill -ILL $$')
    with mock.patch.object(workers, '_worker_path', return_value=path):
      with self.assertRaisesRegex(
        RuntimeError,
        r"by SIGILL \(a CPU too old .*printed 'first \| last'; run .*doctor",
      ):
        workers.LocalWorker()

  def test_tells_the_exit_code_of_a_worker_that_does_not_start(self):
    with mock.patch.object(workers, '_worker_path', return_value='/bin/false'):
      with self.assertRaisesRegex(RuntimeError, 'ended with exit code 1; run'):
        workers.LocalWorker()

  def test_hands_on_what_it_prints(self):
    path = self._create_worker('echo to_be_read >&2; exec sleep 60')
    read_end, write_end = os.pipe()
    own_stderr = os.dup(2)
    self.addCleanup(os.close, own_stderr)
    os.dup2(write_end, 2)
    os.close(write_end)
    try:
      with mock.patch.object(workers, '_worker_path', return_value=path):
        with self.assertRaisesRegex(RuntimeError, "printed 'to_be_read'; free"):
          workers.LocalWorker(start_timeout_seconds=0.5)
    finally:
      os.dup2(own_stderr, 2)
    with open(read_end, 'rb') as printed:
      self.assertIn(b'to_be_read\n', printed.read())

  def test_waits_for_the_end_of_a_crash_only_so_long(self):
    worker = workers.LocalWorker()
    os.kill(worker.pid, signal.SIGABRT)
    self.assertEqual(worker.wait_for_end(), 'by SIGABRT')
    self.assertFalse(worker.was_ended)
    worker = workers.LocalWorker()
    with mock.patch.object(workers, '_EXIT_STATUS_SECONDS', 0.1):
      self.assertRegex(worker.wait_for_end(), '^by SIGKILL')
    self.assertFalse(worker.was_ended)

  def test_says_that_a_worker_is_silent_and_ends_it(self):
    silent_path = self._create_worker('exec sleep 60')
    with mock.patch.object(workers, '_worker_path', return_value=silent_path):
      with self.assertRaisesRegex(RuntimeError, 'within 0.5 seconds.*silent'):
        workers.LocalWorker(start_timeout_seconds=0.5)
    commands = [
      process.cmdline()
      for process in psutil.Process().children()
      if process.status() != psutil.STATUS_ZOMBIE
    ]
    self.assertFalse(any(silent_path in command for command in commands))

  def _create_worker(self, script: str) -> str:
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    path = pathlib.Path(temporary_dir) / 'worker'
    path.write_text(f'#!/bin/sh\n{script}\n')
    path.chmod(0o755)
    return str(path)


class EndWorkersTest(absltest.TestCase):
  def test_is_left_to_those_who_ask(self):
    with mock.patch.object(atexit, 'register') as register:
      runpy.run_path(workers.__file__)  # As an import would.
    register.assert_not_called()

  def test_ends_workers_of_any_context(self):
    own = workers.LocalWorker()
    tff.backends.native.set_sync_local_cpp_execution_context()

    @tff.tensorflow.computation(np.int32)
    def add_one(x):
      return x + 1

    self.assertEqual(add_one(1), 2)
    children = [
      child
      for child in psutil.Process().children()
      if child.name() == 'worker_binary'
    ]
    self.assertGreaterEqual(len(children), 2)
    bystander = subprocess.Popen(['sleep', '60'])
    self.addCleanup(bystander.kill)

    workers.end_workers()
    for child in children:
      self.assertFalse(_is_alive(child))
    self.assertIsNone(bystander.poll())
    with self.assertRaisesRegex(RuntimeError, 'another context'):
      add_one(1)
    own.end()  # Harmless.


if __name__ == '__main__':
  absltest.main()
