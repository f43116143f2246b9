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
"""Federated sampled softmax (FedSS).

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", algorithm 1. In a round:

1.  Each client takes the classes of its data and random negatives, and asks the
    server for their rows of the output layer.
2.  It receives these rows and the body.
3.  It trains this sub-model with a softmax over its classes that estimates the
    softmax over all classes, and sends the updates of body and rows.
4.  The server averages the updates and takes a step.
"""

from collections.abc import Callable

import tensorflow_federated as tff

from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.templates import fed_avg
from tff_methods.templates import row_process
from tff_methods.templates import spreadout_finalizer


def build_fed_ss(
  row_model: models.RowModel,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.FedSsOptions,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  rows_aggregator: row_process.RowsAggregator | None = None,
  metrics_aggregator: Callable[..., tff.Computation] | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> templates.SelectProcess | tff.learning.templates.LearningProcess:
  """Builds federated sampled softmax, or a baseline of its paper.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, with
  `S` a `tff.learning.templates.LearningAlgorithmState` that has the weights of
  `row_model.full_model()`, and `M` as for
  `tff.learning.algorithms.build_weighted_fed_avg`. The clients' metrics are
  over their candidates: `loss` (of the sampled softmax), `accuracy` (of scores
  without its corrections), `num_examples`, and `num_excluded_examples`, the
  examples whose class did not fit into `num_sampled_classes`. Excluded examples
  have a loss of 0, but count in the client's weight.

  Args:
    row_model: Model in two parts, body and rows.
    client_optimizer_fn: Client optimizer, of body and rows.
    server_optimizer_fn: Server optimizer, of the full model; by default
      `tff.learning.optimizers.build_sgdm` with a learning rate of 1.
    options: Number of sampled classes, variant, and further options.
    client_weighting: See `tff.learning.algorithms.build_weighted_fed_avg`.
    model_distributor: Options of the quantization of body and rows on their way
      to clients; by default they are sent as they are. With the
      variant `'full_softmax'` also a process that sends the model.
    model_aggregator: Aggregator of the body (with the variant `'full_softmax'`,
      of the full model); by default `tff.aggregators.MeanFactory`.
    rows_aggregator: Aggregator of the rows; by default
      `aggregators.selected_rows_aggregator`. With input tables a function from
      the number of rows of a table to its aggregator. Not for `'full_softmax'`.
    metrics_aggregator: See `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: Implementation of the training loop. TFF's default
      takes twice as long per round as the default here.

  Returns:
    A `templates.SelectProcess`; with the variant `'full_softmax'`, a
    `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  row_process.check_row_model(row_model)
  options = argument_checks.check_options(options, options_lib.FedSsOptions)
  if options.variant == 'full_softmax':
    if rows_aggregator is not None:
      raise ValueError(
        "Expected no rows_aggregator with variant='full_softmax', found "
        f'{rows_aggregator}: leave it out.'
      )
    return fed_avg.build_weighted_fed_avg(
      row_model.full_model(),
      client_optimizer_fn,
      server_optimizer_fn,
      client_weighting=client_weighting,
      model_distributor=model_distributor,
      model_aggregator=model_aggregator,
      metrics_aggregator=metrics_aggregator,
      loop_implementation=loop_implementation,
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
  num_sampled_classes = options.num_sampled_classes
  assert num_sampled_classes is not None  # `FedSsOptions` checks it.
  row_model.check_num_rows('num_sampled_classes', num_sampled_classes)
  num_input_rows = options.num_rows_of_tables(
    {name: len(table.rows) for name, table in row_model.input_tables.items()}
  )

  def add_spreadout(finalizer):
    return spreadout_finalizer.build_spreadout_finalizer(
      finalizer, dimension=row_model.dimension, **options.spreadout
    )

  return row_process.build_row_process(
    row_model,
    row_model.sub_model(
      num_sampled_classes,
      num_input_rows=num_input_rows,
      use_other_positives=options.variant != 'neg_only',
    ),
    templates.build_class_sampling_distributor(
      row_model,
      num_sampled_classes,
      num_input_rows=num_input_rows,
      with_negatives=options.variant in ('fed_ss', 'neg_only'),
      retrieval_mode=options.retrieval_mode,
      downlink=row_process.check_downlink(model_distributor),
      seed_source=options.seed_source,
      base_seed=options.base_seed,
    ),
    training,
    wrap_finalizer=add_spreadout if options.variant == 'fed_aws' else None,
  )
