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
"""Federated averaging with sketched updates.

Konečný et al., "Federated Learning: Strategies for Improving Communication
Efficiency" (2016), section 3. A round is that of federated averaging: clients
train on their own data and compute full updates. Each client rotates,
subsamples and quantizes its update before it sends it; the server decodes,
averages and takes a step. Only the aggregator differs from federated averaging.
"""

import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.aggregators import salted_mean
from tff_methods.aggregators import sketched_update
from tff_methods.common import argument_checks
from tff_methods.templates import salted_process


def build_sketched_update_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.SketchOptions | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging with sketched updates.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`, with the measurements of
  `aggregators.sketched_update_aggregator` under `aggregator`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    options: Rotation, subsampling and quantization; `SketchOptions()` by
      default.
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
    options, options_lib.SketchOptions, default=options_lib.SketchOptions()
  )
  salted = options.clients_draw and options.seed_source == 'reproducible'
  model_aggregator = salted_mean.mean_factory(
    sketched_update.sketch_encoder_fn(options),
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
