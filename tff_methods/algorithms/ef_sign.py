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
"""Signs with error feedback: EF-SignSGD and 1-bit SGD.

Karimireddy et al. (2019), "Error Feedback Fixes SignSGD and other Gradient
Compression Schemes", algorithm 1; Seide et al. (2014), "1-Bit Stochastic
Gradient Descent". The update of a client's local training takes the place of
the gradient. A client adds its residual to its update, sends the sign of each
value and the mean magnitude of each tensor, and keeps the difference as its
next residual.
"""

import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.templates import error_feedback_process


def build_ef_sign_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.EfSignOptions | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> templates.ClientStateProcess:
  """Builds federated averaging with signs and error feedback.

  See `templates.build_error_feedback_fed_avg` for the type signature of `next`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    options: Scales and bounds; `EfSignOptions()` by
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
    options, options_lib.EfSignOptions, default=options_lib.EfSignOptions()
  )
  return error_feedback_process.build_error_feedback_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    model_aggregator=aggregators.ErrorFeedbackMeanFactory(
      functools.partial(_build_encoder, options=options),
      aggregators.ResidualFeedback(),
      scope='tensor',
      min_elements=options.min_elements,
      bounds=options.bounds,
    ),
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )


def _build_encoder(
  spec: tf.TensorSpec, index: int, *, options: options_lib.EfSignOptions
) -> encoders.GatherEncoder:
  del index  # The stage draws no random numbers.
  stage = encoders.SignQuantizationStage(options.levels)
  return encoders.chain([(stage, '')], spec)
