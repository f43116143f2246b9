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
"""What processes share whose clients train a sub-model of their own rows."""

from collections.abc import Callable
import dataclasses
from typing import Any

import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import models
from tff_methods import templates


@dataclasses.dataclass(frozen=True)
class RowTraining:
  """How clients and server train, whatever rows the clients have.

  Attributes:
    client_optimizer_fn: Of body and rows on the client.
    server_optimizer_fn: Of the full model; by default SGD with a rate of 1.
    client_weighting: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    model_aggregator: Of the body; by default `tff.aggregators.MeanFactory`.
    rows_aggregator: Of the rows; by default
      `aggregators.selected_rows_aggregator`.
    metrics_aggregator: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: As there.
  """

  client_optimizer_fn: tff.learning.optimizers.Optimizer
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None
  client_weighting: Any
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None
  rows_aggregator: tff.aggregators.WeightedAggregationFactory | None
  metrics_aggregator: Any
  loop_implementation: tff.learning.LoopImplementation


def build_row_process(
  row_model: models.RowModel,
  sub_model: tff.learning.models.FunctionalModel,
  row_distributor: templates.RowDistributionProcess,
  training: RowTraining,
  *,
  wrap_finalizer: Callable[
    [tff.learning.templates.FinalizerProcess],
    tff.learning.templates.FinalizerProcess,
  ] = lambda finalizer: finalizer,
) -> templates.SelectProcess:
  """Builds federated averaging of a row model by sub-models.

  Args:
    row_model: The model.
    sub_model: What clients train, of `row_model`.
    row_distributor: Which rows each client gets.
    training: How it is trained.
    wrap_finalizer: What is added to the server's step.

  Returns:
    A `templates.SelectProcess`.
  """
  return templates.compose_select_process(
    row_model,
    row_distributor,
    tff.learning.templates.build_functional_model_delta_client_work(
      model=sub_model,
      optimizer=training.client_optimizer_fn,
      client_weighting=training.client_weighting,
      metrics_aggregator=training.metrics_aggregator,
      loop_implementation=training.loop_implementation,
    ),
    aggregators.RowModelUpdateFactory(
      training.model_aggregator or tff.aggregators.MeanFactory(),
      training.rows_aggregator
      or aggregators.selected_rows_aggregator(row_model.num_classes),
    ),
    wrap_finalizer(
      tff.learning.templates.build_apply_optimizer_finalizer(
        training.server_optimizer_fn or tff.learning.optimizers.build_sgdm(1.0),
        templates.describe(row_model.full_model()).weights_type,
      )
    ),
  )
