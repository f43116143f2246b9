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
"""Tests for context, with small computations of each kind."""

import asyncio
import collections
from concurrent import futures
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
  """Takes two phases: clients need the mean of the first in the second."""
  mean = tff.federated_broadcast(tff.federated_mean(values))
  subtract = tff.tensorflow.computation(lambda x, y: x - y)
  differences = tff.federated_map(subtract, (values, mean))
  square = tff.tensorflow.computation(lambda x: x * x)
  return differences, tff.federated_mean(tff.federated_map(square, differences))


@tff.tensorflow.computation(tff.SequenceType(np.float32))
def _count_with_variables(numbers):
  """Counts in a variable, slowly enough for concurrent calls to interfere."""
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
def _run_indefinitely_from(i):
  return tf.while_loop(lambda i: i >= 0, lambda i: i % 1000, [i])[0]


@tff.tensorflow.computation(np.int32)
def _fail_or_run_indefinitely(i):
  with tf.control_dependencies([tf.debugging.assert_positive(i, 'No. 7')]):
    return tf.while_loop(lambda i: i >= 0, lambda i: i % 1000, [i])[0]


@tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
def _fail_or_run_indefinitely_at_clients(values):
  return tff.federated_sum(tff.federated_map(_fail_or_run_indefinitely, values))


def _unoptimized():
  """Returns options without rewriting, which would copy a data set."""
  options = tf.data.Options()
  options.experimental_optimization.apply_default_optimizations = False
  return options


def _context(max_concurrent_clients=2):
  return runtime.create_in_process_context('cpu', max_concurrent_clients)


class _TestCase(parameterized.TestCase, tf.test.TestCase):
  def setUp(self):
    super().setUp()
    self.context = _context()
    self.enter_context(tff.framework.get_context_stack().install(self.context))


class InvokeExecutionTest(_TestCase):
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

  def test_later_phases_use_earlier_results_and_client_values(self):
    differences, variance = _deviation([1.0, 2.0, 6.0])
    self.assertEqual(differences, [-2.0, -1.0, 3.0])
    self.assertAlmostEqual(variance, 14 / 3, places=5)

  def test_returns_client_values_unchanged(self):
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

  def test_returns_the_same_python_types_as_the_cpp_runtime(self):
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

  def test_each_computation_reads_a_sequence_from_its_beginning(self):
    # As the C++ runtime does. Of six elements, each pass takes two others.
    def shuffle_and_take(elements):
      dataset = tf.data.Dataset.from_tensor_slices(elements)
      return dataset.shuffle(6, seed=3).take(2).with_options(_unoptimized())

    make_data = tff.tensorflow.computation(
      lambda i: shuffle_and_take(6 * i + tf.range(6)), np.int32
    )
    doubled = tff.tensorflow.computation(
      lambda x: x.map(lambda y: 2 * y), _INTS
    )
    read = tff.tensorflow.computation(
      lambda x: x.reduce(0, lambda total, y: 100 * total + y), _INTS
    )

    @tff.federated_computation(
      tff.FederatedType(_INTS, tff.CLIENTS),
      tff.FederatedType(np.int32, tff.CLIENTS),
    )
    def read_twice(given, numbers):
      made = tff.federated_map(make_data, numbers)
      return [
        tff.federated_map(read, data)
        for data in (given, given, made, made, tff.federated_map(doubled, made))
      ]

    given = [shuffle_and_take(np.arange(6, dtype=np.int32))]
    rounds = [read_twice(given, [5]) for _ in range(2)]
    with tff.framework.get_context_stack().install(
      runtime.create_local_context()
    ):
      expected = read_twice(given, [5])
    self.assertEqual(rounds, [expected, expected])
    self.assertEqual(expected[0], expected[1])
    self.assertEqual(expected[2], expected[3])

  def test_takes_and_returns_sequences(self):
    batch = tff.tensorflow.computation(lambda x: x.batch(2), _INTS)
    found = batch(tf.data.Dataset.range(3, output_type=tf.int32))
    self.assertEqual([x.numpy().tolist() for x in found], [[0, 1], [2]])
    self.assertEqual([x.numpy().tolist() for x in batch([7])], [[7]])

  def test_maps_reduces_and_sums_sequences(self):
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

  def test_values_at_all_placements(self):
    @tff.federated_computation(tff.FederatedType(np.float32, tff.SERVER))
    def place(x):
      at_server = tff.federated_eval(
        tff.tensorflow.computation(lambda: 1.5), tff.SERVER
      )
      at_clients = tff.federated_eval(
        tff.tensorflow.computation(lambda: 2.5), tff.CLIENTS
      )
      broadcast = tff.federated_broadcast(x)
      return (
        at_server,
        tff.federated_sum(at_clients),
        broadcast,
        tff.federated_map(_add, (x, at_server)),
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

  def test_isolates_library_functions_of_the_same_name(self):
    def build(factor):
      def mapped(x):
        return x.map(lambda y: factor * y).reduce(0, lambda a, b: a + b)

      return tff.tensorflow.computation(mapped, _INTS)

    self.assertEqual([build(f)([1, 2]) for f in (1, 10)], [3, 30])

  def test_each_call_starts_with_fresh_variables(self):
    self.assertEqual(
      [_count_with_variables([1.0] * 3) for _ in range(2)], [3, 3]
    )

  def test_can_be_called_while_a_graph_is_built(self):
    with tf.Graph().as_default():
      self.assertEqual(_mean([1.0, 3.0]), 2.0)

  def test_imports_each_graph_once(self):
    _mean([1.0])
    with absltest.mock.patch.object(
      tf.compat.v1, 'wrap_function', side_effect=AssertionError
    ):
      self.assertEqual(_mean([1.0, 3.0]), 2.0)


class ConcurrencyExecutionTest(_TestCase):
  def test_concurrent_clients_have_separate_variables(self):
    sizes = [2000 + i for i in range(8)]
    data = [tf.data.Dataset.range(n).map(lambda i: 1.0) for n in sizes]
    with tff.framework.get_context_stack().install(_context(4)):
      self.assertEqual(_counts(data), sizes)


class ErrorExecutionTest(_TestCase):
  def test_raises_errors_unchanged(self):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, 'No. 7'):
      _fail_or_run_indefinitely_at_clients([0, 0, 0])
    self.assertEqual(_mean([1.0, 3.0, 5.0]), 3.0)

  @parameterized.parameters(
    lambda: _run_indefinitely_from(1),
    lambda: _fail_or_run_indefinitely_at_clients([1, 1]),
  )
  def test_keyboard_interrupt_stops_a_call(self, run_indefinitely):
    timer = threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with self.assertRaises(KeyboardInterrupt):
      run_indefinitely()
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

  def test_empty_resources_raise(self):
    with self.assertRaisesRegex(ValueError, '1 or more, found 0: omit it'):
      in_process.InProcessContext(['/device:CPU:0'], 0)
    with self.assertRaisesRegex(ValueError, 'one device, found none: give'):
      in_process.InProcessContext([], 1)


