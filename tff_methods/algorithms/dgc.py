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
"""Deep gradient compression of the updates of federated averaging.

Lin et al., "Deep Gradient Compression: Reducing the Communication Bandwidth for
Distributed Training" (2018). In the paper, a worker accumulates gradients with
momentum and sends the largest accumulated values in each step. Here, the update
of a client's local training takes the place of the gradient. The paper's
remedies are momentum correction (with plain or Nesterov momentum), momentum
factor masking and the warm-up of the density. The fourth, local clipping, is
`DgcOptions.bounds`, which clips an update before it is accumulated.
"""

import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.templates import error_feedback_process


def build_dgc_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.DgcOptions | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> templates.ClientStateProcess:
  """Builds federated averaging with deep gradient compression.

  Momentum is applied on clients. Use a server optimizer without momentum, which
  momentum correction replaces.

  See `templates.build_error_feedback_fed_avg` for the type signature of `next`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    options: Selection, momentum and warm-up; `DgcOptions()` by default.
    client_weighting: Weights of the clients' updates: numbers of examples, or
      uniform.
    model_distributor: Process that sends the model to the clients, or options
      of its quantization; a broadcast by default.
    metrics_aggregator: Function from the model's metric finalizers to the
      aggregation of metrics; `tff.learning.metrics.sum_then_finalize` by
      default.
    loop_implementation: Loop over a client's batches. The default halves the
      time of a round, compared with TFF's default, `DATASET_REDUCE`.

  Returns:
    A `templates.ClientStateProcess`. Its `next` is the round after the warm-up;
    its method `next_after` returns the `next` of any round.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  options = argument_checks.check_options(
    options, options_lib.DgcOptions, default=options_lib.DgcOptions()
  )
  aggregator, warm_up = _aggregator_and_warm_up(options)
  return error_feedback_process.build_error_feedback_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    model_aggregator=aggregator,
    warm_up=warm_up,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )


def _aggregator_and_warm_up(
  options: options_lib.DgcOptions,
) -> tuple[
  aggregators.ErrorFeedbackMeanFactory,
  list[tuple[int, aggregators.ErrorFeedbackMeanFactory]],
]:
  """Returns the aggregator, and the warm-up as (num_rounds, aggregator)s."""
  feedback = aggregators.MomentumCorrection(options.momentum, options.nesterov)

  def build(fraction):
    return error_feedback_process.top_k_with_error_feedback(
      feedback,
      options_lib.SparseOptions(
        fraction=fraction,
        bits=options.bits,
        scope=options.scope,
        min_elements=options.min_elements,
        bounds=options.bounds,
      ),
    )

  return build(options.fraction), [
    (options.rounds_per_warm_up_fraction, build(fraction))
    for fraction in options.warm_up
  ]
