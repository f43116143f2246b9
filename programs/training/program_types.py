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
"""Types that program logic takes, and their checks before the first round."""

import collections
from collections.abc import Awaitable, Callable
import inspect
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow_federated as tff

from programs.training import metrics as metrics_lib
from programs.training import round_metrics

# Function from model weights and the number of completed rounds to metrics, or
# a computation `(M -> metrics)` of the model weights alone.
Evaluation = (
  Callable[
    [tff.learning.models.ModelWeights, int],
    metrics_lib.Metrics | Awaitable[metrics_lib.Metrics],
  ]
  | tff.Computation
)


@runtime_checkable
class ClientIdRounds(Protocol):
  """Rounds on client ids that are no `tff.Computation`."""

  @property
  def client_data_type(self) -> tff.FederatedType:
    """Type of the second argument of `next`."""
    ...

  def initialize(self) -> Any:
    """Returns the initial state of the server."""
    ...

  def next(self, state: Any, clients: Any) -> Any:
    """Returns the `tff.learning.templates.LearningProcessOutput` of a round."""
    ...

  def get_model_weights(self, state: Any) -> Any:
    """Returns the model weights of a state."""
    ...

  def set_model_weights(self, state: Any, weights: Any) -> Any:
    """Returns a copy of a state with other model weights."""
    ...


TrainingProcess = tff.learning.templates.LearningProcess | ClientIdRounds


def check(
  process: TrainingProcess,
  data_source: tff.program.FederatedDataSource,
  evaluation: Evaluation,
) -> None:
  """Raises `TypeError` unless the types of the parts fit together.

  Args:
    process: Process to train.
    data_source: Source of the clients of each round.
    evaluation: Evaluation of the model.
  """
  if isinstance(process, tff.learning.templates.LearningProcess):
    next_fn: Any = process.next
    data_type = next_fn.type_signature.parameter[1]
    if isinstance(evaluation, tff.Computation):
      _check_evaluation(process, evaluation)
  elif isinstance(process, ClientIdRounds):
    data_type = process.client_data_type
  else:
    raise TypeError(
      'Expected a `tff.learning.templates.LearningProcess`, found '
      f'{type(process).__name__}: build one, such as with '
      '`tff.learning.algorithms`.'
    )
  if not data_type.is_assignable_from(data_source.federated_type):
    raise TypeError(
      f'Expected a data source of type {data_type.compact_representation()}, '
      'the client data of the process, found '
      f'{data_source.federated_type.compact_representation()}: compose the '
      'process with the computation of the data, or give another source.'
    )
  if not callable(evaluation):
    raise TypeError(
      'Expected an evaluation that can be called, found '
      f'{type(evaluation).__name__}: give a function or a `tff.Computation`.'
    )


def _check_evaluation(
  process: tff.learning.templates.LearningProcess, evaluation: tff.Computation
) -> None:
  weights_type = process.get_model_weights.type_signature.result
  found = evaluation.type_signature
  parameter = found.parameter
  if isinstance(parameter, tff.FederatedType):
    parameter = parameter.member if parameter.placement is tff.SERVER else None
  if parameter is None or not parameter.is_assignable_from(weights_type):
    raise TypeError(
      f'Expected an evaluation of the model weights {weights_type}, found a '
      f'computation of type {found.compact_representation()}: give one of this '
      'type, or a function.'
    )
  if not tff.program.contains_only_server_placed_data(found.result):
    raise TypeError(
      'Expected an evaluation with results at the server, found '
      f'{found.result.compact_representation()}: aggregate them.'
    )


async def evaluate(
  evaluation: Evaluation,
  weights: tff.learning.models.ModelWeights,
  round_num: int,
) -> metrics_lib.Metrics:
  """Returns the metrics of a model.

  Args:
    evaluation: Evaluation of the model.
    weights: Weights of the model.
    round_num: Number of completed rounds.
  """
  if isinstance(evaluation, tff.Computation):
    computation: Any = evaluation
    found: Any = await tff.program.materialize_value(computation(weights))
    metrics = round_metrics.flatten(found)
  else:
    metrics = evaluation(weights, round_num)
    if inspect.isawaitable(metrics):
      metrics = await metrics
  # Checkpoints have all evaluations as the same type.
  return collections.OrderedDict(
    (name, np.float32(value)) for name, value in metrics.items()
  )
