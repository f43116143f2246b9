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
from tff_methods.templates import lazy_rows as lazy_rows_lib
from tff_methods.templates import local_model
from tff_methods.templates import row_distributor as row_distributor_lib
from tff_methods.templates import select_process

RowsAggregator = (
  tff.aggregators.WeightedAggregationFactory
  | Callable[[int], tff.aggregators.WeightedAggregationFactory]
)


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
    rows_aggregator: Aggregator of the rows, or function from the number of rows
      of a table to its aggregator; by default
      `aggregators.selected_rows_aggregator`. With input tables a function.
    metrics_aggregator: See `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: Implementation of the training loop.
    lazy_rows: If true, the server steps only the rows that clients sent: see
      `lazy_rows.LazyRowsOptimizer`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """

  client_optimizer_fn: tff.learning.optimizers.Optimizer
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  )
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None
  rows_aggregator: RowsAggregator | None = None
  metrics_aggregator: Callable[..., tff.Computation] | None = None
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  )
  lazy_rows: bool = False

  def __post_init__(self) -> None:
    arguments = dict(vars(self))
    del arguments['lazy_rows']  # Checked as an option.
    fed_avg.check_arguments(**arguments)

  def build_server_optimizer(
    self, row_model: models.RowModel
  ) -> tff.learning.optimizers.Optimizer | None:
    """Returns the server optimizer, by rows with `lazy_rows`.

    Args:
      row_model: Model of the server.
    """
    if not self.lazy_rows:
      return self.server_optimizer_fn
    return lazy_rows_lib.LazyRowsOptimizer(
      self.server_optimizer_fn or tff.learning.optimizers.build_sgdm(1.0),
      len(row_model.table_shapes),
    )

  def build_aggregator(
    self, row_model: models.RowModel
  ) -> aggregators.RowModelUpdateFactory:
    """Builds the aggregator of updates of body and tables.

    Args:
      row_model: Model of the server.

    Raises:
      TypeError: If `rows_aggregator` is of one table, and the model has more.
    """
    build = self.rows_aggregator or aggregators.selected_rows_aggregator
    if isinstance(build, tff.aggregators.WeightedAggregationFactory):
      if row_model.input_tables:
        raise TypeError(
          'Expected rows_aggregator to be a function of the number of rows, '
          f'for the tables {list(row_model.table_shapes)}, found '
          f'{type(build).__name__}: give selected_rows_aggregator, or a lambda '
          'that calls it.'
        )
      of_tables = {'rows': build}
    else:
      of_tables = {
        name: build(num_rows)
        for name, (num_rows, _) in row_model.table_shapes.items()
      }
    rows = of_tables.pop('rows')
    return aggregators.RowModelUpdateFactory(
      self.model_aggregator or tff.aggregators.MeanFactory(), rows, of_tables
    )


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
    training.build_server_optimizer(row_model),
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
    training.build_aggregator(row_model),
    wrap_finalizer(finalizer) if wrap_finalizer else finalizer,
  )
