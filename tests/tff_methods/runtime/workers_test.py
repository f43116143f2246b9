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
import contextlib
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

# As in the background of a script, which ignores SIGINT: `python program.py &`.
_IN_THE_BACKGROUND = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
import numpy as np
import tensorflow_federated as tff
from tff_methods import runtime

@tff.tensorflow.computation(np.int32)
def add_one(x):
  return x + 1

tff.backends.native.set_sync_local_cpp_execution_context()
assert add_one(1) == 2
runtime.end_workers()
print('ended')
"""
_REPOSITORY = pathlib.Path(__file__).parents[3]

# Forks a program for each line of its input, a file and an action: to import
# the library takes seconds. Prints the process id of the program and, after its
# end, the exit code. The program writes the process id of its worker into the
# file, then acts.
_PROGRAMS = """
import os
import sys
import numpy as np
import psutil
import tensorflow as tf
import tensorflow_federated as tff
from tff_methods import runtime

for line in sys.stdin:
  path, action = line.split()
  pid = os.fork()
  if not pid:
    break
  print(pid, flush=True)
  print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
else:
  sys.exit()

@tff.tensorflow.computation(np.int32)
def count_indefinitely(i):
  return tf.while_loop(lambda i: True, lambda i: i % 1000 + 1, [i])[0]

runtime.set_local_context()
(worker,) = psutil.Process().children()
with open(path, 'w') as log:
  print(worker.pid, file=log)
if action == 'count':
  count_indefinitely(0)
if action == 'raise':
  raise ValueError('This is expected.')
"""


def _is_alive(process: psutil.Process | None) -> bool:
  if process is None:
    return False
  try:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
  except psutil.NoSuchProcess:
    return False


def _find(pid: int) -> psutil.Process | None:
  """Returns a process, `None` if it has ended."""
  try:
    return psutil.Process(pid)
  except psutil.NoSuchProcess:
    return None


def _kill(process: psutil.Process) -> None:
  with contextlib.suppress(psutil.NoSuchProcess):
    process.kill()


def _wait_until(condition, timeout_seconds: float = 60) -> bool:
  deadline = time.monotonic() + timeout_seconds
  while not condition():
    if time.monotonic() > deadline:
      return False
    time.sleep(0.02)
  return True


@pytest.mark.slow
class WorkerOfProgramTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    paths = [str(_REPOSITORY), *filter(None, sys.path)]
    cls._programs = subprocess.Popen(
      [sys.executable, '-c', _PROGRAMS],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
      text=True,
    )
    cls.addClassCleanup(cls._programs.communicate)

  def _start_program(
    self, action: str
  ) -> tuple[psutil.Process | None, psutil.Process | None]:
    """Returns a program and its worker; `None` for one that has ended."""
    log_path = pathlib.Path(tempfile.mkdtemp(dir=self._dir), 'log')
    print(log_path, action, file=self._programs.stdin, flush=True)
    program = _find(int(self._programs.stdout.readline()))
    if program is not None:
      self.addCleanup(_kill, program)
    self.assertTrue(
      _wait_until(
        lambda: log_path.exists() and log_path.read_text().endswith('\n')
      )
    )
    return program, _find(int(log_path.read_text()))

  def _exit_code(self) -> int:
    return int(self._programs.stdout.readline())

  @parameterized.parameters(signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
  def test_ends_with_a_program_killed_during_a_call(self, signum):
    program, worker = self._start_program('count')
    # It counts once the program waits inside the C++ runtime.
    self.assertTrue(_wait_until(lambda: worker.cpu_times().user > 1))
    program.send_signal(signum)
    self.assertEqual(self._exit_code(), -signum)
    self.assertTrue(_wait_until(lambda: not _is_alive(worker), 5))

  @parameterized.parameters(('end', 0), ('raise', 1))
  def test_ends_with_a_program_that_ends(self, action, exit_code):
    _, worker = self._start_program(action)
    self.assertEqual(self._exit_code(), exit_code)
    self.assertTrue(_wait_until(lambda: not _is_alive(worker), 5))


class LocalWorkerTest(absltest.TestCase):
  def test_answers_until_ended(self):
    worker = workers.LocalWorker()
    self.assertIsNone(worker.exit_description())
    self.assertFalse(worker.was_ended)
    grpc.channel_ready_future(worker.channel).result(timeout=5)
    worker.end()
    self.assertFalse(psutil.pid_exists(worker.pid))
    self.assertTrue(worker.was_ended)
    self.assertRegex(worker.exit_description(), '^by SIGKILL')
    worker.end()  # Harmless.

  def test_ends_with_its_python_object(self):
    worker = workers.LocalWorker()
    pid = worker.pid
    del worker
    self.assertFalse(psutil.pid_exists(pid))

  def test_is_not_in_the_process_group_of_the_terminal(self):
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
    time.sleep(0.2)  # Time for the kernel's signal, if any.
    self.assertIsNone(worker.exit_description())
    worker.end()

  def test_error_at_start_names_signal_and_output(self):
    path = self._create_worker('echo first >&2; echo last >&2; kill -ILL $$')
    with mock.patch.object(workers, '_worker_path', return_value=path):
      with self.assertRaisesRegex(
        RuntimeError,
        r"by SIGILL \(a CPU too old .*printed 'first \| last': run .*doctor",
      ):
        workers.LocalWorker()

  def test_error_at_start_names_the_exit_code(self):
    with mock.patch.object(workers, '_worker_path', return_value='/bin/false'):
      with self.assertRaisesRegex(RuntimeError, 'ended with exit code 1: run'):
        workers.LocalWorker()

  def test_forwards_output_to_standard_error(self):
    path = self._create_worker('echo to_be_read >&2; exec sleep 60')
    read_end, write_end = os.pipe()
    own_stderr = os.dup(2)
    self.addCleanup(os.close, own_stderr)
    os.dup2(write_end, 2)
    os.close(write_end)
    try:
      with mock.patch.object(workers, '_worker_path', return_value=path):
        with self.assertRaisesRegex(
          RuntimeError, "printed 'to_be_read': reduce"
        ):
          workers.LocalWorker(start_timeout_seconds=0.5)
    finally:
      os.dup2(own_stderr, 2)
    with open(read_end, 'rb') as printed:
      self.assertIn(b'to_be_read\n', printed.read())

  def test_wait_for_end_kills_a_worker_that_lives_on(self):
    worker = workers.LocalWorker()
    os.kill(worker.pid, signal.SIGABRT)
    self.assertEqual(worker.wait_for_end(), 'by SIGABRT')
    self.assertFalse(worker.was_ended)
    worker = workers.LocalWorker()
    with mock.patch.object(workers, '_EXIT_STATUS_SECONDS', 0.1):
      self.assertRegex(worker.wait_for_end(), '^by SIGKILL')
    self.assertFalse(worker.was_ended)

  def test_worker_without_answer_is_ended(self):
    silent_path = self._create_worker('exec sleep 60')
    with mock.patch.object(workers, '_worker_path', return_value=silent_path):
      with self.assertRaisesRegex(
        RuntimeError, 'within 0.5 seconds.*no answer'
      ):
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
  def test_import_registers_nothing_at_exit(self):
    with mock.patch.object(atexit, 'register') as register:
      runpy.run_path(workers.__file__)  # As an import would.
    register.assert_not_called()

  def test_ends_workers_where_sigint_is_ignored(self):
    result = subprocess.run(
      [sys.executable, '-c', _IN_THE_BACKGROUND],
      cwd=_REPOSITORY,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      timeout=120,
      check=True,
    )
    self.assertEqual(result.stdout, b'ended\n')

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
