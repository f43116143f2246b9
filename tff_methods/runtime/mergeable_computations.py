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
"""Mergeable computations: partitions of the clients, and merges of their sums.

TFF's compiler splits a computation whose aggregations do not depend on each
other into three computations: `up_to_merge` aggregates over a partition of the
clients, `merge` combines the aggregates of two partitions, and `after_merge`
computes the results. TFF's own context merges partitions, and returns their
results, in the order of completion; the functions here keep the order of the
clients.
"""

from collections.abc import Sequence
import functools
from typing import Any

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

from tff_methods.runtime import secure_sums


def has_client_arguments(comp: tff.Computation) -> bool:
  """Returns true if a parameter of the computation is placed at clients."""
  parameter_type = comp.type_signature.parameter
  return parameter_type is not None and type_analysis.contains(
    parameter_type, _is_at_clients
  )


@functools.lru_cache
def split_computation(comp: tff.Computation) -> tff.framework.MergeableCompForm:
  """Splits a computation into `up_to_merge`, `merge` and `after_merge`.

  The forms of recent computations are cached.

  Args:
    comp: Computation without dependent aggregations.

  Returns:
    The computation in three parts.

  Raises:
    ValueError: If TFF cannot split the computation, since one aggregation
      depends on another.
  """
  try:
    return mergeable_comp_compiler.compile_to_mergeable_comp_form(
      secure_sums.simulate(comp)
    )
  except (TypeError, ValueError) as e:
    raise ValueError(
      'Expected a computation in which no aggregation depends on the result of '
      f'another, found one that TFF cannot split: {_first_sentence(e)}: run it '
      'without remote workers.'
    ) from e


def split_argument(
  form: tff.framework.MergeableCompForm, arg: Any, max_partitions: int
) -> list[Any]:
  """Splits an argument into one argument for each partition of the clients.

  Clients stay in order. Each partition has at least one client, unless there
  are no clients at all. The split depends on the numbers of clients and of
  partitions alone, so sums are made in the same order wherever the partitions
  run.

  Args:
    form: The split computation.
    arg: Argument of the computation.
    max_partitions: Upper bound of the number of partitions.

  Returns:
    The argument of each partition, in the order of the clients.
  """
  return mergeable_comp_execution_context.MergeableCompExecutionContextValue(
    arg, form.up_to_merge.type_signature.parameter, max_partitions
  ).value()


def has_client_results(form: tff.framework.MergeableCompForm) -> bool:
  """Returns true if results of each client are part of the result."""
  return type_analysis.contains(
    form.after_merge.type_signature.result, _is_of_each_client
  )


def join_results(
  form: tff.framework.MergeableCompForm, results: Sequence[Any]
) -> Any:
  """Joins the results of `after_merge`, concatenating those of clients.

  Args:
    form: The split computation.
    results: Results of the partitions, in order. Values at the server are the
      same in all of them.

  Returns:
    The result of the computation for all clients.
  """
  result_type = form.after_merge.type_signature.result
  return type_conversions.type_to_py_container(
    _join(results, result_type), result_type
  )


def _join(results: Sequence[Any], result_type: tff.Type) -> Any:
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
  """Returns the message without the computation that TFF prints after it."""
  return ' '.join(str(error).partition('. ')[0].split())
