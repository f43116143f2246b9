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
"""Expressions: TFF's building blocks compiled to Python functions.

A building block is compiled once, to a function of a scope, which maps names to
values, and a place. A functional value is a function of a place and an
argument.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime.in_process import data_sequences
from tff_methods.runtime.in_process import graph_functions
from tff_methods.runtime.in_process import selection
from tff_methods.runtime.in_process import values
from tff_methods.runtime.in_process import wire_marks

Scope = Mapping[str, Any]
Function = Callable[[values.Place, Any], Any]
Expression = Callable[[Scope, values.Place], Any]


def compile_expression(
  block: tff.framework.ComputationBuildingBlock,
) -> Expression:
  """Compiles a building block.

  A call of an intrinsic on federated values is evaluated for one participant:
  in a scope with the values of one client, the result is that client's.
  Aggregations are not supported; they are the folds of a plan.

  Args:
    block: Building block.

  Returns:
    The function from a scope and a place to the value of the block.

  Raises:
    ValueError: If this runtime does not support the block, for example since it
      is a computation of a technology other than TensorFlow.
  """
  compile_block = _COMPILERS.get(type(block))
  if compile_block is None:
    raise ValueError(
      'Expected a computation of TensorFlow and federated operators, found '
      f'{type(block).__name__} in it: {block.compact_representation()[:80]}.'
    )
  return compile_block(block)


def _compile_reference(block: tff.framework.Reference) -> Expression:
  name = block.name
  return lambda scope, place: scope[name]


def _compile_selection(block: tff.framework.Selection) -> Expression:
  source, index = compile_expression(block.source), block.as_index()
  return lambda scope, place: source(scope, place)[index]


def _compile_struct(block: tff.framework.Struct) -> Expression:
  elements = [compile_expression(element) for element in block]
  return lambda scope, place: tuple([e(scope, place) for e in elements])


def _compile_literal(block: tff.framework.Literal) -> Expression:
  value = values.from_python(block.value, block.type_signature)
  return lambda scope, place: value


def _compile_call(block: tff.framework.Call) -> Expression:
  function = compile_expression(block.function)
  if block.argument is None:
    return lambda scope, place: function(scope, place)(place, None)
  argument = compile_expression(block.argument)
  return lambda scope, place: function(scope, place)(
    place, argument(scope, place)
  )


class _Closure:
  """Lambda of building blocks, with the scope of its definition.

  Attributes:
    graphs: Graphs that the lambda calls, if it calls nothing else and captures
      nothing, so that TensorFlow can trace it once for all scopes; else `None`.
  """

  def __init__(
    self,
    parameter_name: str | None,
    result: Expression,
    scope: Scope,
    graphs: selection.Graphs | None,
  ):
    self._parameter_name = parameter_name
    self._result = result
    self._scope = scope
    self.graphs = graphs

  def __call__(self, place: values.Place, argument: values.Value) -> Any:
    scope = self._scope
    if self._parameter_name is not None:
      scope = {**scope, self._parameter_name: argument}
    return self._result(scope, place)


def _compile_lambda(block: tff.framework.Lambda) -> Expression:
  name, result = block.parameter_name, compile_expression(block.result)
  graphs = _traceable_graphs(block)
  return lambda scope, place: _Closure(name, result, scope, graphs)


def _traceable_graphs(block: tff.framework.Lambda) -> selection.Graphs | None:
  """Returns the graphs of a lambda of graphs without captures, or `None`."""
  used, bound, graphs = set(), {block.parameter_name}, set()
  others = []

  def visit(block):
    if isinstance(block, tff.framework.Reference):
      used.add(block.name)
    elif isinstance(block, tff.framework.Block):
      bound.update(name for name, _ in block.locals)
    elif isinstance(block, tff.framework.CompiledComputation):
      graphs.add(graph_functions.graph_function(block.proto))
    elif isinstance(block, (tff.framework.Intrinsic, tff.framework.Data)):
      others.append(block)
    return block, False

  tff.framework.transform_preorder(block, visit)
  is_traceable = used <= bound and not others
  return selection.Graphs(graphs) if is_traceable else None


def _compile_block(block: tff.framework.Block) -> Expression:
  names_and_locals = [
    (name, compile_expression(value)) for name, value in block.locals
  ]
  result = compile_expression(block.result)

  def evaluate(scope: Scope, place: values.Place) -> Any:
    scope = dict(scope)
    for name, value in names_and_locals:
      scope[name] = value(scope, place)
    return result(scope, place)

  return evaluate


def _compile_graph(block: tff.framework.CompiledComputation) -> Expression:
  function = graph_functions.graph_function(block.proto)
  return lambda scope, place: function


def _compile_mark(block: tff.framework.Data) -> Expression:
  """Compiles a mark of `wire_marks`: the identity, which counts bytes."""
  intrinsic = wire_marks.marked_intrinsic(block)

  def count(place: values.Place, value: values.Value) -> values.Value:
    for meter in place.call.meters:
      meter.add_uplink(intrinsic, value, block.type_signature.result)
    return value

  return lambda scope, place: count


def _compile_intrinsic(block: tff.framework.Intrinsic) -> Expression:
  build = _INTRINSICS.get(block.uri)
  if build is None:
    raise ValueError(
      'Expected intrinsics that the in-process runtime supports, found '
      f'{block.uri!r}: run the computation on another context.'
    )
  function = build(block.type_signature)
  return lambda scope, place: function


_COMPILERS = {
  tff.framework.Block: _compile_block,
  tff.framework.Call: _compile_call,
  tff.framework.CompiledComputation: _compile_graph,
  tff.framework.Data: _compile_mark,
  tff.framework.Intrinsic: _compile_intrinsic,
  tff.framework.Lambda: _compile_lambda,
  tff.framework.Literal: _compile_literal,
  tff.framework.Reference: _compile_reference,
  tff.framework.Selection: _compile_selection,
  tff.framework.Struct: _compile_struct,
}


def _apply(type_spec: tff.FunctionType) -> Function:
  del type_spec
  return lambda place, argument: argument[0](place, argument[1])


def _evaluate(type_spec: tff.FunctionType) -> Function:
  del type_spec
  return lambda place, function: function(place, None)


def _identity(type_spec: tff.FunctionType) -> Function:
  del type_spec
  return lambda place, value: value


def _broadcast(type_spec: tff.FunctionType) -> Function:
  member_type = type_spec.result.member

  def broadcast(place: values.Place, value: values.Value) -> values.Value:
    for meter in place.call.meters:
      meter.add_downlink(
        'federated_broadcast', value, member_type, place.call.num_clients
      )
    return value

  return broadcast


def _select(type_spec: tff.FunctionType) -> Function:
  slice_type = type_spec.result.member.element
  selection.check_slice_type(slice_type)

  def select(place: values.Place, argument: Any) -> values.Value:
    keys, max_key, server_value, select_fn = argument
    slices = selection.select_slices(
      place, select_fn, server_value, keys, max_key
    )
    for meter in place.call.meters:
      meter.add_uplink('federated_select', keys)
      meter.add_downlink('federated_select', tuple(slices))
    return selection.as_sequence(slices, slice_type)

  return select


def _sequence_map(type_spec: tff.FunctionType) -> Function:
  element_type = type_spec.parameter[1].element
  result_type = type_spec.result

  def sequence_map(place: values.Place, argument: Any) -> values.Value:
    function, sequence = argument
    mapped = [
      function(place, element) for element in _elements(sequence, element_type)
    ]
    return values.from_python(mapped, result_type)

  return sequence_map


def _sequence_reduce(type_spec: tff.FunctionType) -> Function:
  element_type = type_spec.parameter[0].element

  def sequence_reduce(place: values.Place, argument: Any) -> values.Value:
    sequence, accumulator, operator = argument
    for element in _elements(sequence, element_type):
      accumulator = operator(place, (accumulator, element))
    return accumulator

  return sequence_reduce


def _sequence_sum(type_spec: tff.FunctionType) -> Function:
  element_type = type_spec.parameter.element

  def sequence_sum(
    place: values.Place, sequence: data_sequences.DataSequence
  ) -> values.Value:
    del place
    total = values.zeros(element_type)
    for element in _elements(sequence, element_type):
      total = tf.nest.map_structure(tf.add, total, element)
    return total

  return sequence_sum


def _elements(
  sequence: data_sequences.DataSequence, element_type: tff.Type
) -> Iterator[values.Value]:
  for element in values.dataset(sequence, element_type):
    yield values.from_python(element, element_type)


# Without aggregations, which are folds of the plan.
_INTRINSICS = {
  'federated_apply': _apply,
  'federated_broadcast': _broadcast,
  'federated_eval_at_clients': _evaluate,
  'federated_eval_at_server': _evaluate,
  'federated_map': _apply,
  'federated_map_all_equal': _apply,
  'federated_select': _select,
  'federated_value_at_clients': _identity,
  'federated_value_at_server': _identity,
  'federated_zip_at_clients': _identity,
  'federated_zip_at_server': _identity,
  'sequence_map': _sequence_map,
  'sequence_reduce': _sequence_reduce,
  'sequence_sum': _sequence_sum,
}
