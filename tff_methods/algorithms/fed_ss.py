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
Federated Sampled Softmax", algorithm 1. A round: each client takes the classes
of its data and random others, asks the server for their rows of the output
layer, gets these and the body, trains this sub-model by a softmax over its
classes that stands for one over all classes, and sends what changed; the server
averages and takes a step.
"""

import tensorflow_federated as tff

from tff_methods import models
from tff_methods import templates
from tff_methods.templates import row_process
from tff_methods.templates import spreadout_finalizer

VARIANTS = ('fed_ss', 'neg_only', 'pos_only', 'fed_aws', 'full_softmax')


def build_fed_ss(
  row_model: models.RowModel,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  num_sampled_classes: int | None = None,
  variant: str = 'fed_ss',
  retrieval_mode: str = 'select',
  client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  rows_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  metrics_aggregator=None,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  spreadout_rate: float | None = None,
  spreadout_margin: float | None = None,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> templates.SelectProcess | tff.learning.templates.LearningProcess:
  """Builds federated sampled softmax, or a method that it is compared with.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, `S` a
  `tff.learning.templates.LearningAlgorithmState` with the weights of
  `row_model.full_model()`, and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`. The metrics of clients are
  over their candidates: `loss` (of the sampled softmax), `accuracy` (of scores
  without its corrections), `num_examples`, and `num_excluded_examples`: those
  whose class did not fit into `num_sampled_classes`. They do not train (their
  loss is 0) but count in the client's weight.

  Variants:

  *   `'fed_ss'`: classes of the client and sampled negatives (equation 6).
  *   `'neg_only'`: an example's own class and sampled negatives (equation 7).
      Where a client's classes leave no room for negatives, its loss is 0.
  *   `'pos_only'`: the client's classes only (equation 8).
  *   `'fed_aws'`: the same, and the server pushes all rows apart (Yu et al.
      2020).
  *   `'full_softmax'`: all classes on each client (equation 2). This is TFF's
      weighted federated averaging of the full model.

  Args:
    row_model: The model.
    client_optimizer_fn: Of body and rows on the client.
    server_optimizer_fn: Of the full model; by default SGD with a rate of 1.
    num_sampled_classes: The rows that each client gets and sends, the paper's
      `|S|`: its own classes and negatives, or with `'pos_only'` and `'fed_aws'`
      its own classes and padding. A client with more classes takes part with
      so many of them, which it draws anew in each round. Not for
      `'full_softmax'`.
    variant: One of `VARIANTS`.
    retrieval_mode: `'select'` or `'broadcast'`, with the same results: see
      `templates.build_row_retrieval`. With `'full_softmax'` nothing is
      retrieved.
    client_weighting: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    model_aggregator: Of the body (of the full model with `'full_softmax'`), as
      there.
    rows_aggregator: Of the rows; by default
      `aggregators.selected_rows_aggregator`. Not for `'full_softmax'`.
    metrics_aggregator: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: As there, but iterating over the data set is the
      default: it halves the time of a round.
    spreadout_rate: As in `build_spreadout_finalizer`, for `'fed_aws'` only; by
      default 0.01.
    spreadout_margin: As there, for `'fed_aws'` only; by default 1.
    seed_source: Where a client's own random choices come from.
      `'reproducible'`: a fingerprint of its first batch, so that a simulation
      run again gives the same bits. `'entropy'`: the operating system.
    base_seed: Another seed gives other random choices.

  Returns:
    A `templates.SelectProcess`; for `'full_softmax'` a
    `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  models.check_row_model(row_model)
  check_fed_ss(variant, num_sampled_classes)
  if num_sampled_classes is not None:
    models.check_num_candidates(
      'num_sampled_classes', num_sampled_classes, row_model.num_classes
    )
  _check_of_variant('rows_aggregator', rows_aggregator, variant, VARIANTS[:-1])
  for name, value in (
    ('spreadout_rate', spreadout_rate),
    ('spreadout_margin', spreadout_margin),
  ):
    _check_of_variant(name, value, variant, ('fed_aws',))
  if variant == 'full_softmax':
    return tff.learning.algorithms.build_weighted_fed_avg(
      row_model.full_model(),
      client_optimizer_fn,
      server_optimizer_fn,
      client_weighting=client_weighting,
      model_aggregator=model_aggregator,
      metrics_aggregator=metrics_aggregator,
      loop_implementation=loop_implementation,
    )

  def finish(finalizer):
    if variant != 'fed_aws':
      return finalizer
    return spreadout_finalizer.build_spreadout_finalizer(
      finalizer,
      dimension=row_model.dimension,
      rate=0.01 if spreadout_rate is None else spreadout_rate,
      margin=1.0 if spreadout_margin is None else spreadout_margin,
    )

  return row_process.build_row_process(
    row_model,
    row_model.sub_model(
      num_sampled_classes, use_other_positives=variant != 'neg_only'
    ),
    templates.build_class_sampling_distributor(
      row_model,
      num_sampled_classes,
      with_negatives=variant in ('fed_ss', 'neg_only'),
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
    wrap_finalizer=finish,
  )


def check_fed_ss(variant: str, num_sampled_classes: int | None) -> None:
  """Raises `ValueError` unless the two go together."""
  if variant not in VARIANTS:
    raise ValueError(
      f'Expected variant to be one of {VARIANTS}, found {variant!r}.'
    )
  is_given = num_sampled_classes is not None
  if is_given == (variant == 'full_softmax'):
    raise ValueError(
      f'Expected {"no" if is_given else "a"} num_sampled_classes with '
      f'variant={variant!r}, found {num_sampled_classes}: '
      + (
        'leave it out, since all classes are on each client.'
        if is_given
        else 'give the number of rows that a client gets.'
      )
    )


def _check_of_variant(name, value, variant, variants) -> None:
  if value is not None and variant not in variants:
    raise ValueError(
      f'Expected no {name} with variant={variant!r}, found {value}: leave it '
      'out.'
    )
