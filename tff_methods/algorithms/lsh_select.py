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
"""Federated averaging of the output rows that clients find by hashing.

Xu et al. (2022), "Adaptive Sparse Federated Learning in Large Output Spaces via
Hashing". In a round:

1.  The server hashes the rows of the output layer.
2.  Each client embeds its data, asks for the buckets of its embeddings, and for
    rows that it finds there.
3.  It trains this sub-model, and sends the updates of body and rows.
4.  The server averages the updates and takes a step.
"""

from collections.abc import Callable

import tensorflow_federated as tff

from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.templates import row_process


def build_lsh_select_fed_avg(
  row_model: models.RowModel,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.LshSelectOptions | None = None,
  index: retrieval.RowIndex | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: options_lib.DownlinkOptions | None = None,
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  rows_aggregator: row_process.RowsAggregator | None = None,
  metrics_aggregator: Callable[..., tff.Computation] | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> templates.SelectProcess:
  """Builds federated averaging of sub-models whose rows an index finds.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, with
  `S` a `tff.learning.templates.LearningAlgorithmState` that has the weights of
  `row_model.full_model()`, and `M` as for
  `tff.learning.algorithms.build_weighted_fed_avg`. The clients' metrics are
  over their rows; `distributor` has the counts of
  `templates.build_index_distributor`.

  Each client trains `row_budget` of all rows, exactly: the rows of its own
  classes (and, where rows embed the input, of its input), the rows that the
  index scores highest, and, to fill up, random rows. Examples of classes whose
  row it does not train have a loss of 0.

  Args:
    row_model: Model in two parts, body and rows.
    client_optimizer_fn: Client optimizer, of body and rows.
    server_optimizer_fn: Server optimizer, of the full model; by default
      `tff.learning.optimizers.build_sgdm` with a learning rate of 1. The paper
      uses `tff.learning.optimizers.build_adam`.
    options: Row budgets and further options; by default those of
      `options.LshSelectOptions()`.
    index: Index of the rows; by default `retrieval.SimHash()`.
    client_weighting: See `tff.learning.algorithms.build_weighted_fed_avg`.
    model_distributor: Options of the quantization of body and rows on their way
      to clients; by default they are sent as they are.
    model_aggregator: Aggregator of the body; by default
      `tff.aggregators.MeanFactory`.
    rows_aggregator: Aggregator of the rows, or function from the number of rows
      to it; by default `aggregators.selected_rows_aggregator`.
    metrics_aggregator: See `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: Implementation of the training loop. TFF's default
      takes twice as long per round as the default here.

  Returns:
    A `templates.SelectProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  row_process.check_row_model(row_model)
  if row_model.input_tables:
    raise ValueError(
      'Expected a row model without input tables, found '
      f'{sorted(row_model.input_tables)}: take build_fed_ss, since no index '
      'searches in them.'
    )
  options = argument_checks.check_options(
    options,
    options_lib.LshSelectOptions,
    default=options_lib.LshSelectOptions(),
  )
  training = row_process.RowTraining(
    client_optimizer_fn,
    server_optimizer_fn,
    client_weighting,
    model_aggregator,
    rows_aggregator,
    metrics_aggregator,
    loop_implementation,
    options.lazy_rows,
  )
  budget = _row_budget(row_model, options)
  return row_process.build_row_process(
    row_model,
    row_model.sub_model(budget.trained),
    templates.build_index_distributor(
      row_model,
      retrieval.SimHash() if index is None else index,
      budget,
      corrects_loss=options.corrects_loss,
      rounds_per_build=options.rounds_per_build,
      retrieval_mode=options.retrieval_mode,
      downlink=row_process.check_downlink(model_distributor),
      seed_source=options.seed_source,
      base_seed=options.base_seed,
    ),
    training,
  )


def _row_budget(
  row_model: models.RowModel, options: options_lib.LshSelectOptions
) -> templates.RowBudget:
  """Returns the budgets as numbers of rows, each at least 1."""
  own_budget = options.own_budget
  if own_budget is None and row_model.rows_embed_input:
    own_budget = options.row_budget / 2

  def to_rows(fraction: float) -> int:
    return max(1, round(fraction * row_model.num_classes))

  return templates.RowBudget(
    trained=to_rows(options.row_budget),
    own=None if own_budget is None else to_rows(own_budget),
    retrieved=(
      None
      if options.retrieved_budget is None
      else to_rows(options.retrieved_budget)
    ),
  )
