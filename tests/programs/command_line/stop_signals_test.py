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
"""Tests for stop_signals."""

import os
import signal
import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import stop_signals


def _signal_self(signum: int) -> None:
  signal.raise_signal(signum)


class StopSignalsTest(parameterized.TestCase):
  @parameterized.parameters(
    (signal.SIGHUP, 129),
    (signal.SIGINT, 130),
    (signal.SIGQUIT, 131),
    (signal.SIGTERM, 143),
  )
  def test_raises_at_once_where_interruptible(self, signum, exit_code):
    with self.assertRaises(stop_signals.Stopped) as caught:
      with stop_signals.StopSignals() as stop:
        with stop.interruptible():
          _signal_self(signum)
          self.fail('Expected to be stopped before.')
    self.assertEqual(caught.exception.exit_code, exit_code)

  def test_waits_for_the_next_interruptible_place(self):
    with stop_signals.StopSignals() as stop:
      with stop.interruptible():
        pass
      _signal_self(signal.SIGTERM)  # Raises nothing.
      with self.assertRaises(stop_signals.Stopped):
        with stop.interruptible():
          self.fail('Expected to be stopped before.')

  def test_second_signal_raises_anywhere(self):
    with stop_signals.StopSignals():
      _signal_self(signal.SIGINT)
      with self.assertRaises(stop_signals.Stopped):
        _signal_self(signal.SIGINT)

  def test_leaves_an_ignored_hangup_ignored(self):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    self.addCleanup(signal.signal, signal.SIGHUP, former)
    with stop_signals.StopSignals() as stop:
      with stop.interruptible():
        _signal_self(signal.SIGHUP)  # Raises nothing.

  def test_restores_former_handlers(self):
    former = signal.getsignal(signal.SIGINT)
    with stop_signals.StopSignals():
      self.assertNotEqual(signal.getsignal(signal.SIGINT), former)
    self.assertEqual(signal.getsignal(signal.SIGINT), former)

  def test_is_no_exception_that_libraries_handle(self):
    self.assertNotIsInstance(stop_signals.Stopped(signal.SIGINT), Exception)


# As `python -m programs.NAME` imports the package.
_IMPORT = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[0] = '-m'
import programs
"""
_IS_STOPPED_IN_AN_IMPORT = f'{_IMPORT}signal.raise_signal(signal.SIGINT)'
_IS_STOPPED_IN_MAIN = f"""
{_IMPORT}
from programs.command_line import runner
try:
  runner.run(lambda: signal.raise_signal(signal.SIGINT))
except KeyboardInterrupt:
  sys.exit(7)
"""


class StopWhileImportingTest(absltest.TestCase):
  def _run(self, program: str) -> tuple[int, str]:
    result = subprocess.run(
      [sys.executable, '-c', program],
      stderr=subprocess.PIPE,
      text=True,
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
    )
    return result.returncode, result.stderr

  def test_ends_with_one_line(self):
    self.assertEqual(
      self._run(_IS_STOPPED_IN_AN_IMPORT), (130, 'stopped by SIGINT.\n')
    )

  def test_is_over_when_the_program_runs(self):
    self.assertEqual(self._run(_IS_STOPPED_IN_MAIN), (7, ''))


if __name__ == '__main__':
  absltest.main()
