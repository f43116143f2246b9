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
"""Client steps with one result for all clients, which are computed once.

Such a step decodes a broadcast payload, for instance: it depends on values of
the server alone, and has no random or stateful ops.
"""

from collections.abc import Collection

# TensorFlow has no public name for the registry of ops.
from tensorflow.python.framework import op_def_registry
import tensorflow_federated as tff

from tff_methods.runtime.in_process import graph_functions

# Intrinsics that compute a client's value from its arguments alone.
_LOCAL_INTRINSICS = frozenset(
  ['federated_apply', 'federated_map', 'federated_map_all_equal']
  + ['federated_value_at_clients', 'federated_zip_at_clients']
)
# Stateful only if the functions that they call are, whose ops are looked at.
_CALLS = frozenset(['If', 'StatefulPartitionedCall', 'While'])
# Stateful only so that TensorFlow does not remove them: they raise or do
# nothing.
_CHECKS = frozenset(['Assert', 'CheckNumerics', 'CheckNumericsV2'])

_Block = tff.framework.ComputationBuildingBlock


def is_common(block: _Block, common_names: Collection[str]) -> bool:
  """Returns whether a step at clients has the same result for all of them.

  Args:
    block: Step at clients, in the form that TFF's native compiler returns.
    common_names: Names of earlier steps at clients with this property.
  """
  # A data set is not shared: clients iterate over it at the same time.
  is_same = not _has_sequences(block.type_signature)

  def visit(block: _Block) -> tuple[_Block, bool]:
    nonlocal is_same
    if isinstance(block, tff.framework.CompiledComputation):
      is_same &= _is_repeatable(graph_functions.graph_function(block.proto))
    elif isinstance(block, tff.framework.Intrinsic):
      is_same &= block.uri in _LOCAL_INTRINSICS
    elif isinstance(block, tff.framework.Data):
      is_same = False
    root = _root_reference(block)
    if root is None:
      return block, False
    if _has_client_values(block.type_signature):
      is_same &= root.name in common_names
    return block, True  # Visits nothing inside of a selection.

  tff.framework.transform_preorder(block, visit)
  return is_same


def _root_reference(block: _Block) -> tff.framework.Reference | None:
  """Returns the reference of a chain of selections; `None` for other blocks."""
  while isinstance(block, tff.framework.Selection):
    block = block.source
  return block if isinstance(block, tff.framework.Reference) else None


def _is_repeatable(function: graph_functions.GraphFunction) -> bool:
  """Returns whether a graph gives equal results for equal arguments."""
  if function.is_stateful:
    return False
  definitions = map(op_def_registry.get, function.op_types - _CALLS - _CHECKS)
  # Functions of the graph's library are in no registry.
  return not any(d is not None and d.is_stateful for d in definitions)


def _has_client_values(type_spec: tff.Type) -> bool:
  return tff.types.contains(
    type_spec,
    lambda t: (
      isinstance(t, tff.FederatedType)
      and t.placement == tff.CLIENTS
      and not t.all_equal
    ),
  )


def _has_sequences(type_spec: tff.Type) -> bool:
  return tff.types.contains(
    type_spec, lambda t: isinstance(t, tff.SequenceType)
  )
