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
"""Federated averaging whose downlink is quantized differences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.templates import client_state_process
from tff_methods.templates import delta_downlink
from tff_methods.templates import fed_avg
from tff_methods.templates import learning_round
from tff_methods.templates import local_model


class DeltaDownlinkProcess(client_state_process.ClientStateProcess):
  """Client-state process whose clients keep a reference of the model.

  A broadcast sends one value to all clients, so there is a `next` for cohorts
  in which every client has the reference of the last round, `next`, and one
  for all others, `reference_next`. Both have the same results; their bytes
  differ.
  """

  def __init__(
    self,
    initialize_fn: tff.Computation,
    next_fn: tff.Computation,
    *,
    initial_client_state_fn: tff.Computation,
    accessors: Mapping[str, tff.Computation],
    reference_next_fn: tff.Computation,
  ):
    """Initializes the process; see `build_delta_downlink_fed_avg`.

    Args:
      initialize_fn: `( -> S@SERVER)`.
      next_fn: `next` that sends the difference.
      initial_client_state_fn: `( -> C)`.
      accessors: See `ClientStateProcess`.
      reference_next_fn: `next` of the same type that sends the reference.
    """
    super().__init__(
      initialize_fn,
      next_fn,
      initial_client_state_fn=initial_client_state_fn,
      accessors=accessors,
    )
    self._reference_next_fn = reference_next_fn

  @property
  def reference_next(self) -> tff.Computation:
    """The `next` that sends the whole reference to the cohort."""
    return self._reference_next_fn

  def next_for(
    self, num_rounds: int, client_states: Sequence[Any]
  ) -> tff.Computation:
    """Returns `next`, or `reference_next` if a client missed a round.

    Args:
      num_rounds: Number of completed rounds.
      client_states: States of the clients of the next round.
    """
    if all(int(state['num_rounds']) == num_rounds for state in client_states):
      return self.next
    return self.reference_next

  def num_rounds(self, state: Any) -> int:
    """Returns the number of completed rounds of a state."""
    return int(state.distributor['num_rounds'])


def build_delta_downlink_fed_avg(
  model_fn: local_model.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: options_lib.DeltaDownlinkOptions | None = None,
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> DeltaDownlinkProcess:
  """Builds federated averaging with quantized differences on the downlink.

  For clients that take part in nearly every round, such as organizations: a
  client keeps a copy of the reference. In a round:

  1.  The server adds the quantized difference of its weights and the reference
      to the reference, and broadcasts this difference. If a client of the
      cohort missed a round, it broadcasts the reference instead, as `float32`.
  2.  Clients update their reference, and train from it.
  3.  The server aggregates their updates, and applies them to its own weights.

  `next: <S@SERVER, {B*}@CLIENTS, {C}@CLIENTS> -> <state=S@SERVER,
  metrics=M@SERVER, client_states={C}@CLIENTS>`, with `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`; `distributor` has
  `payload_bytes_per_client`.

  Server and clients compute the same reference. In a simulation on processors
  of several kinds, whose kernels round differently, the references can drift
  apart by rounding errors until the next `reference_next`.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    options: Quantization of the differences; `DeltaDownlinkOptions()` by
      default.
    model_aggregator: Aggregator of the updates; by default
      `tff.aggregators.MeanFactory`.
    client_weighting: Weights of the clients' updates: numbers of examples, or
      uniform.
    metrics_aggregator: Function from the model's metric finalizers to the
      aggregation of metrics; `tff.learning.metrics.sum_then_finalize` by
      default.
    loop_implementation: Loop over a client's batches. The default halves the
      time of a round, compared with TFF's default, `DATASET_REDUCE`.

  Returns:
    A `DeltaDownlinkProcess`.

  Raises:
    TypeError: If an argument is of a wrong type, or a weight is not a number.
  """
  fed_avg.check_arguments(
    client_optimizer_fn=client_optimizer_fn,
    server_optimizer_fn=server_optimizer_fn,
    model_aggregator=model_aggregator,
    client_weighting=client_weighting,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
  options = argument_checks.check_options(
    options,
    options_lib.DeltaDownlinkOptions,
    default=options_lib.DeltaDownlinkOptions(),
  )
  description = local_model.describe(model_fn)
  return _compose(
    description.initial_weights_fn,
    delta_downlink.DeltaDownlink(description.weights_type, options),
    fed_avg.build_client_work(
      model_fn,
      optimizer=client_optimizer_fn,
      client_weighting=client_weighting,
      metrics_aggregator=metrics_aggregator,
      loop_implementation=loop_implementation,
    ),
    (model_aggregator or tff.aggregators.MeanFactory()).create(
      description.weights_type.trainable, tff.TensorType(np.float32)
    ),
    fed_avg.build_finalizer(server_optimizer_fn, description.weights_type),
  )


def _compose(
  initial_weights_fn: tff.Computation,
  downlink: delta_downlink.DeltaDownlink,
  client_work: tff.learning.templates.ClientWorkProcess,
  aggregator: tff.templates.AggregationProcess,
  finalizer: tff.learning.templates.FinalizerProcess,
) -> DeltaDownlinkProcess:
  """Composes the process of its parts, once for each thing to send."""

  @tff.federated_computation
  def init_fn():
    return tff.federated_zip(
      tff.learning.templates.LearningAlgorithmState(
        tff.federated_eval(initial_weights_fn, tff.SERVER),
        downlink.initialize(),
        client_work.initialize(),
        aggregator.initialize(),
        finalizer.initialize(),
      )
    )

  client_state_type = downlink.initial_client_state.type_signature.result

  @tff.tensorflow.computation(client_state_type)
  def to_model(client_state):
    return client_state['reference']

  def build_next(sends_difference):
    @tff.federated_computation(
      init_fn.type_signature.result,
      client_work.next.type_signature.parameter[2],
      tff.FederatedType(client_state_type, tff.CLIENTS),
    )
    def next_fn(state, client_data, client_states):
      if sends_difference:
        distributed = downlink.distribute_difference(
          state.distributor, state.global_model_weights, client_states
        )
      else:
        distributed = downlink.distribute_reference(
          state.distributor, state.global_model_weights
        )
      new_client_states = distributed.result
      new_state, metrics, _ = learning_round.compose_round(
        state,
        client_data,
        distribute=lambda *_: tff.templates.MeasuredProcessOutput(
          distributed.state,
          tff.federated_map(to_model, new_client_states),
          distributed.measurements,
        ),
        client_work=client_work,
        aggregate=lambda aggregator_state, result, _: aggregator.next(
          aggregator_state, result.update, result.update_weight
        ),
        finalizer=finalizer,
      )
      return client_state_process.ClientStateProcessOutput(
        new_state, metrics, new_client_states
      )

    return next_fn

  return DeltaDownlinkProcess(
    init_fn,
    build_next(sends_difference=True),
    initial_client_state_fn=downlink.initial_client_state,
    accessors=learning_round.build_accessors(
      init_fn.type_signature.result.member, client_work, finalizer
    ),
    reference_next_fn=build_next(sends_difference=False),
  )
