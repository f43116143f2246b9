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
"""Tests for context, on small computations of every form."""

import asyncio
import collections
import contextlib
import os
import signal
import threading

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import runtime
from tff_methods.runtime import in_process

_CLIENT_FLOATS = tff.FederatedType(np.float32, tff.CLIENTS)
_INTS = tff.SequenceType(np.int32)


@tff.tensorflow.computation(np.float32, np.float32)
def _add(x, y):
  return x + y


@tff.tensorflow.computation(np.int32, np.int32)
def _add_ints(x, y):
  return x + y


@tff.tensorflow.computation(np.int32)
def _double(x):
  return 2 * x


@tff.federated_computation(_CLIENT_FLOATS)
def _mean(values):
  return tff.federated_mean(values)


@tff.federated_computation(_CLIENT_FLOATS)
def _deviation(values):
  """In two phases: the second needs the first one's mean on clients."""
  mean = tff.federated_broadcast(tff.federated_mean(values))
  subtract = tff.tensorflow.computation(lambda x, y: x - y)
  differences = tff.federated_map(subtract, (values, mean))
  square = tff.tensorflow.computation(lambda x: x * x)
  return differences, tff.federated_mean(tff.federated_map(square, differences))


@tff.tensorflow.computation(tff.SequenceType(np.float32))
def _count_with_variables(numbers):
  """Counts in a variable, slowly enough for others to come between."""
  total = tf.Variable(0.0)

  def add(count, number):
    del number
    with tf.control_dependencies([total.assign_add(1.0)]):
      return count + 1

  with tf.control_dependencies([numbers.reduce(0, add)]):
    return total.read_value()


@tff.federated_computation(
  tff.FederatedType(tff.SequenceType(np.float32), tff.CLIENTS)
)
def _counts(data):
  return tff.federated_map(_count_with_variables, data)


@tff.tensorflow.computation(np.int32)
def _run_for_ever_from(i):
  return tf.while_loop(lambda i: i >= 0, lambda i: i % 1000, [i])[0]


@tff.tensorflow.computation(np.int32)
def _fail_or_run_for_ever(i):
  with tf.control_dependencies([tf.debugging.assert_positive(i, 'No. 7')]):
    return tf.while_loop(lambda i: i >= 0, lambda i: i % 1000, [i])[0]


@tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
def _fail_or_run_for_ever_at_clients(values):
  return tff.federated_sum(tff.federated_map(_fail_or_run_for_ever, values))


def _context(max_concurrent_clients=2):
  return runtime.create_in_process_context('cpu', max_concurrent_clients)


class _TestCase(parameterized.TestCase, tf.test.TestCase):
  def setUp(self):
    super().setUp()
    self.context = _context()
    self.enter_context(tff.framework.get_context_stack().install(self.context))


