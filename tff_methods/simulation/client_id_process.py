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
"""Learning processes on client ids, with or without client states."""

import abc
from collections.abc import Collection, Sequence
import functools
from typing import Any

import numpy as np
import tensorflow_federated as tff
import tree

from tff_methods import templates
from tff_methods.simulation import client_state_store
from tff_methods.simulation import store_files
from tff_methods.templates import salted_process


class ClientIdProcess(abc.ABC):
  """Learning process whose client data are client ids.

  Interface that programs use for all methods, whether their clients keep states
  between rounds or not:

      process = compose_client_id_process(
        build_dhqc_fed_avg(model_fn, client_optimizer),
        client_data.dataset_computation,
        ClientStateStore(),
      )
      state = process.initialize()
      for client_ids in cohorts:
        state, metrics = process.next(state, client_ids)
      weights = process.get_model_weights(state)
  """

  @abc.abstractmethod
  def initialize(self) -> Any:
    """Returns the initial state of the server."""

  @abc.abstractmethod
  def next(
    self, state: Any, client_ids: Sequence[str]
  ) -> tff.learning.templates.LearningProcessOutput:
    """Runs a round.

    Args:
      state: State of the server.
      client_ids: Ids of the clients of the round.

    Returns:
      The next state of the server, and the metrics of the round.
    """

  @abc.abstractmethod
  def get_model_weights(self, state: Any) -> tff.learning.models.ModelWeights:
    """Returns the model weights of a state."""

  @abc.abstractmethod
  def set_model_weights(
    self, state: Any, weights: tff.learning.models.ModelWeights
  ) -> Any:
    """Returns a copy of a state with other model weights."""

  @abc.abstractmethod
  def accounted_next(self, num_rounds: int) -> tff.Computation:
    """Returns the `next` whose bytes count, after `num_rounds` rounds.

    Its client data are data sets: client ids, from which a simulation makes
    them, have no bytes. Where it depends on the cohort, it is that of the last
    round that ran, if that was the round after `num_rounds`.

    Args:
      num_rounds: Number of completed rounds.

    Returns:
      A computation for `communication.build_round_bytes_fn`, the same object
      for rounds with the same bytes.
    """

  @property
  @abc.abstractmethod
  def keeps_client_states(self) -> bool:
    """True if clients keep a state between rounds."""

  @property
  @abc.abstractmethod
  def learning_process(self) -> tff.learning.templates.LearningProcess | None:
    """The same process for TFF, on client ids; `None` with client states."""

  @property
  @abc.abstractmethod
  def mergeable_next(self) -> tff.Computation | None:
    """Computation of a round to check before it runs on several workers.

    For `runtime.check_mergeable`. `None` if clients keep states: the rounds of
    such processes need no check.
    """


def compose_client_id_process(
  process: (
    tff.learning.templates.LearningProcess | templates.ClientStateProcess
  ),
  dataset_computation: tff.Computation,
  client_states: client_state_store.ClientStateStore,
  client_ids: Collection[str] | None = None,
) -> ClientIdProcess:
  """Composes a process with the computation of each client's data set.

  Clients with the same data but other ids make other random choices.

  If clients keep states, `client_states` has them between rounds. `next` is a
  function of its arguments and of the store: from a state after `t` rounds,
  each client enters with its own state after these `t` rounds, so that a round
  can be run again. Then client ids have to be distinct. Make a checkpoint of
  the store with each checkpoint of the server's state: see
  `ClientStateStore.checkpoint`.

  Args:
    process: Any learning process on data sets.
    dataset_computation: `(str -> B*)`, from a client id to the client's data,
      like that of `tff.simulation.datasets.ClientData`.
    client_states: Store of the client states; unused if clients keep none.
    client_ids: Ids of all clients, which `next` checks; `None` leaves ids
      unchecked. The `dataset_computation` of TFF's `ClientData` has an empty
      data set for unknown ids.

  Returns:
    A `ClientIdProcess`. Its `next` raises `ValueError` for unknown client ids.
    If clients keep states, it raises `TypeError` for anything but client ids,
    and `ValueError` for repeated ids, or if the store does not have the states
    of this round or has those of another process.
  """
  known_ids = None if client_ids is None else frozenset(client_ids)
  if isinstance(process, templates.ClientStateProcess):
    return _StatefulProcess(
      process, dataset_computation, client_states, known_ids
    )
  return _StatelessProcess(process, dataset_computation, known_ids)


class _StatelessProcess(ClientIdProcess):
  """`ClientIdProcess` of clients without states."""

  def __init__(
    self,
    process: tff.learning.templates.LearningProcess,
    dataset_computation: tff.Computation,
    known_ids: frozenset[str] | None,
  ):
    self._process = process
    self._known_ids = known_ids
    if isinstance(process, salted_process.SaltedProcess):
      self._on_ids = _compose_salted(process, dataset_computation)
    else:
      self._on_ids = (
        tff.simulation.compose_dataset_computation_with_learning_process(
          dataset_computation, process
        )
      )

  def initialize(self):
    return self._on_ids.initialize()

  def next(self, state, client_ids):
    _check_known(client_ids, self._known_ids)
    return self._on_ids.next(state, client_ids)

  def get_model_weights(self, state):
    return self._on_ids.get_model_weights(state)

  def set_model_weights(self, state, weights):
    return self._on_ids.set_model_weights(state, weights)

  def accounted_next(self, num_rounds):
    if isinstance(self._process, templates.SelectProcess):
      return self._process.accounted_next(num_rounds)
    return self._process.next

  @property
  def keeps_client_states(self):
    return False

  @property
  def learning_process(self):
    return self._on_ids

  @property
  def mergeable_next(self):
    return self._on_ids.next


