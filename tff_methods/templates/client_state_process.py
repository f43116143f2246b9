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
"""Learning processes with client states that persist between rounds."""

import collections
from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, NamedTuple

import numpy as np
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods.common import argument_checks
from tff_methods.templates import learning_round


class ClientStateProcessOutput(NamedTuple):
  """Output of `ClientStateProcess.next`.

  Attributes:
    state: `S@SERVER`, the next state of the server.
    metrics: `M@SERVER`, the metrics of the round.
    client_states: `{C}@CLIENTS`, the states with which the same clients enter
      their next rounds.
  """

  state: Any
  metrics: Any
  client_states: Any


@dataclasses.dataclass(frozen=True)
class WarmUp:
  """First rounds, with an aggregation of their own.

  Attributes:
    num_rounds: Number of rounds, at least 1.
    aggregation: Aggregation of these rounds. Its states have to be of the same
      types as those of the rounds after the warm-up.
  """

  num_rounds: int
  aggregation: aggregators.ClientStateAggregation


class ClientStateProcess(tff.templates.IterativeProcess):
  """Learning process with a state on each client.

  `next: (<S@SERVER, {B*}@CLIENTS, {C}@CLIENTS> -> <state=S@SERVER,
  metrics=M@SERVER, client_states={C}@CLIENTS>)`, with `S` a
  `tff.learning.templates.LearningAlgorithmState`, and `M` the metrics of a
  `tff.learning.templates.LearningProcess`.

  The third argument has, in the order of the clients, the `client_states` of
  the last round in which each client participated; `initial_client_state()` for
  a client without a round. The caller of `next` keeps the states between
  rounds: see `simulation.compose_client_id_process`.

  A process with a warm-up has another `next` for its first rounds, of the same
  type signature: see `next_after`.
  """

  def __init__(
    self,
    initialize_fn: tff.Computation,
    next_fn: tff.Computation,
    *,
    initial_client_state_fn: tff.Computation,
    accessors: Mapping[str, tff.Computation],
    warm_up: Sequence[tuple[int, tff.Computation]] = (),
  ):
    """Initializes the process; see `compose_client_state_process` to build one.

    Args:
      initialize_fn: `( -> S@SERVER)`.
      next_fn: `next` of the rounds after the warm-up.
      initial_client_state_fn: `( -> C)`.
      accessors: Getters and setters of model weights and hyperparameters: see
        `learning_round.build_accessors`.
      warm_up: `next` of the first rounds, in order, as (num_rounds, next)
        pairs.

    Raises:
      TypeError: If the type signatures do not fit together.
    """
    super().__init__(initialize_fn, next_fn, next_is_multi_arg=True)
    signature = next_fn.type_signature
    expected = tff.FederatedType(
      initial_client_state_fn.type_signature.result, tff.CLIENTS
    )
    for name, found in (
      ('third argument', signature.parameter[2]),
      ('third result', signature.result[2]),
    ):
      if not expected.is_equivalent_to(found):
        raise TypeError(
          f'Expected the client states {expected} as {name} of next, found '
          f'{found}: take initial_client_state_fn and next_fn of one process.'
        )
    for _, other in warm_up:
      if not signature.is_equivalent_to(other.type_signature):
        raise TypeError(
          f'Expected rounds of the warm-up of type {signature}, found '
          f'{other.type_signature}: give all rounds the same states and result.'
        )
    self._initial_client_state_fn = initial_client_state_fn
    self._accessors = dict(accessors)
    self._warm_up = tuple(warm_up)

  @property
  def initial_client_state(self) -> tff.Computation:
    """State of a client before its first round: `( -> C)`."""
    return self._initial_client_state_fn

  @property
  def keeps_client_states(self) -> bool:
    """True: clients keep a state between rounds."""
    return True

  def next_after(self, num_rounds: int) -> tff.Computation:
    """Returns `next` of the round after `num_rounds` completed rounds."""
    for num_warm_up_rounds, next_fn in self._warm_up:
      if num_rounds < num_warm_up_rounds:
        return next_fn
      num_rounds -= num_warm_up_rounds
    return self.next

  def next_for(
    self, num_rounds: int, client_states: Sequence[Any]
  ) -> tff.Computation:
    """Returns `next` of a round of clients with these states.

    Args:
      num_rounds: Number of completed rounds.
      client_states: States of the clients of the next round.
    """
    del client_states  # For subclasses, whose rounds depend on them.
    return self.next_after(num_rounds)

  def accounted_next(self, num_rounds: int) -> tff.Computation:
    """Returns the `next` whose bytes count, after `num_rounds` rounds.

    Client states stay on their clients, so they have no bytes.

    Args:
      num_rounds: Number of completed rounds.

    Returns:
      A computation for `communication.build_round_bytes_fn`.
    """
    return self.next_after(num_rounds)

  def num_rounds(self, state: Any) -> int:
    """Returns the number of completed rounds of a state."""
    return int(state.aggregator['num_rounds'])

  @property
  def get_model_weights(self) -> tff.Computation:
    """Model weights of a state: `(S -> tff.learning.models.ModelWeights)`."""
    return self._accessors['get_model_weights']

  @property
  def set_model_weights(self) -> tff.Computation:
    """State with other weights: `(<S, ModelWeights> -> S)`."""
    return self._accessors['set_model_weights']

  @property
  def get_hparams(self) -> tff.Computation:
    """Hyperparameters of a state: `(S -> H)`.

    `H` is that of a `tff.learning.templates.LearningProcess`: those of client
    work and finalizer.
    """
    return self._accessors['get_hparams_fn']

  @property
  def set_hparams(self) -> tff.Computation:
    """State with other hyperparameters: `(<S, H> -> S)`."""
    return self._accessors['set_hparams_fn']