class InvokeTest(_TestCase):
  def test_runs_tensorflow(self):
    self.assertEqual(_add(1.0, 2.0), 3.0)
    self.assertIsInstance(_add(1.0, 2.0), np.float32)

  def test_runs_federated_computations_with_any_number_of_clients(self):
    self.assertEqual(_mean([1.0, 2.0, 6.0]), 3.0)
    self.assertEqual(_mean([4.0]), 4.0)

  def test_without_clients_a_sum_is_zero(self):
    total = tff.federated_computation(tff.federated_sum, _CLIENT_FLOATS)
    self.assertEqual(total([]), 0.0)
    count = tff.federated_computation(
      lambda: tff.federated_sum(tff.federated_value(1, tff.CLIENTS))
    )
    self.assertEqual(count(), 0)

  def test_later_phases_see_earlier_results_and_values_of_clients(self):
    differences, variance = _deviation([1.0, 2.0, 6.0])
    self.assertEqual(differences, [-2.0, -1.0, 3.0])
    self.assertAlmostEqual(variance, 14 / 3, places=5)

  def test_what_clients_have_can_be_returned_as_it_came(self):
    swap = tff.federated_computation(
      lambda x, y: (y, x),
      [_CLIENT_FLOATS, tff.FederatedType(np.int32, tff.SERVER)],
    )
    self.assertEqual(swap([1.0, 2.0], 5), (5, [1.0, 2.0]))

  def test_takes_and_returns_python_containers(self):
    Point = collections.namedtuple('Point', ['y', 'x'])

    @tff.tensorflow.computation(
      collections.OrderedDict(b=np.int32, a=[np.float32, np.str_])
    )
    def rearrange(value):
      return Point(value['a'], {'c': value['b']})

    found = rearrange(collections.OrderedDict(b=1, a=[2.0, 'x']))
    self.assertEqual(found, Point([2.0, b'x'], {'c': 1}))
    self.assertIsInstance(found, Point)

  def test_returns_what_the_cpp_runtime_returns(self):
    computations = [
      tff.tensorflow.computation(lambda: tf.constant('text')),
      tff.tensorflow.computation(lambda: tf.constant(['a', 'b'])),
      tff.tensorflow.computation(lambda: tf.constant(True)),
      tff.tensorflow.computation(lambda: tf.zeros([0, 3], tf.int64)),
      tff.tensorflow.computation(lambda: ()),
    ]
    found = [computation() for computation in computations]
    with tff.framework.get_context_stack().install(
      runtime.create_local_context()
    ):
      expected = [computation() for computation in computations]
    for x, y in zip(found, expected, strict=True):
      self.assertIs(type(x), type(y))
      self.assertEqual(np.asarray(x).tolist(), np.asarray(y).tolist())

  def test_sequences_come_and_go(self):
    batch = tff.tensorflow.computation(lambda x: x.batch(2), _INTS)
    found = batch(tf.data.Dataset.range(3, output_type=tf.int32))
    self.assertEqual([x.numpy().tolist() for x in found], [[0, 1], [2]])
    self.assertEqual([x.numpy().tolist() for x in batch([7])], [[7]])

  def test_sequences_are_mapped_reduced_and_summed(self):
    @tff.federated_computation(tff.FederatedType(_INTS, tff.CLIENTS))
    def reduce(data):
      doubled = tff.federated_map(
        tff.federated_computation(
          lambda x: tff.sequence_map(_double, x), _INTS
        ),
        data,
      )
      reduced = tff.federated_map(
        tff.federated_computation(
          lambda x: tff.sequence_reduce(x, 100, _add_ints), _INTS
        ),
        doubled,
      )
      summed = tff.federated_map(
        tff.federated_computation(tff.sequence_sum, _INTS), doubled
      )
      return reduced, summed

    self.assertEqual(
      reduce([[1, 2, 3], [], [4]]), ([112, 100, 108], [12, 0, 8])
    )

  def test_values_of_all_kinds_of_placement(self):
    @tff.federated_computation(tff.FederatedType(np.float32, tff.SERVER))
    def place(x):
      here = tff.federated_eval(
        tff.tensorflow.computation(lambda: 1.5), tff.SERVER
      )
      there = tff.federated_eval(
        tff.tensorflow.computation(lambda: 2.5), tff.CLIENTS
      )
      everywhere = tff.federated_broadcast(x)
      return (
        here,
        tff.federated_sum(there),
        everywhere,
        tff.federated_map(_add, (x, here)),
      )

    self.assertEqual(place(1.0), (1.5, 0.0, 1.0, 2.5))

  def test_aggregates_in_the_order_of_clients(self):
    append = tff.tensorflow.computation(
      lambda text, x: tf.strings.join([text, x]), (np.str_, np.str_)
    )
    identity = tff.tensorflow.computation(lambda x: x, np.str_)

    @tff.federated_computation(tff.FederatedType(np.str_, tff.CLIENTS))
    def join(values):
      return tff.federated_aggregate(values, '', append, append, identity)

    letters = [chr(97 + i % 26) for i in range(40)]
    self.assertEqual(join(letters), ''.join(letters).encode())

  def test_min_max_and_secure_sums(self):
    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def summarize(values):
      return (
        tff.federated_min(values),
        tff.federated_max(values),
        tff.federated_secure_sum_bitwidth(values, 8),
        tff.federated_secure_sum(values, 20),
      )

    self.assertEqual(summarize([3, 9, 4]), (3, 9, 16, 16))

  def test_functions_of_the_same_name_in_two_graphs_differ(self):
    def build(factor):
      def mapped(x):
        return x.map(lambda y: factor * y).reduce(0, lambda a, b: a + b)

      return tff.tensorflow.computation(mapped, _INTS)

    self.assertEqual([build(f)([1, 2]) for f in (1, 10)], [3, 30])

  def test_each_call_starts_with_fresh_variables(self):
    self.assertEqual(
      [_count_with_variables([1.0] * 3) for _ in range(2)], [3, 3]
    )

  def test_can_be_called_where_a_graph_is_built(self):
    with tf.Graph().as_default():
      self.assertEqual(_mean([1.0, 3.0]), 2.0)

  def test_imports_each_graph_once(self):
    _mean([1.0])
    with absltest.mock.patch.object(
      tf.compat.v1, 'wrap_function', side_effect=AssertionError
    ):
      self.assertEqual(_mean([1.0, 3.0]), 2.0)