class _FailingClients(list):
  """Client values, of which the last cannot be read."""

  def __init__(self, values, error):
    super().__init__(values)
    self._error = error

  def __getitem__(self, index):
    if index == len(self) - 1:
      raise self._error
    return super().__getitem__(index)


class _StoppedError(BaseException):
  """Like `KeyboardInterrupt`, no `Exception`."""


@tff.tensorflow.computation(np.float32)
def _check_number(x):
  return tf.debugging.check_numerics(x, 'no number')


@tff.federated_computation(_CLIENT_FLOATS)
def _sum_numbers(values):
  return tff.federated_sum(tff.federated_map(_check_number, values))


@tff.tensorflow.computation(tff.SequenceType(np.float32))
def _sum_sequence(data):
  return data.reduce(np.float32(0), lambda x, y: x + y)


@tff.federated_computation(
  tff.FederatedType(tff.SequenceType(np.float32), tff.CLIENTS)
)
def _sum_sequences(data):
  return tff.federated_sum(tff.federated_map(_sum_sequence, data))


@tff.federated_computation(
  tff.FederatedType(tff.TensorType(np.int32, [1]), tff.CLIENTS)
)
def _select(keys):
  select_fn = tff.tensorflow.computation(
    lambda table, key: tf.gather(table, key),
    tff.TensorType(np.float32, [3]),
    np.int32,
  )
  return tff.federated_select(
    keys,
    tff.federated_value(3, tff.SERVER),
    tff.federated_eval(
      tff.tensorflow.computation(lambda: tf.zeros([3])), tff.SERVER
    ),
    select_fn,
  )


def _broken_data() -> tf.data.Dataset:
  def fail(x):
    raise KeyError('No. 9')

  def call_python(x):
    return tf.ensure_shape(tf.numpy_function(fail, [x], tf.float32), [])

  return tf.data.Dataset.from_tensors(np.float32(1)).map(call_python)


