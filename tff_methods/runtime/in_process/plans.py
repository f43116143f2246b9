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
"""Plans: a compiled computation as phases, each a visit to every client.

A client's value is computed, used and released during one visit to that client.
Values that are the same for all clients are computed once on each device.
Aggregations accumulate contributions as clients finish, in the order of the
clients. Values that depend on the result of an aggregation belong to the next
phase. So a round of federated averaging is one phase, and the number of updates
in memory is bounded by the number of clients at once.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import NamedTuple

import tensorflow_federated as tff

from tff_methods.runtime.in_process import common_steps
from tff_methods.runtime.in_process import expressions

_AGGREGATE = 'federated_aggregate'

_Block = tff.framework.ComputationBuildingBlock


@dataclasses.dataclass(frozen=True)
class Step:
  """Assignment of a name to a value of the server, or of one client.

  Attributes:
    name: Name of the value.
    evaluate: Expression of the value.
  """

  name: str
  evaluate: expressions.Expression


@dataclasses.dataclass(frozen=True)
class Fold:
  """Aggregation over the clients, as an ordered fold.

  Attributes:
    name: Name of the result.
    value: Expression of a client's contribution, in that client's scope.
    zero: Expression of the initial accumulator; this and the next two are
      evaluated in the server's scope.
    accumulate: Expression of the function from accumulator and contribution to
      the next accumulator.
    report: Expression of the function from the accumulator to the result.
  """

  name: str
  value: expressions.Expression
  zero: expressions.Expression
  accumulate: expressions.Expression
  report: expressions.Expression


@dataclasses.dataclass
class Phase:
  """One visit to every client.

  Attributes:
    server_steps: Steps at the server before the visit, in order.
    common_steps: Steps at clients with one result for all of them, in order.
    client_steps: Other steps at each client, in order.
    folds: Aggregations of the clients' values.
    referenced: Names that steps at clients and folds refer to.
    retained: Names of client values that later phases or the result need.
  """

  server_steps: list[Step] = dataclasses.field(default_factory=list)
  common_steps: list[Step] = dataclasses.field(default_factory=list)
  client_steps: list[Step] = dataclasses.field(default_factory=list)
  folds: list[Fold] = dataclasses.field(default_factory=list)
  referenced: frozenset[str] = frozenset()
  retained: frozenset[str] = frozenset()

  @property
  def visited(self) -> list[Step | Fold]:
    """Everything that is evaluated at clients."""
    return [*self.common_steps, *self.client_steps, *self.folds]


@dataclasses.dataclass(frozen=True)
class Plan:
  """All phases of a computation.

  Attributes:
    parameter_name: Name of the argument, or `None`.
    parameter_type: Type of the argument, or `None`.
    phases: Phases, in order.
    result: Expression of the result, in the scope after all phases, where
      retained client values are `ClientValues`.
  """

  parameter_name: str | None
  parameter_type: tff.Type | None
  phases: list[Phase]
  result: expressions.Expression


def build_plan(block: _Block) -> Plan:
  """Builds the plan of a computation.

  Args:
    block: Function in the form that TFF's native compiler returns.

  Returns:
    The plan.

  Raises:
    ValueError: If this runtime does not support a block of the computation.
  """
  function = _flatten(block)
  references = {
    name: _references(value) for name, value in function.assignments
  }
  phase_of = _assign_phases(function.assignments, references)
  phases = [Phase() for _ in range(max(phase_of.values(), default=0) + 1)]
  common_names = [set() for _ in phases]
  for name, value in function.assignments:
    if _is_aggregation(value):
      # Accumulated in the phase before the one that sees its result.
      phases[phase_of[name] - 1].folds.append(_build_fold(name, value))
      continue
    step = Step(name, expressions.compile_expression(value))
    phase = phases[phase_of[name]]
    if not _is_at_clients(value.type_signature):
      phase.server_steps.append(step)
    # Values of earlier phases are retained for each client.
    elif common_steps.is_common(value, common_names[phase_of[name]]):
      common_names[phase_of[name]].add(name)
      phase.common_steps.append(step)
    else:
      phase.client_steps.append(step)
  _link_phases(phases, references, _references(function.result))
  return Plan(
    function.parameter_name,
    function.parameter_type,
    phases,
    expressions.compile_expression(function.result),
  )


class _FlatFunction(NamedTuple):
  """A function as a flat list of assignments.

  Attributes:
    parameter_name: Name of the parameter, or `None`.
    parameter_type: Type of the parameter, or `None`.
    assignments: Names and blocks of all locals, in order.
    result: Block of the result.
  """

  parameter_name: str | None
  parameter_type: tff.Type | None
  assignments: list[tuple[str, _Block]]
  result: _Block


def _flatten(block: _Block) -> _FlatFunction:
  """Flattens nested blocks, outside and inside the function."""
  parameter_name = parameter_type = None
  assignments = []
  is_inside = False
  while True:
    if isinstance(block, tff.framework.Block):
      assignments.extend(block.locals)
      block = block.result
    elif isinstance(block, tff.framework.Lambda) and not is_inside:
      is_inside = True
      parameter_name = block.parameter_name
      parameter_type = block.parameter_type
      block = block.result
    elif not is_inside:
      # A function without a lambda, such as a TensorFlow computation.
      is_inside = True
      parameter_type = block.type_signature.parameter
      argument = None
      if parameter_type is not None:
        parameter_name = 'arg'
        argument = tff.framework.Reference(parameter_name, parameter_type)
      block = tff.framework.Call(block, argument)
    else:
      return _FlatFunction(parameter_name, parameter_type, assignments, block)


def _assign_phases(
  assignments: Sequence[tuple[str, _Block]],
  references: Mapping[str, frozenset[str]],
) -> dict[str, int]:
  """Returns, by name, the index of the first phase that can use the value."""
  phase_of = {}
  for name, value in assignments:
    phase = max((phase_of.get(r, 0) for r in references[name]), default=0)
    phase_of[name] = phase + 1 if _is_aggregation(value) else phase
  return phase_of


def _link_phases(
  phases: Sequence[Phase],
  references: Mapping[str, frozenset[str]],
  result_references: frozenset[str],
) -> None:
  """Sets the names that are referenced and retained in each phase."""
  last_use = {}
  for index, phase in enumerate(phases):
    for step in phase.visited:
      for name in references[step.name]:
        last_use[name] = index
  for name in result_references:
    last_use[name] = len(phases)
  for index, phase in enumerate(phases):
    phase.retained = frozenset(
      step.name
      for step in (*phase.common_steps, *phase.client_steps)
      if last_use.get(step.name, index) > index
    )
    phase.referenced = frozenset().union(
      *(references[step.name] for step in phase.visited)
    )


def _build_fold(name: str, call: _Block) -> Fold:
  value, zero, accumulate, merge, report = (
    expressions.compile_expression(element) for element in call.argument
  )
  del merge  # A single accumulator takes in all clients.
  return Fold(name, value, zero, accumulate, report)


def _is_aggregation(block: _Block) -> bool:
  return (
    isinstance(block, tff.framework.Call)
    and isinstance(block.function, tff.framework.Intrinsic)
    and block.function.uri == _AGGREGATE
  )


def _is_at_clients(type_spec: tff.Type) -> bool:
  return (
    isinstance(type_spec, tff.FederatedType)
    and type_spec.placement == tff.CLIENTS
    and not type_spec.all_equal
  )


def _references(block: _Block) -> frozenset[str]:
  names = set()

  def visit(block: _Block) -> tuple[_Block, bool]:
    if isinstance(block, tff.framework.Reference):
      names.add(block.name)
    return block, False

  tff.framework.transform_preorder(block, visit)
  return frozenset(names)
