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
"""Tests for execution."""

import collections
from concurrent import futures
import threading
import time
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow as tf

from tff_methods.runtime.in_process import execution
from tff_methods.runtime.in_process import plans
from tff_methods.runtime.in_process import values


class ClientWorkersExecutionTest(absltest.TestCase):
  def test_reaches_the_maximal_concurrency(self):
    together = threading.Barrier(3)
    workers = execution.ClientWorkers(['a'], 3)

    def run(index, device):
      del device
      together.wait(timeout=30)
      return index

    found = list(workers.run_in_order(run, 6, execution.Cancellation()))
    self.assertEqual(found, list(range(6)))

  def test_does_not_exceed_the_maximal_concurrency(self):
    running, num_running = set(), []

    def run(index, device):
      del device
      running.add(index)
      num_running.append(len(running))
      time.sleep(0.01)
      running.remove(index)

    workers = execution.ClientWorkers(['a'], 2)
    list(workers.run_in_order(run, 20, execution.Cancellation()))
    self.assertLessEqual(max(num_running), 2)

  def test_clients_are_spread_over_devices(self):
    workers = execution.ClientWorkers(['a', 'b'], 4)
    together = threading.Barrier(4)

    def run(index, device):
      del index
      together.wait(timeout=30)
      return device

    found = collections.Counter(
      workers.run_in_order(run, 8, execution.Cancellation())
    )
    self.assertEqual(found, {'a': 4, 'b': 4})

  def test_bounds_pending_results_behind_a_slow_client(self):
    is_released = threading.Event()
    started = []

    def run(index, device):
      del device
      started.append(index)
      if index == 0:
        is_released.wait(timeout=30)
      return index

    workers = execution.ClientWorkers(['a'], 2)
    results = workers.run_in_order(run, 50, execution.Cancellation())
    threading.Timer(1, is_released.set).start()
    self.assertEqual(next(results), 0)
    self.assertLessEqual(len(started), 2 * 2 + 1)
    self.assertEqual(list(results), list(range(1, 50)))

  def test_raises_the_first_error_and_starts_no_client_after_it(self):
    started = []

    def run(index, device):
      del device
      started.append(index)
      raise ValueError(f'No. {index}')

    workers = execution.ClientWorkers(['a'], 1)
    with self.assertRaisesRegex(ValueError, 'No. 0'):
      list(workers.run_in_order(run, 50, execution.Cancellation()))
    time.sleep(0.1)
    self.assertEqual(started, [0])

  def test_an_error_interrupts_tensorflow_in_other_threads(self):
    is_running = threading.Event()

    @tf.function
    def run_indefinitely(i):
      return tf.while_loop(lambda i: i >= 0, lambda i: i % 1000, [i])[0]

    run_indefinitely = run_indefinitely.get_concrete_function(tf.constant(1))

    def run(index, device):
      del device
      if index == 0:
        is_running.set()
        return run_indefinitely(tf.constant(1))
      is_running.wait(timeout=30)
      raise ValueError(f'No. {index}')

    workers = execution.ClientWorkers(['a'], 2)
    with self.assertRaisesRegex(ValueError, 'No. 1'):
      list(workers.run_in_order(run, 2, execution.Cancellation()))
    # Both threads are free again.
    together = threading.Barrier(2)
    list(
      workers.run_in_order(
        lambda *_: together.wait(timeout=30), 2, execution.Cancellation()
      )
    )


class CancellationExecutionTest(absltest.TestCase):
  def test_cancels_its_own_call_alone(self):
    @tf.function
    def count(i):
      return tf.while_loop(lambda i: i < 10**9, lambda i: i + 1, [i])[0]

    count = count.get_concrete_function(tf.constant(1))
    is_running = threading.Barrier(3)

    def run():
      is_running.wait(timeout=30)
      return count(tf.constant(1))

    cancellations = [execution.Cancellation() for _ in range(2)]
    with futures.ThreadPoolExecutor(2) as threads:
      calls = [threads.submit(c.run, run) for c in cancellations]
      is_running.wait(timeout=30)
      time.sleep(0.2)
      for cancellation, call in zip(cancellations, calls, strict=True):
        self.assertFalse(call.done())
        cancellation.cancel(ValueError('cause'))
        with self.assertRaisesRegex(ValueError, 'cause'):
          call.result(timeout=30)

  def test_failure_does_not_cancel_later_calls_in_its_thread(self):
    @tf.function
    def check(x):
      return tf.debugging.check_numerics(x, 'no number')

    with self.assertRaises(tf.errors.InvalidArgumentError):
      execution.Cancellation().run(check, tf.constant(float('nan')))
    self.assertEqual(check(tf.constant(1.0)), 1.0)

  def test_starts_nothing_once_cancelled(self):
    cancellation = execution.Cancellation()
    cancellation.cancel(KeyError('first'))
    cancellation.cancel(KeyError('second'))
    with self.assertRaises(execution.InterruptedPartError):
      cancellation.run_part(self.fail)
    with self.assertRaisesRegex(KeyError, 'first'):
      cancellation.run(self.fail)


