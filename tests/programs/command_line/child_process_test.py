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
"""Tests of child processes that end with their program."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

from absl.testing import absltest
import psutil

from programs.command_line import child_process
from programs.command_line import stop_signals

_ROOT = pathlib.Path(child_process.__file__).parents[2]


class ChildProcessTest(absltest.TestCase):
  def test_runs_in_a_session_of_its_own(self):
    code = 'import os; raise SystemExit(os.getsid(0) == os.getpid())'
    child = child_process.start([sys.executable, '-c', code])
    self.assertEqual(child.wait(60), 1)

  def test_returns_the_exit_code_of_a_run(self):
    with stop_signals.StopSignals() as stop:
      command = [sys.executable, '-c', 'raise SystemExit(3)']
      self.assertEqual(child_process.run(command, stop), 3)

  def test_forwards_a_stop_signal(self):
    # The child stops its parent, and writes a file when the signal comes back.
    code = textwrap.dedent("""
      import os, signal
      signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
      os.kill(os.getppid(), signal.SIGHUP)
      signal.sigwait([signal.SIGHUP])
      open(%r, 'w').close()
    """)
    with tempfile.TemporaryDirectory() as directory:
      path = pathlib.Path(directory, 'stopped')
      former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
      try:
        with (
          stop_signals.StopSignals() as stop,
          self.assertRaises(stop_signals.Stopped) as raised,
        ):
          child_process.run([sys.executable, '-c', code % str(path)], stop)
      finally:
        signal.signal(signal.SIGHUP, former)
      self.assertEqual(raised.exception.signum, signal.SIGHUP)
      self.assertTrue(path.exists())

  def test_ends_with_a_killed_parent(self):
    with tempfile.TemporaryDirectory() as directory:
      pid_path = pathlib.Path(directory, 'pid')
      parent = subprocess.Popen(
        [
          sys.executable,
          '-c',
          textwrap.dedent(
            f"""
            import pathlib
            from programs.command_line import child_process
            child = child_process.start(['sleep', '60'])
            pathlib.Path({str(pid_path) + '_'!r}).write_text(str(child.pid))
            pathlib.Path({str(pid_path) + '_'!r}).rename({str(pid_path)!r})
            child.wait()
            """
          ),
        ],
        cwd=_ROOT,
        env={
          **os.environ,
          'PYTHONPATH': os.pathsep.join([str(_ROOT), *sys.path]),
        },
      )
      deadline = time.monotonic() + 60
      while not pid_path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
      child = psutil.Process(int(pid_path.read_text()))
      parent.send_signal(signal.SIGKILL)
      parent.wait()
      while _is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
      self.assertFalse(_is_alive(child))


def _is_alive(process: psutil.Process) -> bool:
  try:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
  except psutil.NoSuchProcess:
    return False


if __name__ == '__main__':
  absltest.main()
