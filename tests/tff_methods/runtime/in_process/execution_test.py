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
"""Tests for execution: who works when, and where."""

import collections
import threading
import time

from absl.testing import absltest
import tensorflow as tf

from tff_methods.runtime.in_process import execution


class ClientWorkersTest(absltest.TestCase):
  def test_as_many_clients_at_once_as_allowed(self):
    together = threading.Barrier(3)
    workers = execution.ClientWorkers(['a'], 3)

    def run(index, device):
      del device
      together.wait(timeout=30)
      return index

    found = list(workers.run_in_order(run, 6, execution.Stop()))
    self.assertEqual(found, list(range(6)))

  def test_no_more_clients_at_once_than_allowed(self):
    at_work, most = set(), []

    def run(index, device):
      del device
      at_work.add(index)
      most.append(len(at_work))
      time.sleep(0.01)
      at_work.remove(index)

    workers = execution.ClientWorkers(['a'], 2)
    list(workers.run_in_order(run, 20, execution.Stop()))
    self.assertLessEqual(max(most), 2)

  def test_clients_are_spread_over_devices(self):
    workers = execution.ClientWorkers(['a', 'b'], 4)
    together = threading.Barrier(4)

    def run(index, device):
      del index
      together.wait(timeout=30)
      return device

    found = collections.Counter(workers.run_in_order(run, 8, execution.Stop()))
    self.assertEqual(found, {'a': 4, 'b': 4})

  def test_few_results_wait_for_a_slow_client(self):
    goes_on = threading.Event()
    started = []

    def run(index, device):
      del device
      started.append(index)
      if index == 0:
        goes_on.wait(timeout=30)
      return index

    workers = execution.ClientWorkers(['a'], 2)
    results = workers.run_in_order(run, 50, execution.Stop())
    threading.Timer(1, goes_on.set).start()
    self.assertEqual(next(results), 0)
    self.assertLessEqual(len(started), 2 * 2 + 1)
    self.assertEqual(list(results), list(range(1, 50)))

  def test_the_first_error_counts_and_no_client_starts_after_it(self):
    started = []

    def run(index, device):
      del device
      started.append(index)
      raise ValueError(f'No. {index}')

    workers = execution.ClientWorkers(['a'], 1)
    with self.assertRaisesRegex(ValueError, 'No. 0'):
      list(workers.run_in_order(run, 50, execution.Stop()))
    time.sleep(0.1)
    self.assertEqual(started, [0])

  def test_an_error_stops_what_tensorflow_runs_for_others(self):
    is_running = threading.Event()

    @tf.function
    def run_for_ever(i):
      return tf.while_loop(lambda i: i >= 0, lambda i: i % 1000, [i])[0]

    run_for_ever = run_for_ever.get_concrete_function(tf.constant(1))

    def run(index, device):
      del device
      if index == 0:
        is_running.set()
        return run_for_ever(tf.constant(1))
      is_running.wait(timeout=30)
      raise ValueError(f'No. {index}')

    workers = execution.ClientWorkers(['a'], 2)
    with self.assertRaisesRegex(ValueError, 'No. 1'):
      list(workers.run_in_order(run, 2, execution.Stop()))
    # Both threads are free again.
    together = threading.Barrier(2)
    list(
      workers.run_in_order(
        lambda *_: together.wait(timeout=30), 2, execution.Stop()
      )
    )


if __name__ == '__main__':
  absltest.main()
