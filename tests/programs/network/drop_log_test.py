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
"""Tests for drop_log."""

import asyncio
import contextlib
import io
import unittest

from absl.testing import absltest

from programs.network import drop_log


class DropLogTest(unittest.IsolatedAsyncioTestCase):
  def setUp(self):
    super().setUp()
    self._stderr = io.StringIO()
    self.enterContext(contextlib.redirect_stderr(self._stderr))

  def _lines(self) -> list[str]:
    return self._stderr.getvalue().splitlines()

  async def _wait_for_lines(self, count: int) -> None:
    async with asyncio.timeout(10):
      while len(self._lines()) < count:
        await asyncio.sleep(0.01)

  async def test_counts_a_burst_in_one_line(self):
    log = drop_log.DropLog(first_seconds=0.05)
    for i in range(1000):
      log.add(f'reason {i}')
    self.assertEqual(self._lines(), [])
    await self._wait_for_lines(1)
    self.assertEqual(
      self._lines(),
      [
        'worker: dropped 1000 connections without a valid certificate; the '
        'last one: reason 999.'
      ],
    )

  async def test_prints_one_line_in_each_interval(self):
    log = drop_log.DropLog(first_seconds=0.01, seconds_between_lines=0.5)
    start = asyncio.get_running_loop().time()
    log.add('first')
    await self._wait_for_lines(1)
    for _ in range(10):
      log.add('later')
      await asyncio.sleep(0.02)
    self.assertEqual(len(self._lines()), 1)
    await self._wait_for_lines(2)
    self.assertGreaterEqual(asyncio.get_running_loop().time() - start, 0.5)
    self.assertIn('dropped 1 connection without', self._lines()[0])
    self.assertIn('dropped 10 connections', self._lines()[1])

  async def test_prints_nothing_without_drops(self):
    log = drop_log.DropLog(first_seconds=0)
    await asyncio.sleep(0.05)
    log.close()
    self.assertEqual(self._lines(), [])

  async def test_end_prints_the_remaining_drops_once(self):
    log = drop_log.DropLog(first_seconds=0.05)
    log.add('last')
    log.close()
    await asyncio.sleep(0.1)
    self.assertEqual(len(self._lines()), 1)


if __name__ == '__main__':
  absltest.main()
