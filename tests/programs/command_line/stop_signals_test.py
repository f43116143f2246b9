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

import asyncio
import os
import signal
import threading

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


class StopSignalsInCoroutinesTest(absltest.TestCase):
  """Signals while a coroutine waits, which the event loop must survive."""

  def _signal_soon(self, signum: int = signal.SIGTERM) -> None:
    """Sends a signal once the event loop waits."""
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signum))
    timer.start()
    self.addCleanup(timer.join)

  def test_awaiting_ends_at_once_and_the_coroutine_continues(self):
    async def wait():
      with stop_signals.StopSignals() as stop:
        try:
          with stop.interruptible():
            self._signal_soon()
            await asyncio.sleep(60)
        except stop_signals.Stopped as e:
          await asyncio.sleep(0)  # It is no longer cancelled.
          return e.exit_code

    self.assertEqual(asyncio.run(wait()), 143)

  def test_running_code_raises(self):
    async def run():
      with stop_signals.StopSignals() as stop, stop.interruptible():
        await asyncio.sleep(0)
        _signal_self(signal.SIGINT)
        self.fail('Expected to be stopped before.')

    with self.assertRaises(stop_signals.Stopped):
      asyncio.run(run())

  def test_signal_in_another_coroutine_stops_the_one_that_awaits_it(self):
    async def signal_and_return():
      _signal_self(signal.SIGTERM)
      await asyncio.sleep(60)

    async def run():
      with stop_signals.StopSignals() as stop, stop.interruptible():
        await asyncio.create_task(signal_and_return())

    with self.assertRaises(stop_signals.Stopped):
      asyncio.run(run())

  def test_waits_where_it_is_not_interruptible(self):
    ends = []

    async def run():
      with stop_signals.StopSignals() as stop:
        with stop.interruptible():
          await asyncio.sleep(0)
        self._signal_soon()
        await asyncio.sleep(0.5)
        ends.append('written')
        with stop.interruptible():
          self.fail('Expected to be stopped before.')

    with self.assertRaises(stop_signals.Stopped):
      asyncio.run(run())
    self.assertEqual(ends, ['written'])

  def test_signal_at_the_end_of_an_await_waits(self):
    async def run():
      with stop_signals.StopSignals() as stop:
        task = asyncio.current_task()
        with stop.interruptible():
          handled = asyncio.Event()

          def finish_and_signal():
            handled.set()  # The coroutine will continue, and then
            _signal_self(signal.SIGTERM)  # its cancellation comes.

          asyncio.get_running_loop().call_soon(finish_and_signal)
          try:
            await handled.wait()
          except asyncio.CancelledError:
            self.fail('Expected the result before.')
        await asyncio.sleep(0.1)
        self.assertEqual(task.cancelling(), 0)
        with stop.interruptible():
          self.fail('Expected to be stopped before.')

    with self.assertRaises(stop_signals.Stopped):
      asyncio.run(run())

  def test_other_cancellations_are_not_ours(self):
    async def run():
      with stop_signals.StopSignals() as stop, stop.interruptible():
        asyncio.current_task().cancel()
        await asyncio.sleep(60)

    with self.assertRaises(asyncio.CancelledError):
      asyncio.run(run())


if __name__ == '__main__':
  absltest.main()
