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
"""Tests for remote_context, with workers on this machine."""

import os
import signal
import threading
import time
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import grpc
import numpy as np
import portpicker
import psutil
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods.runtime import two_workers
from tff_methods.common import worker_addresses
from tff_methods.runtime import remote_context
from tff_methods.runtime import worker_pool
from tff_methods.runtime import workers

_FLOATS = tff.FederatedType(np.float32, tff.CLIENTS)


@tff.tensorflow.computation(np.float32)
def _slow_sine(x):
  """Takes about 0.1 s."""
  return tf.while_loop(
    lambda i, _: i < 10_000, lambda i, y: (i + 1, tf.sin(y + 1)), [0, x]
  )[1]


@tff.federated_computation(_FLOATS)
def _mean_of_sines(values):
  return tff.federated_mean(tff.federated_map(_slow_sine, values))


@tff.tensorflow.computation(np.float32)
def _add_one(x):
  return x + 1


@tff.federated_computation(_FLOATS)
def _add_one_and_count(values):
  one = tff.federated_value(1, tff.CLIENTS)
  return tff.federated_map(_add_one, values), tff.federated_sum(one)


@tff.tensorflow.computation
def _no_text():
  return tf.constant('')


@tff.tensorflow.computation(np.str_, np.str_)
def _append(x, y):
  return tf.strings.join([x, y])


@tff.federated_computation(tff.FederatedType(np.str_, tff.CLIENTS))
def _concatenate(texts):
  identity = tff.tensorflow.computation(lambda x: x, np.str_)
  return tff.federated_aggregate(texts, _no_text(), _append, _append, identity)


@tff.tensorflow.computation(np.float32, np.float32)
def _subtract(x, y):
  return x - y


@tff.federated_computation(_FLOATS)
def _deviation(values):
  mean = tff.federated_broadcast(tff.federated_mean(values))
  return tff.federated_mean(tff.federated_map(_subtract, (values, mean)))


@tff.tensorflow.computation(np.float32)
def _check_number(value):
  return tf.debugging.check_numerics(value, 'no number')


_VALUES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def _wait_until_busy(
  worker: workers.LocalWorker, timeout_seconds: float = 60
) -> bool:
  """Returns true if the worker begins to compute in time."""
  process = psutil.Process(worker.pid)
  start, deadline = process.cpu_times().user, time.monotonic() + timeout_seconds
  while process.cpu_times().user < start + 0.05:
    if time.monotonic() > deadline:
      return False
    time.sleep(0.005)
  return True


