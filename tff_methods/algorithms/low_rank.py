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
"""Federated averaging of updates of low rank.

Konečný et al., "Federated Learning: Strategies for Improving Communication
Efficiency" (2016), section 2. The update of each matrix is a product of two
factors. Each client draws the left factor in each round, and trains and sends
the right factor alone. The server draws the left factor from the client's key.
"""

import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods import update_spaces
from tff_methods.algorithms import structured_update
from tff_methods.common import argument_checks


def build_low_rank_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.LowRankOptions,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging of updates of low rank.

  Learning rates have to be lower than without restriction: see
  `update_spaces.LowRank`. See `build_structured_update_fed_avg` for the type
  signature of `next`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the parameters that clients train.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    options: Rank, quantization and random choices.
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
  options = argument_checks.check_options(options, options_lib.LowRankOptions)
  return structured_update.build_structured_update_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    update_space=update_spaces.LowRank(
      rank=options.rank,
      fraction=options.fraction,
      left_factor=options.left_factor,
      min_elements=options.min_elements,
    ),
    options=options,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
