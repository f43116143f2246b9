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
"""TernGrad: each value of an update is sent as -u, 0 or u.

Wen et al., "TernGrad: Ternary Gradients to Reduce Communication in Distributed
Deep Learning" (2017). The update of a client's local training takes the place
of a worker's gradient.
"""

import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.aggregators import salted_mean
from tff_methods.aggregators import shared_ternary
from tff_methods.aggregators import ternary_update
from tff_methods.common import argument_checks
from tff_methods.templates import salted_process


def build_terngrad_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.TernGradOptions | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging with ternary updates.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`, with the measurements of
  `aggregators.ternary_aggregator` under `aggregator`; with `share_scale`,
  `payload_bytes` includes the clients' own scales.

  With `TernGradOptions.share_scale`, one aggregation of a round depends on
  another. TFF cannot split it over several workers, nor into a `MapReduceForm`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    options: Clipping and random choices; `TernGradOptions()` by default.
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
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  options = argument_checks.check_options(
    options, options_lib.TernGradOptions, default=options_lib.TernGradOptions()
  )
  salted = options.share_scale or options.seed_source == 'reproducible'
  if options.share_scale:
    model_aggregator = shared_ternary.SharedTernaryMeanFactory(options)
  else:
    model_aggregator = salted_mean.mean_factory(
      ternary_update.ternary_encoder_fn(options),
      options.min_elements,
      salted=salted,
    )
  return salted_process.fed_avg_builder(salted)(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    model_aggregator=model_aggregator,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