class RemoteContextTest(parameterized.TestCase):
  def _install(self, num_workers=2, **options):
    """Installs a context for this test; returns its workers."""
    started = two_workers.start_workers(num_workers)
    for worker in started:  # A worker ends with its object.
      self.addCleanup(worker.end)
    options = {'silence_seconds': 1.0, 'patience_seconds': 5.0} | options
    context = remote_context.create_remote_context(
      two_workers.addresses(started), **options
    )
    self.enter_context(tff.framework.get_context_stack().install(context))
    return started

  def _restart(self, worker: workers.LocalWorker) -> workers.LocalWorker:
    """Starts another worker on the same port."""
    with mock.patch.object(
      portpicker, 'pick_unused_port', return_value=worker.port
    ):
      again = workers.LocalWorker()
    self.addCleanup(again.end)
    return again

  @parameterized.parameters(1, 2, 3)
  def test_clients_and_results_stay_in_order(self, num_workers):
    self._install(num_workers)
    for num_clients in (1, 2, 5):
      values = [float(i) for i in range(num_clients)]
      results, count = _add_one_and_count(values)
      self.assertEqual(results, [x + 1 for x in values])
      self.assertEqual(count, num_clients)

  def test_no_clients(self):
    self._install()
    self.assertEqual(_concatenate([]), b'')

  def test_merges_in_the_order_of_clients(self):
    first, *_ = self._install(3, silence_seconds=30)
    texts = list('abcdefgh')
    # The first clients take longest.
    os.kill(first.pid, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, [first.pid, signal.SIGCONT]).start()
    self.assertEqual(_concatenate(texts), b'abcdefgh')

  def test_aggregates_do_not_return_to_a_worker(self):
    self._install()
    run = worker_pool.WorkerPool.run
    with mock.patch.object(
      worker_pool.WorkerPool, 'run', autospec=True, side_effect=run
    ) as calls:
      self.assertEqual(_concatenate(list('abc')), b'abc')
    # Two partitions before the merge, one call after it.
    sizes = [len(call.args[1]) for call in calls.call_args_list]
    self.assertEqual(sizes, [2, 1])

  def test_partitions_run_concurrently(self):
    first, second = self._install(silence_seconds=30)
    expected = _mean_of_sines(_VALUES)
    os.kill(first.pid, signal.SIGSTOP)
    were_busy = []

    def continue_when_second_is_busy():
      were_busy.append(_wait_until_busy(second, timeout_seconds=25))
      os.kill(first.pid, signal.SIGCONT)

    thread = threading.Thread(target=continue_when_second_is_busy)
    thread.start()
    self.assertEqual(_mean_of_sines(_VALUES), expected)
    thread.join()
    self.assertEqual(were_busy, [True])

  def test_computations_without_clients(self):
    self._install()
    self.assertEqual(_add_one(1.0), 2.0)

  def test_worker_dies_between_calls(self):
    first, second = self._install()
    expected = _mean_of_sines(_VALUES)
    first.end()
    with self.assertLogs(level='WARNING') as logs:
      self.assertEqual(_mean_of_sines(_VALUES), expected)
    self.assertRegex(
      logs.output[0], f'Continuing without worker localhost:{first.port}'
    )
    self.assertEqual(_mean_of_sines(_VALUES), expected)
    self.assertIsNone(second.exit_description())

  @parameterized.parameters(signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)
  def test_worker_dies_or_falls_silent_during_a_call(self, signum):
    _, second = self._install()
    expected = _mean_of_sines(_VALUES)
    _, before = _mean_of_sines(_VALUES), time.monotonic()

    def disturb():
      _wait_until_busy(second)
      os.kill(second.pid, signum)

    thread = threading.Thread(target=disturb)
    thread.start()
    with self.assertLogs(level='WARNING') as logs:
      self.assertEqual(_mean_of_sines(_VALUES), expected)
    thread.join()
    self.assertRegex(
      logs.output[0], f'Continuing without worker localhost:{second.port}'
    )
    self.assertLess(time.monotonic() - before, 60)

  def test_workers_that_return_are_used_again(self):
    first, second = self._install()
    expected = _mean_of_sines(_VALUES)
    second.end()
    self.assertEqual(_mean_of_sines(_VALUES), expected)
    second = self._restart(second)
    process = psutil.Process(second.pid)
    start = process.cpu_times().user
    deadline = time.monotonic() + 20
    while process.cpu_times().user < start + 0.1:
      self.assertLess(time.monotonic(), deadline)
      self.assertEqual(_mean_of_sines(_VALUES), expected)
    first.end()  # The other worker suffices.
    self.assertEqual(_mean_of_sines(_VALUES), expected)

  def test_workers_are_replaced_between_calls(self):
    first, second = self._install()
    expected = _mean_of_sines(_VALUES)
    for worker in (first, second):
      worker.end()
    for worker in (first, second):
      self._restart(worker)
    self.assertEqual(_mean_of_sines(_VALUES), expected)

  def test_all_workers_die(self):
    started = self._install(patience_seconds=1.0)
    self.assertEqual(_add_one(1.0), 2.0)
    for worker in started:
      worker.end()
    start = time.monotonic()
    with self.assertRaisesRegex(
      worker_pool.NoWorkersError,
      rf'within 1.0 seconds, found none from localhost:{started[0].port} \(.*'
      r'start `python -m programs.worker`',
    ):
      _mean_of_sines(_VALUES)
    self.assertLess(time.monotonic() - start, 5)
    self._restart(started[0])
    self.assertEqual(_add_one(2.0), 3.0)

  def test_no_worker_at_the_start(self):
    address = f'localhost:{portpicker.pick_unused_port()}'
    start = time.monotonic()
    with self.assertRaisesRegex(
      worker_pool.NoWorkersError, f'within 0.5 seconds, found none.*{address}'
    ):
      remote_context.create_remote_context([address], patience_seconds=0.5)
    self.assertLess(time.monotonic() - start, 3)

  def test_no_host_name_resolves(self):
    with mock.patch.object(
      worker_addresses, 'wait_for_resolution', side_effect=ValueError('found a')
    ) as wait:
      for patience_seconds, expected in ((0.5, 0.5), (60.0, 3.0)):
        with self.assertRaisesRegex(worker_pool.NoWorkersError, '^found a$'):
          remote_context.create_remote_context(
            ['a:1'], patience_seconds=patience_seconds
          )
        wait.assert_called_with(['a:1'], expected)

  def test_logs_no_continuation_without_any_worker(self):
    address = f'localhost:{portpicker.pick_unused_port()}'
    with self.assertNoLogs(level='WARNING'):
      with self.assertRaises(worker_pool.NoWorkersError):
        remote_context.create_remote_context([address], patience_seconds=0.5)

  def test_one_worker_missing_at_the_start(self):
    worker = workers.LocalWorker()
    missing = f'localhost:{portpicker.pick_unused_port()}'
    with mock.patch.object(worker_pool, '_START_SECONDS', 0.5):
      with self.assertLogs(level='WARNING') as logs:
        context = remote_context.create_remote_context(
          [missing, f'localhost:{worker.port}']
        )
    self.assertRegex(logs.output[0], f'Continuing without worker {missing}: ')
    with tff.framework.get_context_stack().install(context):
      self.assertEqual(_add_one_and_count([1.0, 2.0]), ([2.0, 3.0], 2))

  def test_errors_of_computations_are_raised_at_once(self):
    self._install()
    with self.assertRaisesRegex(grpc.RpcError, 'no number'):
      _check_number(np.nan)
    self.assertEqual(_add_one(1.0), 2.0)

  def test_dependent_aggregations(self):
    self._install()
    message = (
      'no aggregation depends on the result of another, found.*one aggregate '
      'dependent on another: run it without remote workers.$'
    )
    with self.assertRaisesRegex(ValueError, message):
      _deviation(_VALUES)
    with self.assertRaisesRegex(ValueError, message):
      remote_context.check_mergeable(_deviation)
    remote_context.check_mergeable(_mean_of_sines)
    remote_context.check_mergeable(_add_one)

  def test_dependent_aggregations_on_one_worker(self):
    self._install(1)
    self.assertAlmostEqual(_deviation([1.0, 2.0]), 0.0)

  @parameterized.parameters(
    ([], 'found none'),
    (['localhost'], "found 'localhost'"),
    (['localhost:0'], "found 'localhost:0'"),
    ([':10000'], "found ':10000'"),
    (['a:1', 'b:2', 'a:1'], 'found a:1,b:2,a:1: remove'),
  )
  def test_addresses(self, addresses, message):
    with self.assertRaisesRegex(ValueError, message):
      remote_context.create_remote_context(addresses)

  def test_sets_the_default(self):
    worker = workers.LocalWorker()
    remote_context.set_remote_context([f'localhost:{worker.port}'])
    with self.assertRaisesRegex(grpc.RpcError, 'no number'):
      _check_number(np.nan)
    worker.end()
    workers.end_workers()


if __name__ == '__main__':
  absltest.main()