class FirstErrorExecutionTest(_TestCase):
  """The cause is raised, not its effects on the others."""

  def _check(
    self, function, arg, max_concurrent_clients, error, message, num_calls=200
  ):
    if max_concurrent_clients == 1:
      num_calls = 2  # No client can be faster than the first error.
    with tff.framework.get_context_stack().install(
      _context(max_concurrent_clients)
    ):
      for _ in range(num_calls):
        with self.assertRaisesRegex(error, message):
          function(arg)

  @parameterized.product(max_concurrent_clients=[1, 2, 8])
  def test_not_a_number(self, max_concurrent_clients):
    for values in ([1.0, np.nan] + 6 * [1.0], 8 * [np.nan]):
      self._check(
        _sum_numbers,
        values,
        max_concurrent_clients,
        tf.errors.InvalidArgumentError,
        'no number',
      )

  @parameterized.product(
    max_concurrent_clients=[1, 2, 8],
    error=[
      KeyError('No. 9'),
      KeyboardInterrupt('No. 9'),
      StopIteration('No. 9'),
      _StoppedError('No. 9'),
    ],
  )
  def test_error_of_client_values(self, max_concurrent_clients, error):
    values = _FailingClients(8 * [1.0], error)
    self._check(
      _sum_numbers,
      values,
      max_concurrent_clients,
      type(error),
      'No. 9',
      num_calls=50,  # 200 with the four errors.
    )

  @parameterized.product(max_concurrent_clients=[1, 2, 8])
  def test_python_error_of_a_data_set(self, max_concurrent_clients):
    good = tf.data.Dataset.from_tensors(np.float32(1))
    self._check(
      _sum_sequences,
      [good, _broken_data(), good],
      max_concurrent_clients,
      tf.errors.UnknownError,
      "KeyError: 'No. 9'",
    )

  @parameterized.product(max_concurrent_clients=[1, 2, 8])
  def test_key_out_of_range(self, max_concurrent_clients):
    self._check(
      _select,
      [[0], [3], [1], [2]],
      max_concurrent_clients,
      ValueError,
      r'keys in \[0, 3\), found 3',
    )

  def test_error_keeps_its_own_cause(self):
    error = ValueError('No. 9')
    error.__cause__ = KeyError('first')
    with self.assertRaises(ValueError) as raised:
      _sum_numbers(_FailingClients(8 * [1.0], error))
    self.assertIs(raised.exception, error)
    self.assertIsInstance(error.__cause__, KeyError)
    self.assertIsNone(error.__context__)


class AsyncExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def _install(self):
    return tff.framework.get_context_stack().install(
      runtime.create_async_in_process_context('cpu', 2)
    )

  def test_runs_concurrent_calls(self):
    async def run():
      return await asyncio.gather(_mean([1.0, 3.0]), _deviation([1.0, 3.0]))

    with self._install():
      self.assertEqual(asyncio.run(run()), [2.0, ([-1.0, 1.0], 1.0)])

  @parameterized.parameters(StopIteration, futures.CancelledError, KeyError)
  def test_raises_any_error(self, error):
    async def run():
      await asyncio.wait_for(
        _sum_numbers(_FailingClients([1.0, 1.0], error('No. 9'))), 60
      )

    # Python raises `RuntimeError` for a `StopIteration` of a coroutine.
    expected = RuntimeError if error is StopIteration else error
    with self._install():
      with self.assertRaises(expected):
        asyncio.run(run())

  def test_cancellation_stops_a_call(self):
    async def run():
      with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_fail_or_run_indefinitely_at_clients([1, 1]), 1)
      return await _mean([1.0, 3.0])

    with self._install():
      self.assertEqual(asyncio.run(run()), 2.0)


class ByteCountExecutionTest(_TestCase):
  def test_counts_by_intrinsic_and_direction(self):
    with self.context.count_bytes() as outer:
      with self.context.count_bytes() as inner:
        _deviation([1.0, 2.0, 6.0])
      _mean([1.0])
    _mean([1.0])
    self.assertEqual(inner.uplink, {'federated_mean': 2 * 3 * 4})
    self.assertEqual(inner.downlink, {'federated_broadcast': 3 * 4})
    self.assertEqual(outer.uplink, {'federated_mean': 2 * 3 * 4 + 4})

  def test_counts_strings_and_sequences_by_content(self):
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

  def test_counts_weighted_and_secure_sums_by_client_values(self):
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
