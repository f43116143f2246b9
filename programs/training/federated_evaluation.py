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
"""Evaluation of a model on the data of held-out clients."""

import collections
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow_federated as tff

from programs.training import evaluation
from programs.training import metrics as metrics_lib


class FederatedEvaluation:
  """Evaluation on test data, and beside it on held-out clients.

  The latter is a round of `tff.learning.algorithms.build_fed_eval` with all
  held-out clients, in the current `tff.program.FederatedContext`. Each one
  evaluates the model on its examples, and the server sums their metrics. Their
  names have the prefix `metrics.HELD_OUT_CLIENTS`.
  """

  def __init__(
    self,
    central: evaluation.Evaluation,
    model_fn: Callable[[], tff.learning.models.VariableModel],
    client_data: tff.simulation.datasets.ClientData,
    client_ids: Sequence[str],
  ):
    """Builds the process.

    Args:
      central: Evaluation on test data.
      model_fn: Function that makes the model.
      client_data: Data of the clients, preprocessed for evaluation.
      client_ids: Ids of the held-out clients.
    """
    self._central = central
    self._client_ids = list(client_ids)
    self._process = (
      tff.simulation.compose_dataset_computation_with_learning_process(
        client_data.dataset_computation,
        tff.learning.algorithms.build_fed_eval(
          model_fn,
          loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
        ),
      )
    )

  @property
  def next(self) -> tff.Computation:
    """Computation of an evaluation: `(<S@SERVER, {str}@CLIENTS> -> ...)`."""
    return self._process.next

  @property
  def metric_names(self) -> list[str]:
    """Names of the metrics."""
    return [
      *self._central.metric_names,
      *(
        f'{metrics_lib.HELD_OUT_CLIENTS}{metrics_lib.short_name(name)}'
        for name in self._central.model.metric_finalizers()
      ),
    ]

  async def __call__(
    self, model_weights: tff.learning.models.ModelWeights, round_num: int = 0
  ) -> metrics_lib.Metrics:
    """Evaluates a model, in the same way after each round."""
    metrics = collections.OrderedDict(self._central(model_weights, round_num))
    output = await tff.program.materialize_value(
      self._process.next(await self._state(model_weights), self._client_ids)
    )
    found = output.metrics['client_work']['eval']['current_round_metrics']
    for name, value in found.items():
      metrics[
        f'{metrics_lib.HELD_OUT_CLIENTS}{metrics_lib.short_name(name)}'
      ] = value
    return metrics

  async def _state(
    self, model_weights: tff.learning.models.ModelWeights
  ) -> Any:
    """Returns a state of the process with the weights, of any kind of model."""
    state = await tff.program.materialize_value(self._process.initialize())
    own = await tff.program.materialize_value(
      self._process.get_model_weights(state)
    )
    weights = tff.learning.models.ModelWeights(
      type(own.trainable)(model_weights.trainable),
      type(own.non_trainable)(model_weights.non_trainable),
    )
    return await tff.program.materialize_value(
      self._process.set_model_weights(state, weights)
    )
