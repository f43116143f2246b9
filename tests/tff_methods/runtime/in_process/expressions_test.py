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
"""Tests for expressions, with building blocks made by hand."""

from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from tff_methods.runtime.in_process import expressions
from tff_methods.runtime.in_process import values
from tff_methods.runtime.in_process import wire_meter

_INT = tff.TensorType(np.int32)
_CALL = values.Call(num_clients=3)
_PLACE = values.Place('/device:CPU:0', _CALL)
_X = tff.framework.Reference('x', _INT)


@tff.tensorflow.computation(np.int32, np.int32)
def _subtract(x, y):
  return x - y


def _graph_block(comp):
  return comp.to_building_block()


def _evaluate(block, place=_PLACE, **scope):
  return expressions.compile_expression(block)(scope, place)


def _intrinsic(uri, parameter, result):
  return tff.framework.Intrinsic(uri, tff.FunctionType(parameter, result))


class CompileExpressionComputationTest(absltest.TestCase):
  def test_unknown_blocks_raise(self):
    with self.assertRaisesRegex(
      ValueError, 'Expected a computation of TensorFlow .* found Placement'
    ):
      expressions.compile_expression(tff.framework.Placement(tff.CLIENTS))

  def test_unknown_intrinsics_raise(self):
    with self.assertRaisesRegex(
      ValueError, "Expected intrinsics .* found 'federated_teleport': run the"
    ):
      expressions.compile_expression(
        _intrinsic('federated_teleport', _INT, _INT)
      )

  def test_slices_with_unsorted_names_raise(self):
    keys = tff.FederatedType(tff.TensorType(np.int32, [2]), tff.CLIENTS)
    server_int = tff.FederatedType(_INT, tff.SERVER)
    slice_type = tff.to_type([('b', np.int32), ('a', np.int32)])
    select_fn = tff.FunctionType([np.int32, np.int32], slice_type)
    result = tff.FederatedType(tff.SequenceType(slice_type), tff.CLIENTS)
    with self.assertRaisesRegex(ValueError, 'alphabetical order'):
      expressions.compile_expression(
        _intrinsic(
          'federated_select', [keys, server_int, server_int, select_fn], result
        )
      )


class CompileExpressionExecutionTest(absltest.TestCase):
  def test_references_structs_selections_and_literals(self):
    block = tff.framework.Struct(
      [
        ('a', _X),
        ('b', tff.framework.Literal(np.int32(7), _INT)),
      ]
    )
    self.assertEqual(_evaluate(block, x=5), (5, 7))
    for selected in (
      tff.framework.Selection(block, name='b'),
      tff.framework.Selection(block, index=1),
    ):
      self.assertEqual(_evaluate(selected, x=5), 7)

  def test_calls_of_graphs(self):
    block = tff.framework.Call(
      _graph_block(_subtract),
      tff.framework.Struct([_X, tff.framework.Literal(np.int32(2), _INT)]),
    )
    self.assertEqual(_evaluate(block, x=np.int32(9)), 7)
    constant = tff.tensorflow.computation(lambda: np.int32(4))
    self.assertEqual(_evaluate(tff.framework.Call(_graph_block(constant))), 4)

  def test_inner_names_hide_outer_ones(self):
    block = tff.framework.Block(
      [('y', _X), ('x', tff.framework.Literal(np.int32(8), _INT))],
      tff.framework.Struct([_X, tff.framework.Reference('y', _INT)]),
    )
    scope = {'x': 5}
    found = expressions.compile_expression(block)(scope, _PLACE)
    self.assertEqual(found, (8, 5))
    self.assertEqual(scope, {'x': 5})

  def test_lambdas_capture_their_scope(self):
    pair = tff.framework.Struct([_X, tff.framework.Reference('y', _INT)])
    block = tff.framework.Lambda('y', _INT, pair)
    function = _evaluate(block, x=1, y=2)
    self.assertEqual(function(_PLACE, 3), (1, 3))

  def test_only_lambdas_of_graphs_without_captures_are_traceable(self):
    def call(argument):
      return tff.framework.Call(
        _graph_block(_subtract), tff.framework.Struct([_X, argument])
      )

    other = tff.framework.Reference('y', _INT)
    with_captures = tff.framework.Lambda('x', _INT, call(other))
    without_captures = tff.framework.Lambda('x', _INT, call(_X))
    self.assertIsNone(_evaluate(with_captures, y=1).graphs)
    self.assertLen(_evaluate(without_captures).graphs.graphs, 1)

  def test_map_and_eval_call_the_function_at_the_place(self):
    clients_int = tff.FederatedType(_INT, tff.CLIENTS)
    function_type = tff.FunctionType(_INT, _INT)
    calls = []

    def function(place, argument):
      calls.append((place, argument))
      return 42

    federated_map = _intrinsic(
      'federated_map', [function_type, clients_int], clients_int
    )
    self.assertEqual(_evaluate(federated_map)(_PLACE, (function, 6)), 42)
    evaluation = _intrinsic(
      'federated_eval_at_clients', tff.FunctionType(None, _INT), clients_int
    )
    self.assertEqual(_evaluate(evaluation)(_PLACE, function), 42)
    self.assertEqual(calls, [(_PLACE, 6), (_PLACE, None)])

  def test_broadcasts_count_bytes_of_all_clients(self):
    meter = wire_meter.WireMeter()
    place = values.Place(_PLACE.device, values.Call(3, [meter]))
    broadcast = _intrinsic(
      'federated_broadcast',
      tff.FederatedType(_INT, tff.SERVER),
      tff.FederatedType(_INT, tff.CLIENTS, all_equal=True),
    )
    value = values.from_python(np.int32(1), _INT)
    self.assertIs(_evaluate(broadcast)(place, value), value)
    self.assertEqual(meter.downlink.total(), 3 * 4)

  def test_sequence_reduce_is_ordered(self):
    sequence_type = tff.SequenceType(_INT)
    operator_type = tff.FunctionType([_INT, _INT], _INT)
    reduce = _intrinsic(
      'sequence_reduce', [sequence_type, _INT, operator_type], _INT
    )
    sequence = values.from_python([1, 2, 3], sequence_type)
    found = _evaluate(reduce)(
      _PLACE, (sequence, '', lambda place, xs: f'{xs[0]}{xs[1].numpy()}')
    )
    self.assertEqual(found, '123')


if __name__ == '__main__':
  absltest.main()
