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
"""DHQC: sparse, quantized updates with error feedback.

Jiang et al., "Deep Hierarchy Quantization Compression algorithm based on
Dynamic Sampling" (2022), algorithm 1. A client adds its residual, the part of
earlier updates that it did not send, to its update, as one vector. It sends the
values of largest magnitude, each as a sign and an interval between the smallest
and the largest of these magnitudes, and keeps the rest as its next residual.
The paper's dynamic sampling belongs to the program that runs the rounds:
`programs/train.py --sampling=exponential`.
"""

import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.templates import error_feedback_process


def build_dhqc_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.DhqcOptions | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> templates.ClientStateProcess:
  """Builds federated averaging with sparse updates and error feedback.

  See `templates.build_error_feedback_fed_avg` for the type signature of `next`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    options: Selection, quantization and error feedback; `DhqcOptions()` by
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
    A `templates.ClientStateProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  options = argument_checks.check_options(
    options, options_lib.DhqcOptions, default=options_lib.DhqcOptions()
  )
  return error_feedback_process.build_error_feedback_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    model_aggregator=error_feedback_process.top_k_with_error_feedback(
      aggregators.ResidualFeedback(options.feedback), options
    ),
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