def compose_client_state_process(
  initial_model_weights_fn: tff.Computation,
  model_weights_distributor: tff.learning.templates.DistributionProcess,
  client_work: tff.learning.templates.ClientWorkProcess,
  model_update_aggregation: aggregators.ClientStateAggregation,
  model_finalizer: tff.learning.templates.FinalizerProcess,
  *,
  warm_up: Sequence[WarmUp] = (),
) -> ClientStateProcess:
  """Composes a process like `tff.learning.templates.compose_learning_process`.

  The aggregation alone reads and writes the client states. Metrics are those of
  TFF's composer. The state of the aggregation becomes `<num_rounds=int32,
  aggregation=...>`.

  Args:
    initial_model_weights_fn: `( -> tff.learning.models.ModelWeights)`.
    model_weights_distributor: Process that sends the model to the clients.
    client_work: Local training.
    model_update_aggregation: Aggregation of the updates, with client states.
    model_finalizer: Step of the server.
    warm_up: Other aggregations for the first rounds, in order.

  Returns:
    A `ClientStateProcess`.

  Raises:
    TypeError: If the parts do not fit together.
    ValueError: If a part of the warm-up has no rounds.
  """
  for part in warm_up:
    argument_checks.check_int(
      'num_rounds of a WarmUp', part.num_rounds, minimum=1
    )

  @tff.federated_computation
  def init_fn():
    return tff.federated_zip(
      tff.learning.templates.LearningAlgorithmState(
        tff.federated_eval(initial_model_weights_fn, tff.SERVER),
        model_weights_distributor.initialize(),
        client_work.initialize(),
        tff.federated_zip(
          collections.OrderedDict(
            num_rounds=tff.federated_value(0, tff.SERVER),
            aggregation=model_update_aggregation.initialize(),
          )
        ),
        model_finalizer.initialize(),
      )
    )

  def build_next(aggregation):
    return _build_next(
      init_fn.type_signature.result,
      model_weights_distributor,
      client_work,
      aggregation,
      model_finalizer,
    )

  return ClientStateProcess(
    init_fn,
    build_next(model_update_aggregation),
    initial_client_state_fn=model_update_aggregation.initial_client_state,
    accessors=learning_round.build_accessors(
      init_fn.type_signature.result.member, client_work, model_finalizer
    ),
    warm_up=[
      (part.num_rounds, build_next(part.aggregation)) for part in warm_up
    ],
  )


def _build_next(
  state_type: tff.Type,
  distributor: tff.learning.templates.DistributionProcess,
  client_work: tff.learning.templates.ClientWorkProcess,
  aggregation: aggregators.ClientStateAggregation,
  finalizer: tff.learning.templates.FinalizerProcess,
) -> tff.Computation:
  """Builds `next` with one aggregation."""

  @tff.tensorflow.computation(np.int32)
  def add_one(num_rounds):
    return num_rounds + 1

  @tff.federated_computation(
    state_type,
    client_work.next.type_signature.parameter[2],
    aggregation.next.type_signature.parameter[3],
  )
  def next_fn(state, client_data, client_states):
    def aggregate(aggregator_state, result, _):
      aggregated = aggregation.next(
        aggregator_state.aggregation,
        result.update,
        result.update_weight,
        client_states,
      )
      new_state = collections.OrderedDict(
        num_rounds=tff.federated_map(add_one, aggregator_state.num_rounds),
        aggregation=aggregated.state,
      )
      return aggregators.ClientStateOutput(
        tff.federated_zip(new_state),
        aggregated.result,
        aggregated.measurements,
        aggregated.client_states,
      )

    new_state, metrics, aggregated = learning_round.compose_round(
      state,
      client_data,
      distribute=distributor.next,
      client_work=client_work,
      aggregate=aggregate,
      finalizer=finalizer,
    )
    return ClientStateProcessOutput(
      new_state, metrics, aggregated.client_states
    )

  return next_fn
