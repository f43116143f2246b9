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
"""Federated averaging with error feedback on the clients."""

from collections.abc import Sequence

import numpy as np
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import options as options_lib
from tff_methods.aggregators import sparse_update
from tff_methods.templates import client_state_process
from tff_methods.templates import fed_avg
from tff_methods.templates import local_model
from tff_methods.templates import sketched_distributor


def build_error_feedback_fed_avg(
  model_fn: local_model.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  model_aggregator: aggregators.ErrorFeedbackMeanFactory,
  warm_up: Sequence[tuple[int, aggregators.ErrorFeedbackMeanFactory]] = (),
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: sketched_distributor.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> client_state_process.ClientStateProcess:
  """Builds federated averaging with any encoder and error feedback.

  `next: <S@SERVER, {B*}@CLIENTS, {C}@CLIENTS> -> <state=S@SERVER,
  metrics=M@SERVER, client_states={C}@CLIENTS>`, with `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`, with the measurements of
  `model_aggregator` under `aggregator`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    model_aggregator: Encoder and error feedback of the updates.
    warm_up: Aggregators of the first rounds, in order, as (num_rounds,
      aggregator) pairs. Their client states have to be of the same type as
      those of `model_aggregator`.
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
    A `ClientStateProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a number of warm-up rounds is below 1.
  """
  fed_avg.check_arguments(
    client_optimizer_fn=client_optimizer_fn,
    server_optimizer_fn=server_optimizer_fn,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
  local_model.check_model(model_fn)
  return build_error_feedback_process(
    model_fn,
    fed_avg.build_client_work(
      model_fn,
      optimizer=client_optimizer_fn,
      client_weighting=client_weighting,
      metrics_aggregator=metrics_aggregator,
      loop_implementation=loop_implementation,
    ),
    server_optimizer_fn,
    model_aggregator=model_aggregator,
    warm_up=warm_up,
    model_distributor=model_distributor,
  )


def build_error_feedback_process(
  model_fn: local_model.Model,
  client_work: tff.learning.templates.ClientWorkProcess,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  model_aggregator: aggregators.ErrorFeedbackMeanFactory,
  warm_up: Sequence[tuple[int, aggregators.ErrorFeedbackMeanFactory]] = (),
  model_distributor: sketched_distributor.ModelDistributor | None = None,
) -> client_state_process.ClientStateProcess:
  """Builds a process of any client work, with error feedback on its updates.

  Local training can be one of your own, or that of TFF's
  `tff.learning.templates.build_model_delta_client_work` and
  `build_functional_model_delta_client_work`. (FedProx is an optimizer: see
  `add_proximal_term`.)

  `next` is that of `build_error_feedback_fed_avg`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_work: Local training of this model. Its state is at the server, and
      the client states are those of the aggregator alone.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    model_aggregator: Encoder and error feedback of the updates.
    warm_up: See `build_error_feedback_fed_avg`.
    model_distributor: See `build_error_feedback_fed_avg`.

  Returns:
    A `ClientStateProcess`.

  Raises:
    TypeError: If an argument is of a wrong type, or `client_work` is of another
      model.
    ValueError: If a number of warm-up rounds is below 1.
  """
  fed_avg.check_arguments(
    client_work=client_work,
    server_optimizer_fn=server_optimizer_fn,
    model_distributor=model_distributor,
  )
  description = local_model.describe(model_fn)
  weights_type = description.weights_type
  _check_client_work(client_work, weights_type)

  def create(factory):
    if not isinstance(factory, aggregators.ErrorFeedbackMeanFactory):
      raise TypeError(
        'Expected model_aggregator, and those of warm_up, to be an '
        f'ErrorFeedbackMeanFactory, found {type(factory).__name__}: make one '
        'with aggregators.ErrorFeedbackMeanFactory.'
      )
    return factory.create(weights_type.trainable, tff.TensorType(np.float32))

  return client_state_process.compose_client_state_process(
    description.initial_weights_fn,
    sketched_distributor.build_distributor_of_weights(
      weights_type, model_distributor
    ),
    client_work,
    create(model_aggregator),
    fed_avg.build_finalizer(server_optimizer_fn, weights_type),
    warm_up=[
      client_state_process.WarmUp(num_rounds, create(factory))
      for num_rounds, factory in warm_up
    ],
  )


def _check_client_work(
  client_work: tff.learning.templates.ClientWorkProcess,
  weights_type: tff.StructWithPythonType,
) -> None:
  """Raises `TypeError` unless a client work trains a model of this type."""
  signature = client_work.next.type_signature
  received = signature.parameter[1].member
  result = signature.result.result.member
  for what, expected, found, fits in (
    (
      'receive the model',
      weights_type,
      received,
      received.is_assignable_from(weights_type),
    ),
    (
      'return updates of type',
      weights_type.trainable,
      result.update,
      weights_type.trainable.is_assignable_from(result.update),
    ),
  ):
    if not fits:
      raise TypeError(
        f'Expected client_work to {what} {expected}, found {found}: build it '
        'for the model of model_fn.'
      )


def top_k_with_error_feedback(
  feedback: aggregators.ErrorFeedback, options: options_lib.SparseOptions
) -> aggregators.ErrorFeedbackMeanFactory:
  """Returns the mean of the values of largest magnitude, with error feedback.

  Args:
    feedback: Rule of the clients' states.
    options: Selection and quantization of the values.
  """
  return aggregators.ErrorFeedbackMeanFactory(
    sparse_update.sparse_encoder_fn(options),
    feedback,
    scope=options.scope,
    min_elements=options.min_elements,
    bounds=options.bounds,
  )
