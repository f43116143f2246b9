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
"""Federated averaging with the output rows that clients find by hashing.

Xu et al. (2022), "Adaptive Sparse Federated Learning in Large Output Spaces via
Hashing". A round: the server hashes the rows of the output layer; each client
embeds its data, asks for the buckets that its embeddings fall in, and for rows
that it finds there; it trains this sub-model and sends what changed; the server
averages and takes a step.
"""

import tensorflow_federated as tff

from tff_methods import models
from tff_methods import retrieval
from tff_methods import templates
from tff_methods.templates import row_process


def build_lsh_select_fed_avg(
  row_model: models.RowModel,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  index: retrieval.RowIndex | None = None,
  row_budget: float = 0.3,
  own_budget: float | None = None,
  retrieved_budget: float | None = None,
  corrects_loss: bool = False,
  rounds_per_build: int = 1,
  retrieval_mode: str = 'select',
  client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  rows_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  metrics_aggregator=None,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> templates.SelectProcess:
  """Builds federated averaging of sub-models with the rows an index finds.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, `S` a
  `tff.learning.templates.LearningAlgorithmState` with the weights of
  `row_model.full_model()`, and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`; those of clients are over
  their rows, and `distributor` has the counts of `build_index_distributor`.

  Budgets are fractions of all rows. A client trains the rows of its own classes
  (and, where rows embed the input, of its input), those that the index scores
  highest, and, where these are too few, others at random: `row_budget` of all
  rows, always. A client with more rows of its own trains as many of them, drawn
  anew in each round; examples of the other classes have a loss of 0.

  Args:
    row_model: The model.
    client_optimizer_fn: Of body and rows on the client.
    server_optimizer_fn: Of the full model; by default SGD with a rate of 1. The
      paper's is `tff.learning.optimizers.build_adam`.
    index: Where clients search; by default `retrieval.SimHash()`.
    row_budget: What a client trains.
    own_budget: Of it, what a client gets before it searches, where rows embed
      the input: the rows of its data, filled up at random. By default half of
      `row_budget`. Not for other models.
    retrieved_budget: What a client gets in all; by default `row_budget`. Where
      it is more, those of the largest activations (inner product with any
      embedding of the client) are trained.
    corrects_loss: Whether, in the loss, random rows stand for those that the
      client does not have, as in FedSS; by default it is the softmax over
      the client's rows, as in the paper.
    rounds_per_build: For how many rounds an index is used.
    retrieval_mode: `'select'` or `'broadcast'`, with the same results: see
      `templates.build_row_retrieval`.
    client_weighting: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    model_aggregator: Of the body, as there.
    rows_aggregator: Of the rows; by default
      `aggregators.selected_rows_aggregator`.
    metrics_aggregator: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: As there, but iterating over the data set is the
      default: it halves the time of a round.
    seed_source: As in `build_fed_ss`.
    base_seed: Another seed gives other random choices.

  Returns:
    A `templates.SelectProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  models.check_row_model(row_model)
  budget = _to_rows(row_model, row_budget, own_budget, retrieved_budget)
  return row_process.build_row_process(
    row_model,
    row_model.sub_model(budget.trained),
    templates.build_index_distributor(
      row_model,
      index or retrieval.SimHash(),
      budget,
      corrects_loss=corrects_loss,
      rounds_per_build=rounds_per_build,
      retrieval_mode=retrieval_mode,
      seed_source=seed_source,
      base_seed=base_seed,
    ),
    row_process.RowTraining(
      client_optimizer_fn,
      server_optimizer_fn,
      client_weighting,
      model_aggregator,
      rows_aggregator,
      metrics_aggregator,
      loop_implementation,
    ),
  )


def check_lsh_select(
  row_budget: float,
  own_budget: float | None,
  retrieved_budget: float | None,
) -> None:
  """Raises `ValueError` unless the budgets go together."""
  for name, value in (
    ('row_budget', row_budget),
    ('own_budget', own_budget),
    ('retrieved_budget', retrieved_budget),
  ):
    if value is not None and not 0 < value <= 1:
      raise ValueError(
        f'Expected {name} above 0 and at most 1, a fraction of all rows, found '
        f'{value}.'
      )
  if own_budget is not None and own_budget > row_budget:
    raise ValueError(
      f'Expected own_budget of at most row_budget, {row_budget}, found '
      f'{own_budget}.'
    )
  if retrieved_budget is not None and retrieved_budget < row_budget:
    raise ValueError(
      f'Expected retrieved_budget of at least row_budget, {row_budget}, found '
      f'{retrieved_budget}.'
    )


def _to_rows(row_model, row_budget, own_budget, retrieved_budget):
  check_lsh_select(row_budget, own_budget, retrieved_budget)
  if own_budget is None and row_model.rows_embed_input:
    own_budget = row_budget / 2

  def to_rows(fraction):
    if fraction is None:
      return None
    return max(1, round(fraction * row_model.num_classes))

  return templates.RowBudget(
    *map(to_rows, (row_budget, own_budget, retrieved_budget))
  )
