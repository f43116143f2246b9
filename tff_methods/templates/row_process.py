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
"""Builder of processes whose clients train a sub-model of selected rows."""

from collections.abc import Callable
import dataclasses

import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods.templates import fed_avg
from tff_methods.templates import local_model
from tff_methods.templates import row_distributor as row_distributor_lib
from tff_methods.templates import select_process


@dataclasses.dataclass(frozen=True)
class RowTraining:
  """Training on clients and server, independent of the selection of rows.

  Attributes:
    client_optimizer_fn: Client optimizer, of body and rows.
    server_optimizer_fn: Server optimizer, of the full model; by default
      `tff.learning.optimizers.build_sgdm` with a learning rate of 1.
    client_weighting: See `tff.learning.algorithms.build_weighted_fed_avg`.
    model_aggregator: Aggregator of the body; by default
      `tff.aggregators.MeanFactory`.
    rows_aggregator: Aggregator of the rows; by default
      `aggregators.selected_rows_aggregator`.
    metrics_aggregator: See `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: Implementation of the training loop.

  Raises:
    TypeError: If an argument is of a wrong type.
  """

  client_optimizer_fn: tff.learning.optimizers.Optimizer
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  )
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None
  rows_aggregator: tff.aggregators.WeightedAggregationFactory | None = None
  metrics_aggregator: Callable[..., tff.Computation] | None = None
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  )

  def __post_init__(self) -> None:
    fed_avg.check_arguments(**vars(self))


def check_row_model(value: object) -> None:
  """Raises `TypeError` unless `value` is a `models.RowModel`."""
  if not isinstance(value, models.RowModel):
    raise TypeError(
      f'Expected a RowModel, found {type(value).__name__}: make one with '
      'models.row_model_from_keras.'
    )


def check_downlink(value: object) -> options_lib.DownlinkOptions | None:
  """Checks the argument `model_distributor` of builders of row processes.

  Args:
    value: Value of the argument.

  Returns:
    The value.

  Raises:
    TypeError: If it is neither `None` nor options, but, for instance, a
      `tff.learning.templates.DistributionProcess`, which sends all rows.
  """
  if value is None:
    return None
  is_delta = isinstance(value, options_lib.DeltaDownlinkOptions)
  if is_delta or not isinstance(value, options_lib.DownlinkOptions):
    raise TypeError(
      'Expected model_distributor to be an options.DownlinkOptions, found '
      f'{type(value).__name__}: give options, or leave it out, where clients '
      'receive rows.'
    )
  return value


def build_row_process(
  row_model: models.RowModel,
  sub_model: tff.learning.models.FunctionalModel,
  row_distributor: row_distributor_lib.RowDistributionProcess,
  training: RowTraining,
  *,
  wrap_finalizer: Callable[
    [tff.learning.templates.FinalizerProcess],
    tff.learning.templates.FinalizerProcess,
  ]
  | None = None,
) -> select_process.SelectProcess:
  """Builds federated averaging of a row model by sub-models.

  Args:
    row_model: Model of the server.
    sub_model: Sub-model of `row_model` that clients train.
    row_distributor: Selection and distribution of each client's rows.
    training: Optimizers, weighting and aggregators.
    wrap_finalizer: Function that adds to the finalizer; by default the
      finalizer is that of `server_optimizer_fn` alone.

  Returns:
    A `templates.SelectProcess`.
  """
  finalizer = fed_avg.build_finalizer(
    training.server_optimizer_fn,
    local_model.describe(row_model.full_model()).weights_type,
  )
  return select_process.compose_select_process(
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
    wrap_finalizer(finalizer) if wrap_finalizer else finalizer,
  )