class _StatefulProcess(ClientIdProcess):
  """`ClientIdProcess` of clients with states, which a store has."""

  def __init__(
    self,
    process: templates.ClientStateProcess,
    dataset_computation: tff.Computation,
    client_states: client_state_store.ClientStateStore,
    known_ids: frozenset[str] | None,
  ):
    self._process = process
    self._known_ids = known_ids
    self._dataset_computation = dataset_computation
    self._client_states = client_states
    self._is_checked = False
    self._composed = {}
    # The number of completed rounds before the last round that ran, and its
    # `next`, which can depend on the cohort.
    self._last_round: tuple[int, tff.Computation] | None = None

  def initialize(self):
    return self._process.initialize()

  def next(self, state, client_ids):
    _check_client_ids(client_ids)
    _check_known(client_ids, self._known_ids)
    client_ids = list(client_ids)
    num_rounds = self._process.num_rounds(state)
    client_states = [
      self._initial_client_state if arrays is None else self._pack(arrays)
      for arrays in self._client_states.read(client_ids, num_rounds)
    ]
    self._check_store(num_rounds)
    chosen_next = self._process.next_for(num_rounds, client_states)
    next_fn = self._next_on_ids(chosen_next)
    state, metrics, states_of_ids = next_fn(state, client_ids, client_states)
    self._last_round = num_rounds, chosen_next
    self._client_states.write(
      num_rounds + 1,
      {
        client_id.decode(): list(map(_read_only, tree.flatten(client_state)))
        for client_id, client_state in states_of_ids
      },
    )
    return tff.learning.templates.LearningProcessOutput(state, metrics)

  def get_model_weights(self, state):
    return state.global_model_weights

  def set_model_weights(self, state, weights):
    return state._replace(global_model_weights=weights)

  def accounted_next(self, num_rounds):
    if self._last_round is not None and self._last_round[0] == num_rounds:
      return self._last_round[1]
    return self._process.accounted_next(num_rounds)

  @property
  def keeps_client_states(self):
    return True

  @property
  def learning_process(self):
    return None

  @property
  def mergeable_next(self):
    return None

  @functools.cached_property
  def _initial_client_state(self) -> Any:
    return self._process.initial_client_state()

  def _check_store(self, num_rounds: int) -> None:
    """Raises `ValueError` unless the store is that of this process."""
    last_round = self._client_states.last_round
    if num_rounds > last_round:
      raise ValueError(
        f'Expected the client states after round {num_rounds}, that of the '
        f"server's state, found those up to round {last_round}: restore both "
        'from one checkpoint.'
      )
    if not self._is_checked:  # Otherwise only clients that return would show.
      arrays = self._client_states.any_state(num_rounds)
      if arrays is not None:
        self._pack(arrays)
      self._is_checked = True

  def _pack(self, arrays: client_state_store.State) -> Any:
    """Packs the arrays of the store into the structure of a client state."""
    expected, found = (
      [(np.shape(x), np.asarray(x).dtype) for x in state]
      for state in (tree.flatten(self._initial_client_state), arrays)
    )
    if expected != found:
      raise store_files.DamagedClientStatesError(
        f'Expected client states of shapes and dtypes {expected}, found '
        f'{found} in the store: give each process a store of its own.'
      )
    return tree.unflatten_as(self._initial_client_state, arrays)

  def _next_on_ids(self, next_fn: tff.Computation) -> tff.Computation:
    if next_fn not in self._composed:
      self._composed[next_fn] = _return_ids(
        tff.simulation.compose_dataset_computation_with_computation(
          self._dataset_computation, next_fn
        )
      )
    return self._composed[next_fn]


def _compose_salted(
  process: salted_process.SaltedProcess, dataset_computation: tff.Computation
) -> tff.learning.templates.LearningProcess:
  """Composes a process whose clients draw from their data and their ids."""
  next_fn = process.next_with_ids

  @tff.federated_computation(
    next_fn.type_signature.parameter[0], next_fn.type_signature.parameter[2]
  )
  def next_on_ids(state, client_ids):
    client_data = tff.federated_map(dataset_computation, client_ids)
    return next_fn(state, client_data, client_ids)

  return tff.learning.templates.LearningProcess(
    process.initialize,
    next_on_ids,
    process.get_model_weights,
    process.set_model_weights,
  )


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
      'Expected distinct client ids, since each client has one state, found '
      f'{num_repeated} repeated: sample without replacement.'
    )


def _check_known(
  client_ids: Sequence[str], known_ids: frozenset[str] | None
) -> None:
  """Raises `ValueError` for client ids that are not among the known ones."""
  if known_ids is None:
    return
  unknown = [i for i in client_ids if i not in known_ids]
  if unknown:
    raise ValueError(
      f'Expected ids of the {len(known_ids)} clients, found {len(unknown)} '
      f'unknown, such as {unknown[0]!r}: take ids from client_ids of the data.'
    )


def _read_only(array: Any) -> np.ndarray:
  """Returns an array that a store need not copy: see `ClientStateCache`."""
  array = np.asarray(array)
  array.flags.writeable = False
  return array


def _return_ids(next_on_ids: tff.Computation) -> tff.Computation:
  """Returns `next` with client states paired with their client ids.

  TFF's context for several workers returns values of clients in the order in
  which the workers finish, not in the order of the arguments.
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
