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
"""Tests for worker_pool, with fake workers in this process."""

import collections
from collections.abc import Callable
import threading
import time
from typing import Any
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from tff_methods.runtime import connections
from tff_methods.runtime import worker_pool


class _FakeConnection:
  """Connection that calls `comp`, a Python function, with the worker."""

  def __init__(self, worker: '_FakeWorker'):
    self.is_lost = False
    self._worker = worker

  def invoke(self, comp: Callable[..., Any], arg: Any) -> Any:
    self._worker.log.append(arg)
    return comp(self._worker, arg)


class _FakeWorker:
  """`RemoteWorker` that connects at the next poll while `is_alive`."""

  def __init__(self, address, connect, credentials, silence_seconds):
    del connect, credentials, silence_seconds
    self.address = address
    self.problem = 'connection refused'
    self.is_alive = True
    self.is_reported_missing = False
    self.connection = None
    self.log = []
    self.num_disconnects = 0

  def poll(self):
    if self.is_alive and self.connection is None:
      self.connection = _FakeConnection(self)
      self.is_reported_missing = False

  def mark_lost(self, connection, problem):
    if connection is self.connection:
      self.problem = problem
      self.disconnect()
      self.report_missing()

  def report_missing(self):
    self.is_reported_missing = True

  def disconnect(self):
    self.num_disconnects += 1
    self.connection = None


def _address(worker, arg):
  """Computation that returns the address of its worker."""
  return worker.address, arg


def _die_on(*addresses, stay_alive=False):
  """Returns a computation that kills the workers at some addresses."""

  def comp(worker, arg):
    if worker.address in addresses:
      worker.is_alive = stay_alive
      raise connections.WorkerLostError('crashed')
    return worker.address, arg

  return comp


class WorkerPoolTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    for module, name, value in (
      (worker_pool.remote_worker, 'RemoteWorker', _FakeWorker),
      (worker_pool.connections, 'build_compiler', lambda: lambda comp: comp),
      (worker_pool, '_RECONNECT_SECONDS', 0.1),
      (worker_pool, '_POLL_SECONDS', 0.001),
    ):
      self.enter_context(mock.patch.object(module, name, value))

  def _create(self, addresses='abc', **options) -> worker_pool.WorkerPool:
    options = {'silence_seconds': 1, 'patience_seconds': 0.2} | options
    return worker_pool.WorkerPool(list(addresses), None, **options)

  def _run(self, pool, comp, args):
    return pool.run([worker_pool.Call(comp, arg) for arg in args])

  def test_assigns_calls_to_workers_in_turn(self):
    pool = self._create()
    for _ in range(2):
      self.assertEqual(
        self._run(pool, _address, range(5)),
        [('a', 0), ('b', 1), ('c', 2), ('a', 3), ('b', 4)],
      )
    self.assertEqual(pool._workers[0].log, [0, 3, 0, 3])
    self.assertEqual(self._run(pool, _address, []), [])

  def test_workers_run_concurrently_and_a_worker_in_sequence(self):
    together = threading.Barrier(2)
    running = collections.Counter()

    def comp(worker, arg):
      running[worker.address] += 1
      self.assertEqual(running[worker.address], 1)
      if arg < 2:
        together.wait(timeout=30)
      time.sleep(0.01)
      running[worker.address] -= 1
      return arg

    self.assertEqual(self._run(self._create('ab'), comp, range(6)), [*range(6)])

  @parameterized.parameters('a', 'b', 'ac')
  def test_calls_of_a_lost_worker_run_on_the_others(self, dead):
    pool = self._create()
    found = self._run(pool, _die_on(*dead), range(5))
    self.assertEqual([arg for _, arg in found], list(range(5)))
    self.assertNoCommonElements([address for address, _ in found], dead)
    for worker in pool._workers:
      self.assertEqual(worker.is_reported_missing, worker.address in dead)

  def test_workers_that_return_are_used_again(self):
    pool = self._create('ab')
    self._run(pool, _die_on('b'), range(2))
    self.assertEqual(self._run(pool, _address, [7, 8]), [('a', 7), ('a', 8)])
    pool._workers[1].is_alive = True
    self.assertEqual(self._run(pool, _address, [7, 8]), [('a', 7), ('b', 8)])

  def test_connections_that_broke_between_calls_are_renewed(self):
    pool = self._create('ab')
    before = [worker.connection for worker in pool._workers]
    before[1].is_lost = True
    self.assertEqual(self._run(pool, _address, [7, 8]), [('a', 7), ('b', 8)])
    self.assertIs(pool._workers[0].connection, before[0])
    self.assertIsNot(pool._workers[1].connection, before[1])
    self.assertFalse(pool._workers[1].is_reported_missing)

  def test_a_call_that_loses_each_worker_raises(self):
    pool = self._create()
    with self.assertRaisesRegex(
      RuntimeError, '^Expected a worker to survive.* 4 runs of it .*: see the'
    ):
      self._run(pool, _die_on(*'abc', stay_alive=True), [0])
    self.assertEqual(sum(len(w.log) for w in pool._workers), 4)

  def test_errors_of_computations_end_the_other_calls(self):
    pool = self._create('ab')
    is_running, is_released = threading.Event(), threading.Event()
    self.addCleanup(is_released.set)

    def comp(worker, arg):
      if worker.address == 'a':
        is_running.set()
        is_released.wait(timeout=30)
        return arg
      is_running.wait(timeout=30)
      raise ZeroDivisionError

    with self.assertRaises(ZeroDivisionError):
      self._run(pool, comp, range(2))
    first, second = pool._workers
    self.assertEqual((first.num_disconnects, second.num_disconnects), (1, 0))

  def test_start_waits_for_the_last_workers_only_so_long(self):
    class OneDead(_FakeWorker):
      def poll(self):
        self.is_alive = self.address != 'b'
        super().poll()

    start = time.monotonic()
    with (
      mock.patch.object(worker_pool.remote_worker, 'RemoteWorker', OneDead),
      mock.patch.object(worker_pool, '_START_SECONDS', 0.2),
    ):
      pool = self._create(patience_seconds=30)
    self.assertBetween(time.monotonic() - start, 0.2, 10)
    self.assertTrue(pool._workers[1].is_reported_missing)
    self.assertEqual(self._run(pool, _address, [7, 8]), [('a', 7), ('c', 8)])

  def test_no_workers_raise(self):
    pool = self._create('ab')
    for worker in pool._workers:
      worker.is_alive = False
      worker.disconnect()
    with self.assertRaisesRegex(
      worker_pool.NoWorkersError,
      r'within 0.2 seconds, found none from a \(connection refused\), b \(',
    ):
      self._run(pool, _address, [7])


if __name__ == '__main__':
  absltest.main()
