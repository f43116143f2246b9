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
"""One round of federated learning: what this package's composers share."""

import collections
from collections.abc import Callable
from typing import Any

import tensorflow_federated as tff


def compose_round(
  state,
  client_data,
  *,
  distribute: Callable[..., Any],
  client_work: tff.learning.templates.ClientWorkProcess,
  aggregate: Callable[..., Any],
  finalizer: tff.learning.templates.FinalizerProcess,
):
  """Composes a round as `tff.learning.templates.compose_learning_process`.

  Call it in a `tff.federated_computation`. What differs between composers are
  the two functions, which may take more than TFF's processes do.

  Args:
    state: A `LearningAlgorithmState` at SERVER.
    client_data: At CLIENTS.
    distribute: From the distributor's state and the global model weights to a
      `MeasuredProcessOutput` whose result is what the client work takes.
    client_work: How clients train.
    aggregate: From the aggregator's state and, of the client work, the output
      and what it was given, to a structure with `state`, `result` and
      `measurements`.
    finalizer: How the server takes its step.

  Returns:
    The new state, the metrics, and what `aggregate` returned.
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