def _value_of(name):
  return lambda scope, place: scope[name]


def _function(function):
  """Returns the expression of a function of one argument."""
  return lambda scope, place: lambda place, argument: function(argument)


# Aliases of one device, as tests have no more.
_DEVICES = ['/device:CPU:0', '/cpu:0']
_LETTERS = values.ClientValues(list('abcde'))
# Joins the clients' letters, in upper case and with the server's prefix.
_JOIN = plans.Fold(
  'joined',
  value=lambda scope, place: scope['upper'],
  zero=_value_of('prefix'),
  accumulate=_function(''.join),
  report=_function(lambda text: f'<{text}>'),
)
_PREFIX = plans.Step('prefix', lambda scope, place: f'{scope["arg"][0]}:')
_UPPER = plans.Step('upper', lambda scope, place: scope['arg'][1].upper())


def _run(phases, result, meters=(), max_concurrent_clients=2):
  plan = plans.Plan('arg', None, phases, result)
  return execution.run_plan(
    plan,
    ('p', _LETTERS),
    values.Call(len(_LETTERS.values), meters),
    execution.ClientWorkers(_DEVICES, max_concurrent_clients),
    execution.Cancellation(),
  )


class RunPlanExecutionTest(parameterized.TestCase):
  """Runs plans whose expressions are Python functions."""

  @parameterized.parameters(1, 2, 7)
  def test_folds_in_the_order_of_clients(self, max_concurrent_clients):
    phase = plans.Phase(
      [_PREFIX],
      client_steps=[_UPPER],
      folds=[_JOIN],
      referenced=frozenset(['arg', 'upper']),
    )
    found = _run(
      [phase],
      _value_of('joined'),
      max_concurrent_clients=max_concurrent_clients,
    )
    self.assertEqual(found, '<p:ABCDE>')

  def test_retains_client_values_for_later_phases(self):
    first = plans.Phase(
      client_steps=[_UPPER],
      referenced=frozenset(['arg']),
      retained=frozenset(['upper']),
    )
    second = plans.Phase(
      [_PREFIX],
      folds=[_JOIN],
      referenced=frozenset(['upper', 'prefix']),
    )
    found = _run(
      [first, second], lambda scope, place: (scope['joined'], scope['upper'])
    )
    self.assertEqual(found, ('<p:ABCDE>', values.ClientValues(list('ABCDE'))))

  def test_common_steps_run_once_for_all_clients(self):
    places = []

    def count(scope, place):
      places.append(place)
      return f'{scope["prefix"]}{len(places)}'

    phase = plans.Phase(
      [_PREFIX],
      common_steps=[plans.Step('prefix', count)],
      client_steps=[_UPPER],
      folds=[_JOIN],
      referenced=frozenset(['arg', 'prefix', 'upper']),
    )
    found = _run([phase], _value_of('joined'), max_concurrent_clients=1)
    self.assertLen(places, 1)
    self.assertIn('ABCDE', found)

  def test_phases_without_client_work_visit_no_clients(self):
    with mock.patch.object(
      execution.ClientWorkers, 'run_in_order', side_effect=AssertionError
    ):
      found = _run([plans.Phase([_PREFIX])], _value_of('prefix'))
    self.assertEqual(found, 'p:')

  def test_places_the_server_on_the_first_device(self):
    places = []
    step = plans.Step('place', lambda scope, place: places.append(place))
    phase = plans.Phase(
      [step], client_steps=[step], retained=frozenset(['place'])
    )
    _run([phase], _value_of('place'), meters=['meter'])
    server, *clients = places
    self.assertEqual(server.device, _DEVICES[0])
    self.assertLen(clients, len(_LETTERS.values))
    for place in places:
      self.assertEqual(place.call.meters, ['meter'])


if __name__ == '__main__':
  absltest.main()
