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
"""A compiled computation as phases, each of which visits every client once.

A value of the clients is made, used and forgotten while its client is visited:
aggregations take it in as the clients finish, in their order. What depends on
the result of an aggregation belongs to the next phase. So a round of federated
averaging is one phase, and no more updates are held than clients work at once.
"""

import dataclasses

import tensorflow_federated as tff

from tff_methods.runtime.in_process import expressions

_AGGREGATE = 'federated_aggregate'


@dataclasses.dataclass(frozen=True)
class Step:
  """A value of the server, or of one client.

  Attributes:
    name: What others call it.
    evaluate: Makes it, from those that it needs.
  """

  name: str
  evaluate: expressions.Expression


@dataclasses.dataclass(frozen=True)
class Fold:
  """An aggregation.

  Attributes:
    name: What others call its result.
    value: What a client contributes, in a scope of its values.
    zero: Where the accumulator starts; this and the others in the server's
      scope.
    accumulate: The function from accumulator and contribution to the next one.
    report: The function from the accumulator to the result.
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
    server_steps: What comes before, in this order.
    client_steps: What is done for each client, in this order.
    folds: The aggregations of what the clients then have.
    needed: The names that what is done for the clients refers to.
    kept: The names of values of the clients that later phases, or the result,
      need.
  """

  server_steps: list[Step] = dataclasses.field(default_factory=list)
  client_steps: list[Step] = dataclasses.field(default_factory=list)
  folds: list[Fold] = dataclasses.field(default_factory=list)
  needed: frozenset[str] = frozenset()
  kept: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Plan:
  """All phases of a computation.

  Attributes:
    parameter_name: What the argument is called, or `None`.
    parameter_type: Its type, or `None`.
    phases: The phases, in this order.
    result: Makes the result, in the scope after all of them, which has
      `ClientValues` for what the clients keep.
  """

  parameter_name: str | None
  parameter_type: tff.Type | None
  phases: list[Phase]
  result: expressions.Expression


def build_plan(block: tff.framework.ComputationBuildingBlock) -> Plan:
  """Plans a computation.

  Args:
    block: A function in the form that TFF's native compiler gives it.

  Raises:
    ValueError: If it has something that this runtime does not know.
  """
  parameter_name, parameter_type, names_and_blocks, result = _parts(block)
  phase_of, is_at_clients = {}, {}
  references = {}
  num_phases = 1
  for name, value in names_and_blocks:
    references[name] = _references(value)
    phase = max((phase_of.get(r, 0) for r in references[name]), default=0)
    is_at_clients[name] = _is_at_clients(value.type_signature)
    phase_of[name] = phase + 1 if _is_aggregation(value) else phase
    num_phases = max(num_phases, phase_of[name] + 1)
  phases = [Phase() for _ in range(num_phases)]
  for name, value in names_and_blocks:
    if _is_aggregation(value):
      phases[phase_of[name] - 1].folds.append(_build_fold(name, value))
    else:
      step = Step(name, expressions.compile_expression(value))
      phase = phases[phase_of[name]]
      (
        phase.client_steps if is_at_clients[name] else phase.server_steps
      ).append(step)
  _link(phases, references, _references(result))
  return Plan(
    parameter_name,
    parameter_type,
    phases,
    expressions.compile_expression(result),
  )


def _link(phases, references, result_references):
  """Finds what clients need, and what they keep."""
  last_use = {}
  for index, phase in enumerate(phases):
    for step in (*phase.client_steps, *phase.folds):
      for name in references[step.name]:
        last_use[name] = index
  for name in result_references:
    last_use[name] = len(phases)
  for index, phase in enumerate(phases):
    phase.kept = frozenset(
      step.name
      for step in phase.client_steps
      if last_use.get(step.name, index) > index
    )
    phase.needed = frozenset().union(
      *(references[step.name] for step in (*phase.client_steps, *phase.folds))
    )


def _parts(block):
  """Returns the parameter's name and type, the locals, and the result."""
  parameter_name = parameter_type = None
  names_and_blocks = []
  is_inside = False
  while True:
    if isinstance(block, tff.framework.Block):
      names_and_blocks.extend(block.locals)
      block = block.result
    elif isinstance(block, tff.framework.Lambda) and not is_inside:
      is_inside = True
      parameter_name = block.parameter_name
      parameter_type = block.parameter_type
      block = block.result
    elif not is_inside:
      # A function by itself, such as a TensorFlow computation.
      is_inside = True
      parameter_type = block.type_signature.parameter
      argument = None
      if parameter_type is not None:
        parameter_name = 'arg'
        argument = tff.framework.Reference(parameter_name, parameter_type)
      block = tff.framework.Call(block, argument)
    else:
      return parameter_name, parameter_type, names_and_blocks, block


def _build_fold(name: str, call) -> Fold:
  value, zero, accumulate, merge, report = (
    expressions.compile_expression(element) for element in call.argument
  )
  del merge  # All clients are here.
  return Fold(name, value, zero, accumulate, report)


def _is_aggregation(block) -> bool:
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


def _references(block) -> frozenset[str]:
  names = set()

  def visit(block):
    if isinstance(block, tff.framework.Reference):
      names.add(block.name)
    return block, False

  tff.framework.transform_preorder(block, visit)
  return frozenset(names)
