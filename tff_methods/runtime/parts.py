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
"""Computations in parts: each part is work for some of the clients.

TFF's compiler splits a computation whose aggregations do not depend on each
other into three: what each part does up to the sums, the merge of the sums of
two parts, and what follows. TFF's own context merges parts, and returns their
results, in the order in which they end; here it is that of the clients.
"""

from collections.abc import Sequence
import functools

import tensorflow_federated as tff

# TFF has no public names for these.
from tensorflow_federated.python.core.backends.native import (
  mergeable_comp_compiler,
)
from tensorflow_federated.python.core.impl.execution_contexts import (
  mergeable_comp_execution_context,
)
from tensorflow_federated.python.core.impl.types import type_analysis
from tensorflow_federated.python.core.impl.types import type_conversions


def has_client_arguments(comp: tff.Computation) -> bool:
  """Whether an argument of the computation is placed at clients."""
  parameter_type = comp.type_signature.parameter
  return parameter_type is not None and type_analysis.contains(
    parameter_type, _is_at_clients
  )


@functools.lru_cache
def split_computation(comp: tff.Computation) -> tff.framework.MergeableCompForm:
  """Splits a computation into `up_to_merge`, `merge` and `after_merge`.

  Remembers those that were split last.

  Raises:
    ValueError: If TFF cannot split it: an aggregation needs the result of
      another.
  """
  try:
    return mergeable_comp_compiler.compile_to_mergeable_comp_form(comp)
  except (TypeError, ValueError) as e:
    raise ValueError(
      'Expected a computation in which no aggregation needs the result of '
      f'another, found one that TFF cannot split: {_first_sentence(e)}; run it '
      'without remote workers.'
    ) from e


def split_argument(
  form: tff.framework.MergeableCompForm, arg: object, max_parts: int
) -> list[object]:
  """Splits an argument into those of the parts.

  Clients stay in order, and each part has some unless there are none. The split
  follows from the numbers of clients and of parts alone, so that the same sums
  are made in the same order wherever the parts run.

  Args:
    form: The computation.
    arg: Its argument.
    max_parts: The most parts.

  Returns:
    The argument of each part.
  """
  return mergeable_comp_execution_context.MergeableCompExecutionContextValue(
    arg, form.up_to_merge.type_signature.parameter, max_parts
  ).value()


def has_client_results(form: tff.framework.MergeableCompForm) -> bool:
  """Whether each part has results of its own clients."""
  return type_analysis.contains(
    form.after_merge.type_signature.result, _is_of_each_client
  )


def join_results(
  form: tff.framework.MergeableCompForm, results: Sequence[object]
) -> object:
  """Joins the results of `after_merge`: those of clients one after the other.

  Args:
    form: The computation.
    results: Of the parts, in order. What the server has is the same in all.
  """
  result_type = form.after_merge.type_signature.result
  return type_conversions.type_to_py_container(
    _join(results, result_type), result_type
  )


def _join(results: Sequence[object], result_type: tff.Type) -> object:
  if isinstance(result_type, tff.StructType):
    structs = [tff.structure.from_container(result) for result in results]
    return tff.structure.Struct(
      (name, _join([struct[i] for struct in structs], element_type))
      for i, (name, element_type) in enumerate(
        tff.structure.iter_elements(result_type)
      )
    )
  if _is_of_each_client(result_type):
    return [value for result in results for value in result]
  return results[0]


def _is_at_clients(type_spec: tff.Type) -> bool:
  return (
    isinstance(type_spec, tff.FederatedType)
    and type_spec.placement is tff.CLIENTS
  )


def _is_of_each_client(type_spec: tff.Type) -> bool:
  return _is_at_clients(type_spec) and not type_spec.all_equal


def _first_sentence(error: Exception) -> str:
  """Without the computation that TFF prints after it."""
  return ' '.join(str(error).partition('. ')[0].split())
