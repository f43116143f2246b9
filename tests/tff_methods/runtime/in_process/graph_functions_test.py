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
"""Tests for graph_functions."""

import gc
import weakref

from absl.testing import absltest
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime.in_process import graph_functions
from tff_methods.runtime.in_process import values

_PLACE = values.Place('/device:CPU:0', values.Call(num_clients=0))


def _proto(function, *types):
  computation = tff.tensorflow.computation(function, *types)
  return tff.framework.ConcreteComputation.get_proto(computation)


def _count_in_variable(number):
  total = tf.Variable(0)
  with tf.control_dependencies([total.assign_add(number)]):
    return total.read_value(), number


def _build_add(number):
  return graph_functions.graph_function(_proto(lambda x: x + number, np.int32))


class GraphFunctionExecutionTest(absltest.TestCase):
  def test_equal_graphs_share_a_function_while_referenced(self):
    first, second, other = map(_build_add, (1, 1, 2))
    self.assertIs(first, second)
    self.assertIsNot(first, other)
    reference = weakref.ref(first)
    del first, second
    gc.collect()
    self.assertIsNone(reference())

  def test_concurrent_calls_have_separate_variables(self):
    function = graph_functions.GraphFunction(
      _proto(_count_in_variable, np.int32).tensorflow
    )
    self.assertTrue(function.is_stateful)
    with function._instances.borrow('a') as first:
      with function._instances.borrow('a') as second:
        self.assertIsNot(first, second)
        # Their variables are separate, too.
        first(tf.constant(5))
        self.assertEqual(second(tf.constant(1))[0], 1)
    with function._instances.borrow('a') as again:
      self.assertIn(again, (first, second))
    with function._instances.borrow('b') as on_other_device:
      self.assertNotIn(on_other_device, (first, second))

  def test_a_graph_without_state_is_imported_once(self):
    function = graph_functions.GraphFunction(
      _proto(lambda x: x + 1, np.int32).tensorflow
    )
    self.assertFalse(function.is_stateful)
    with function._instances.borrow('a') as first:
      with function._instances.borrow('b') as second:
        self.assertIs(first, second)

  def test_an_instance_is_discarded_after_an_error(self):
    function = graph_functions.GraphFunction(
      _proto(_count_in_variable, np.int32).tensorflow
    )
    with self.assertRaises(ZeroDivisionError):
      with function._instances.borrow('a') as first:
        raise ZeroDivisionError
    with function._instances.borrow('a') as second:
      self.assertIsNot(first, second)

  def test_takes_and_returns_nested_values(self):
    function = graph_functions.graph_function(
      _proto(
        lambda x: ((x['a'], ()), [x['b'][0] + 1, x['a']]),
        [('a', np.int32), ('b', [np.int32])],
      )
    )
    (first, nothing), (second, third) = function(
      _PLACE, (tf.constant(3), (tf.constant(4),))
    )
    self.assertEqual((first, nothing, second, third), (3, (), 5, 3))

  def test_hash_tables_are_initialized(self):
    def look_up(key):
      table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(['a', 'b'], [10, 20]), -1
      )
      return table.lookup(key)

    function = graph_functions.graph_function(_proto(look_up, np.str_))
    for key, value in (('b', 20), ('c', -1)):
      self.assertEqual(function(_PLACE, tf.constant(key)), value)

  def test_functions_of_data_sets_are_not_optimized(self):
    def scale(x):
      dataset = tf.data.Dataset.from_tensors(x)
      return dataset.map(lambda y: y * 0.1 * 0.3).get_single_element()

    x = np.linspace(1, 2, 100, dtype=np.float32)
    function = graph_functions.graph_function(
      _proto(scale, tff.TensorType(np.float32, [100]))
    )
    found = function(_PLACE, tf.constant(x)).numpy()
    merged = x * (np.float32(0.1) * np.float32(0.3))
    np.testing.assert_array_equal(found, x * np.float32(0.1) * np.float32(0.3))
    self.assertFalse(np.array_equal(found, merged))

  def test_other_technologies_raise(self):
    computation = tff.jax.computation(lambda x: x, np.int32)
    with self.assertRaisesRegex(
      ValueError, "^Expected computations of TensorFlow, found one of 'xla'"
    ):
      graph_functions.graph_function(
        tff.framework.ConcreteComputation.get_proto(computation)
      )


if __name__ == '__main__':
  absltest.main()