class ConcurrencyTest(_TestCase):
  def _count(self):
    sizes = [2000 + i for i in range(8)]
    data = [tf.data.Dataset.range(n).map(lambda i: 1.0) for n in sizes]
    with tff.framework.get_context_stack().install(_context(4)):
      return _counts(data), sizes

  def test_clients_at_once_have_variables_of_their_own(self):
    found, sizes = self._count()
    self.assertEqual(found, sizes)


class StopTest(_TestCase):
  def test_an_error_is_raised_as_it_is(self):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, 'No. 7'):
      _fail_or_run_for_ever_at_clients([0, 0, 0])
    self.assertEqual(_mean([1.0, 3.0, 5.0]), 3.0)

  @parameterized.parameters(
    lambda: _run_for_ever_from(1),
    lambda: _fail_or_run_for_ever_at_clients([1, 1]),
  )
  def test_ctrl_c_ends_it(self, run_for_ever):
    timer = threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with self.assertRaises(KeyboardInterrupt):
      run_for_ever()
    timer.join()
    self.assertEqual(_mean([1.0, 3.0, 5.0]), 3.0)

  def test_wrong_arguments_raise(self):
    @tff.tensorflow.computation(tff.SequenceType(np.float32))
    def count(x):
      return x.reduce(0, lambda n, _: n + 1)

    with self.assertRaisesRegex(
      TypeError, r'^Expected a data set of type float32\*, found int64\*[^\n]*$'
    ):
      count(tf.data.Dataset.range(3))

  def test_unknown_devices_and_numbers_raise(self):
    for device in ('tpu', 'auto'):
      with self.assertRaisesRegex(ValueError, "'cpu' or 'gpu', found"):
        runtime.create_in_process_context(device)
    with self.assertRaisesRegex(ValueError, '1 or more, found 0'):
      _context(0)
    with self.assertRaisesRegex(ValueError, 'found none'):
      in_process.InProcessContext([], 1)
    with absltest.mock.patch.object(
      tf.config, 'list_logical_devices', return_value=[]
    ):
      with self.assertRaisesRegex(ValueError, 'Expected a GPU that Tensor'):
        runtime.create_in_process_context('gpu')


class AsyncTest(parameterized.TestCase, tf.test.TestCase):
  def _install(self):
    return tff.framework.get_context_stack().install(
      runtime.create_async_in_process_context('cpu', 2)
    )

  def test_two_at_once(self):
    async def run():
      return await asyncio.gather(_mean([1.0, 3.0]), _deviation([1.0, 3.0]))

    with self._install():
      self.assertEqual(asyncio.run(run()), [2.0, ([-1.0, 1.0], 1.0)])

  def test_ends_when_it_is_cancelled(self):
    async def run():
      with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_fail_or_run_for_ever_at_clients([1, 1]), 1)
      return await _mean([1.0, 3.0])

    with self._install():
      self.assertEqual(asyncio.run(run()), 2.0)


class MeterTest(_TestCase):
  def test_counts_by_intrinsic_and_direction(self):
    with self.context.count_bytes() as outer:
      with self.context.count_bytes() as inner:
        _deviation([1.0, 2.0, 6.0])
      _mean([1.0])
    _mean([1.0])
    self.assertEqual(inner.uplink, {'federated_mean': 2 * 3 * 4})
    self.assertEqual(inner.downlink, {'federated_broadcast': 3 * 4})
    self.assertEqual(outer.uplink, {'federated_mean': 2 * 3 * 4 + 4})

  def test_counts_strings_and_sequences_by_what_they_hold(self):
    @tff.federated_computation(
      tff.FederatedType(np.str_, tff.SERVER),
      tff.FederatedType(_INTS, tff.SERVER),
      _CLIENT_FLOATS,
    )
    def send(text, numbers, values):
      return (
        tff.federated_broadcast(text),
        tff.federated_broadcast(numbers),
        tff.federated_sum(values),
      )

    with self.context.count_bytes() as meter:
      send('abc', [1, 2], [0.0, 0.0])
    self.assertEqual(meter.downlink, {'federated_broadcast': 2 * (3 + 2 * 4)})

  def test_weighted_and_secure_sums_count_what_clients_send(self):
    @tff.federated_computation(
      tff.FederatedType(np.int32, tff.CLIENTS), _CLIENT_FLOATS
    )
    def send(ints, floats):
      return (
        tff.federated_mean(floats, floats),
        tff.federated_secure_sum_bitwidth(ints, 8),
      )

    with self.context.count_bytes() as meter:
      send([1, 2], [1.0, 2.0])
    self.assertEqual(
      meter.uplink,
      {'federated_weighted_mean': 16, 'federated_secure_sum_bitwidth': 8},
    )


if __name__ == '__main__':
  absltest.main()
