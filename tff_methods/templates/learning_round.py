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
"""One round of federated learning, shared by this package's composers."""

import collections
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow_federated as tff


def compose_round(
  state: Any,
  client_data: Any,
  *,
  distribute: Callable[[Any, Any], Any],
  client_work: tff.learning.templates.ClientWorkProcess,
  aggregate: Callable[[Any, Any, Any], Any],
  finalizer: tff.learning.templates.FinalizerProcess,
) -> tuple[Any, Any, Any]:
  """Composes a round like `tff.learning.templates.compose_learning_process`.

  Call it inside a `tff.federated_computation`. Distribution and aggregation are
  functions, so that composers can pass them more arguments than TFF's processes
  take.

  1.  `distribute` sends the model from the server to the clients.
  2.  The clients train (`client_work`).
  3.  `aggregate` sends their updates to the server and combines them.
  4.  The server takes its step (`finalizer`).

  Args:
    state: `tff.learning.templates.LearningAlgorithmState` at SERVER.
    client_data: Data sets at CLIENTS.
    distribute: Maps the distributor's state and the global model weights to a
      `tff.templates.MeasuredProcessOutput`, whose result is the input of the
      client work.
    client_work: Local training.
    aggregate: Maps the aggregator's state, the result of the client work and
      the result of `distribute` to a structure with `state`, `result` and
      `measurements`.
    finalizer: Step of the server.

  Returns:
    The new state and the metrics, both at SERVER, and the output of
    `aggregate`.
  """
  distributed = distribute(state.distributor, state.global_model_weights)
  worked = client_work.next(state.client_work, distributed.result, client_data)
  aggregated = aggregate(state.aggregator, worked.result, distributed.result)
  finalized = finalizer.next(
    state.finalizer, state.global_model_weights, aggregated.result
  )
  new_state = tff.learning.templates.LearningAlgorithmState(
    finalized.result,
    distributed.state,
    worked.state,
    aggregated.state,
    finalized.state,
  )
  metrics = collections.OrderedDict(
    distributor=distributed.measurements,
    client_work=worked.measurements,
    aggregator=aggregated.measurements,
    finalizer=finalized.measurements,
  )
  return tff.federated_zip(new_state), tff.federated_zip(metrics), aggregated


def build_init(
  initial_weights_fn: tff.Computation,
  processes: Sequence[tff.templates.MeasuredProcess],
) -> tff.Computation:
  """Builds `( -> LearningAlgorithmState@SERVER)`.

  Args:
    initial_weights_fn: `( -> tff.learning.models.ModelWeights)`.
    processes: Distributor, client work, aggregator and finalizer.
  """

  @tff.federated_computation
  def init_fn():
    return tff.federated_zip(
      tff.learning.templates.LearningAlgorithmState(
        tff.federated_eval(initial_weights_fn, tff.SERVER),
        *(process.initialize() for process in processes),
      )
    )

  return init_fn


def build_accessors(
  state_type: tff.Type,
  client_work: tff.learning.templates.ClientWorkProcess,
  finalizer: tff.learning.templates.FinalizerProcess,
) -> dict[str, tff.Computation]:
  """Returns getters and setters of weights and hyperparameters, as TFF's.

  Args:
    state_type: Type of `tff.learning.templates.LearningAlgorithmState`.
    client_work: Local training.
    finalizer: Step of the server.

  Returns:
    Keyword arguments of `tff.learning.templates.LearningProcess`.
  """

  @tff.tensorflow.computation(state_type)
  def get_model_weights(state):
    return state.global_model_weights

  @tff.tensorflow.computation(state_type, state_type.global_model_weights)
  def set_model_weights(state, weights):
    return state._replace(global_model_weights=weights)

  @tff.tensorflow.computation(state_type)
  def get_hparams(state):
    return collections.OrderedDict(
      client_work=client_work.get_hparams(state.client_work),
      finalizer=finalizer.get_hparams(state.finalizer),
    )

  @tff.tensorflow.computation(state_type, get_hparams.type_signature.result)
  def set_hparams(state, hparams):
    return state._replace(
      client_work=client_work.set_hparams(
        state.client_work, hparams['client_work']
      ),
      finalizer=finalizer.set_hparams(state.finalizer, hparams['finalizer']),
    )

  return dict(
    get_model_weights=get_model_weights,
    set_model_weights=set_model_weights,
    get_hparams_fn=get_hparams,
    set_hparams_fn=set_hparams,
  )
