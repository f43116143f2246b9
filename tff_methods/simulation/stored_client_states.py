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
"""A process with client states, for programs: like a learning process."""

from collections.abc import Sequence
import functools

import numpy as np
import tensorflow_federated as tff
import tree

from tff_methods.simulation import client_state_store
from tff_methods.templates import client_state_process


class StoredClientStates:
  """Runs a `ClientStateProcess` on client ids, and keeps the clients' states.

  It has what programs use of a `tff.learning.templates.LearningProcess` whose
  client data are ids: `initialize`, `next` of two arguments, and
  `get_model_weights`. `next` is a function of its arguments, but for the store:
  from a state of `t` rounds, each client gets its own state after these, so a
  round can be run again. The store is to be saved with the server's state: see
  `ClientStateStore.save`.
  """

  def __init__(
    self,
    process: client_state_process.ClientStateProcess,
    dataset_computation: tff.Computation,
    store: client_state_store.ClientStateStore,
  ):
    """Initializes the process.

    Args:
      process: What to run.
      dataset_computation: `(str -> B*)`, from a client's id to its data, as of
        `tff.simulation.datasets.ClientData`.
      store: Where client states are kept.
    """
    self._process = process
    self._dataset_computation = dataset_computation
    self._store = store
    self._composed = {}
    self.initialize = process.initialize
    self.get_model_weights = process.get_model_weights
    self.set_model_weights = process.set_model_weights

  def next(
    self, state, client_ids: Sequence[str]
  ) -> tff.learning.templates.LearningProcessOutput:
    """Runs a round.

    Args:
      state: The server's state.
      client_ids: Distinct ids of the clients of the round. Of an id that is
        none, `ClientData` of TFF has no examples, and says nothing.

    Returns:
      The server's next state, and the metrics.

    Raises:
      TypeError: If there is anything but ids.
      ValueError: If a client is there twice: it has but one state. If the store
        has no states of this round, or those of another process.
    """
    _check_client_ids(client_ids)
    client_ids = list(client_ids)
    num_rounds = self._process.num_rounds(state)
    client_states = [
      self._initial if kept is None else self._pack(kept)
      for kept in self._store.read(client_ids, num_rounds)
    ]
    next_fn = self._next_on_ids(self._process.next_after(num_rounds))
    state, metrics, states_of_ids = next_fn(state, client_ids, client_states)
    self._store.write(
      num_rounds + 1,
      {
        client_id.decode(): list(map(np.asarray, tree.flatten(client_state)))
        for client_id, client_state in states_of_ids
      },
    )
    return tff.learning.templates.LearningProcessOutput(state, metrics)

  @functools.cached_property
  def _initial(self):
    return self._process.initial_client_state()

  def _pack(self, kept: Sequence[np.ndarray]):
    expected, found = (
      [(np.shape(x), np.asarray(x).dtype) for x in arrays]
      for arrays in (tree.flatten(self._initial), kept)
    )
    if expected != found:
      raise ValueError(
        f'Expected client states of shapes and dtypes {expected}, found '
        f'{found} in the store: give each process a store of its own.'
      )
    return tree.unflatten_as(self._initial, kept)

  def _next_on_ids(self, next_fn: tff.Computation) -> tff.Computation:
    if next_fn not in self._composed:
      self._composed[next_fn] = _return_ids(
        tff.simulation.compose_dataset_computation_with_computation(
          self._dataset_computation, next_fn
        )
      )
    return self._composed[next_fn]


def _check_client_ids(client_ids: Sequence[str]) -> None:
  if isinstance(client_ids, str):
    raise TypeError(
      f'Expected a list of client ids, found the string {client_ids!r}.'
    )
  for client_id in client_ids:
    if not isinstance(client_id, str):
      raise TypeError(
        'Expected client ids, which are strings, found '
        f'{type(client_id).__name__}: the process reads the data itself.'
      )
  num_repeated = len(client_ids) - len(set(client_ids))
  if num_repeated:
    raise ValueError(
      'Expected distinct clients, since each has one state, found '
      f'{num_repeated} twice: sample without replacement.'
    )


def _return_ids(next_on_ids: tff.Computation) -> tff.Computation:
  """Returns `next`, but with each client's state goes the client's id.

  TFF's context for several workers returns what is on clients in the order in
  which the workers are done, and not in that of the arguments.
  """

  @tff.federated_computation(*next_on_ids.type_signature.parameter)
  def next_fn(state, client_ids, client_states):
    output = next_on_ids(state, client_ids, client_states)
    return (
      output.state,
      output.metrics,
      tff.federated_zip((client_ids, output.client_states)),
    )

  return next_fn
