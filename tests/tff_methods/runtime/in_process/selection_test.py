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
"""Tests for selection."""

import collections
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import runtime
from tff_methods.runtime.in_process import graph_functions

_NUM_ROWS = 7
_TABLE = np.arange(_NUM_ROWS * 3, dtype=np.float32).reshape([_NUM_ROWS, 3])
_BIASES = -np.arange(_NUM_ROWS, dtype=np.float32)
_KEYS = [np.int32([1, 1, 6]), np.int32([0, 2, 3])]


def _gather(state, key):
  return tf.gather(state[0], key)


def _gather_struct(state, key):
  return collections.OrderedDict(
    bias=tf.gather(state[1], key),
    row=2.0 * tf.gather(state[0], key),
    z=(key,),
  )


def _not_vectorized(state, key):
  return state[0][key]  # A strided slice.


def _exponential(state, key):
  return tf.exp(tf.gather(state[0], key))


def _with_variable(state, key):
  total = tf.Variable(0.0)
  with tf.control_dependencies([total.assign_add(state[1][key])]):
    return total.read_value()


def _build(select_fn, num_keys=3):
  """Returns a computation of each client's slices, in one batch."""
  state_type = tff.to_type(
    [(np.float32, [_NUM_ROWS, 3]), (np.float32, [_NUM_ROWS])]
  )
  select = tff.tensorflow.computation(select_fn, (state_type, np.int32))

  @tff.tensorflow.computation(tff.SequenceType(select.type_signature.result))
  def batch(slices):
    return slices.batch(100)

  @tff.federated_computation(
    tff.FederatedType(state_type, tff.SERVER),
    tff.FederatedType(tff.TensorType(np.int32, [num_keys]), tff.CLIENTS),
  )
  def run(state, keys):
    slices = tff.federated_select(
      keys, tff.federated_value(_NUM_ROWS, tff.SERVER), state, select
    )
    return tff.federated_map(batch, slices)

  return run


def _collect(datasets):
  return [
    tf.nest.map_structure(lambda x: x.numpy(), list(dataset))
    for dataset in datasets
  ]


class SelectionExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def setUp(self):
    super().setUp()
    self.context = runtime.create_in_process_context('cpu', 2)
    self.enter_context(tff.framework.get_context_stack().install(self.context))
    self.calls = []
    call = graph_functions.GraphFunction.__call__

    def count(function, place, argument):
      self.calls.append(function)
      return call(function, place, argument)

    self.enter_context(
      mock.patch.object(graph_functions.GraphFunction, '__call__', count)
    )

  @parameterized.named_parameters(
    ('gather', _gather, False),
    ('struct', _gather_struct, False),
    ('not_vectorized', _not_vectorized, True),
    ('inexact', _exponential, True),
    ('with_variable', _with_variable, True),
  )
  def test_selects_the_slices_of_the_cpp_runtime(self, select_fn, is_loop):
    run = _build(select_fn)
    found = _collect(run([_TABLE, _BIASES], _KEYS))
    self.calls.clear()
    again = _collect(run([_TABLE, _BIASES], _KEYS))
    # Without the calls of `batch`.
    num_calls = len(self.calls) - len(_KEYS)
    self.assertEqual(num_calls, sum(map(len, _KEYS)) if is_loop else 0)
    with tff.framework.get_context_stack().install(
      runtime.create_local_context()
    ):
      expected = _collect(run([_TABLE, _BIASES], _KEYS))
    for x, y, z in zip(
      *map(tf.nest.flatten, (found, again, expected)), strict=True
    ):
      self.assertEqual(x.dtype, z.dtype)
      self.assertAllEqual(x, y)
      self.assertAllClose(x, z, rtol=1e-6)

  def test_selects_from_the_current_table(self):
    run = _build(_gather)
    first, second = (
      _collect(run([table, _BIASES], _KEYS)) for table in (_TABLE, 1 + _TABLE)
    )
    self.assertAllEqual(second[0][0], 1 + first[0][0])
    self.assertAllEqual(first[0][0], _TABLE[_KEYS[0]])

  def test_no_keys_select_no_slices(self):
    run = _build(_gather, num_keys=0)
    found = _collect(run([_TABLE, _BIASES], [np.zeros([0], np.int32)]))
    self.assertEqual(found, [[]])

  @parameterized.parameters(-1, _NUM_ROWS)
  def test_keys_out_of_range_raise(self, key):
    with self.assertRaisesRegex(
      ValueError, rf'^Expected keys in \[0, 7\), found {key}: [^\n]*$'
    ):
      _build(_gather)([_TABLE, _BIASES], [np.int32([0, key, 1])])

  def test_names_out_of_order_raise(self):
    def select(state, key):
      return collections.OrderedDict(b=state[1][key], a=state[1][key])

    with self.assertRaisesRegex(
      ValueError, r"^Expected slices [^\n]* found \['b', 'a'\]: [^\n]*$"
    ):
      _build(select)([_TABLE, _BIASES], _KEYS)

  def test_counts_keys_and_slices(self):
    with self.context.count_bytes() as meter:
      _build(_gather)([_TABLE, _BIASES], _KEYS)
    self.assertEqual(meter.uplink, {'federated_select': 2 * 3 * 4})
    self.assertEqual(meter.downlink, {'federated_select': 2 * 3 * 3 * 4})


if __name__ == '__main__':
  absltest.main()
