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
"""Learning processes whose clients draw from salts of their data and ids."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_methods.templates import client_salt
from tff_methods.templates import fed_avg
from tff_methods.templates import learning_round
from tff_methods.templates import local_model
from tff_methods.templates import sketched_distributor


class SaltedProcess(tff.learning.templates.LearningProcess):
  """A `tff.learning.templates.LearningProcess` with random choices of clients.

  In `next`, clients with the same first batch draw the same. In `next_with_ids`
  their ids make them differ.
  """

  def __init__(
    self, *args: Any, next_with_ids_fn: tff.Computation, **kwargs: Any
  ) -> None:
    """Initializes the process.

    Args:
      *args: Positional arguments of `tff.learning.templates.LearningProcess`.
      next_with_ids_fn: See `next_with_ids`.
      **kwargs: Keyword arguments of `tff.learning.templates.LearningProcess`.
    """
    super().__init__(*args, **kwargs)
    self._next_with_ids_fn = next_with_ids_fn

  @property
  def next_with_ids(self) -> tff.Computation:
    """`next` whose third argument are client ids, `{str}@CLIENTS`."""
    return self._next_with_ids_fn


def compose_salted_process(
  initial_model_weights_fn: tff.Computation,
  model_weights_distributor: tff.learning.templates.DistributionProcess,
  client_work: tff.learning.templates.ClientWorkProcess,
  model_update_aggregator: tff.templates.AggregationProcess,
  model_finalizer: tff.learning.templates.FinalizerProcess,
  *,
  seed_source: str,
) -> SaltedProcess:
  """Composes a process like `tff.learning.templates.compose_learning_process`.

  Args:
    initial_model_weights_fn: `( -> tff.learning.models.ModelWeights)`.
    model_weights_distributor: Process that sends the model to the clients.
    client_work: Salted local training: see `client_salt`.
    model_update_aggregator: Aggregation of the updates.
    model_finalizer: Step of the server.
    seed_source: Source of the salts, one of `options.SEED_SOURCES`.

  Returns:
    A `SaltedProcess`.
  """
  init_fn = learning_round.build_init(
    initial_model_weights_fn,
    (
      model_weights_distributor,
      client_work,
      model_update_aggregator,
      model_finalizer,
    ),
  )
  state_type = init_fn.type_signature.result
  data_type = client_work.next.type_signature.parameter[2]
  make_salt = client_salt.build_client_salt(data_type.member, seed_source)

  def run_round(state, client_data, salts):
    def distribute(distributor_state, weights):
      output = model_weights_distributor.next(distributor_state, weights)
      return tff.templates.MeasuredProcessOutput(
        output.state,
        client_salt.zip_salts(output.result, salts),
        output.measurements,
      )

    new_state, metrics, _ = learning_round.compose_round(
      state,
      client_data,
      distribute=distribute,
      client_work=client_work,
      aggregate=lambda aggregator_state, result, _: (
        model_update_aggregator.next(
          aggregator_state, result.update, result.update_weight
        )
      ),
      finalizer=model_finalizer,
    )
    return tff.learning.templates.LearningProcessOutput(new_state, metrics)

  @tff.federated_computation(state_type, data_type)
  def next_fn(state, client_data):
    salts = tff.federated_map(make_salt, client_data)
    return run_round(state, client_data, salts)

  @tff.federated_computation(
    state_type, data_type, tff.FederatedType(np.str_, tff.CLIENTS)
  )
  def next_with_ids(state, client_data, client_ids):
    salts = tff.federated_map(make_salt, client_data)
    return run_round(state, client_data, client_salt.add_ids(salts, client_ids))

  return SaltedProcess(
    init_fn,
    next_fn,
    **learning_round.build_accessors(
      state_type.member, client_work, model_finalizer
    ),
    next_with_ids_fn=next_with_ids,
  )


def build_salted_fed_avg(
  model_fn: local_model.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  model_aggregator: tff.aggregators.WeightedAggregationFactory,
  client_weighting: tff.learning.ClientWeighting,
  model_distributor: sketched_distributor.ModelDistributor | None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None,
  loop_implementation: tff.learning.LoopImplementation,
) -> SaltedProcess:
  """Builds federated averaging whose clients draw from salts of their data.

  State, metrics and bytes are those of `fed_avg.build_weighted_fed_avg`.

  Args:
    model_fn: See `fed_avg.build_weighted_fed_avg`, also for the arguments that
      are not listed here.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    model_aggregator: Aggregator of values with salts, such as
      `SaltedMeanFactory`.
    client_weighting: Weights of the clients' updates.
    model_distributor: Process that sends the model, or options of its
      quantization; `None` for a broadcast.
    metrics_aggregator: Aggregation of metrics; `None` for
      `tff.learning.metrics.sum_then_finalize`.
    loop_implementation: Loop over a client's batches.

  Returns:
    A `SaltedProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  local_model.check_model(model_fn)
  fed_avg.check_arguments(
    client_optimizer_fn=client_optimizer_fn,
    server_optimizer_fn=server_optimizer_fn,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
  description = local_model.describe(model_fn)
  client_work = client_salt.with_salt(
    fed_avg.build_client_work(
      model_fn,
      optimizer=client_optimizer_fn,
      client_weighting=client_weighting,
      metrics_aggregator=metrics_aggregator,
      loop_implementation=loop_implementation,
    )
  )
  update_type = client_work.next.type_signature.result.result.member
  return compose_salted_process(
    description.initial_weights_fn,
    sketched_distributor.build_distributor_of_weights(
      description.weights_type, model_distributor
    ),
    client_work,
    model_aggregator.create(update_type.update, update_type.update_weight),
    fed_avg.build_finalizer(server_optimizer_fn, description.weights_type),
    seed_source='reproducible',
  )


def fed_avg_builder(salted: bool) -> Callable[..., Any]:
  """Returns `build_salted_fed_avg`, or else `fed_avg.build_weighted_fed_avg`.

  Args:
    salted: If true, the clients' work adds salts to their updates.
  """
  return build_salted_fed_avg if salted else fed_avg.build_weighted_fed_avg
