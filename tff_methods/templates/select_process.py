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
"""Learning processes whose clients receive the rows that they need."""

import collections
from typing import Any

import numpy as np
import tensorflow_federated as tff

from tff_methods import models
from tff_methods.templates import learning_round
from tff_methods.templates import local_model
from tff_methods.templates import row_distributor as row_distributor_lib
from tff_methods.templates import salted_process


class SelectProcess(salted_process.SaltedProcess):
  """A `tff.learning.templates.LearningProcess` with a `next` to count bytes of.

  A simulation may send whole tables, which is faster. `accounted_next` is the
  same round with `tff.federated_select`, so its bytes are those that clients
  would send and receive.

  In `next`, clients with the same data draw the same random rows. In
  `next_with_ids` their ids make them differ.
  """

  def __init__(
    self, *args: Any, accounted_next_fn: tff.Computation, **kwargs: Any
  ) -> None:
    """Initializes the process.

    Args:
      *args: Positional arguments of `salted_process.SaltedProcess`.
      accounted_next_fn: Computation of the type signature of `next`, whose
        bytes count.
      **kwargs: Keyword arguments of `salted_process.SaltedProcess`.
    """
    super().__init__(*args, **kwargs)
    self._accounted_next_fn = accounted_next_fn

  def accounted_next(self, num_rounds: int) -> tff.Computation:
    """Returns the `next` whose bytes count, for `build_round_bytes_fn`.

    Args:
      num_rounds: Number of completed rounds. All rounds have the same bytes.
    """
    del num_rounds
    return self._accounted_next_fn

  @property
  def keeps_client_states(self) -> bool:
    """False: clients keep nothing between rounds."""
    return False


def compose_select_process(
  row_model: models.RowModel,
  row_distributor: row_distributor_lib.RowDistributionProcess,
  client_work: tff.learning.templates.ClientWorkProcess,
  model_update_aggregator: tff.aggregators.WeightedAggregationFactory,
  model_finalizer: tff.learning.templates.FinalizerProcess,
) -> SelectProcess:
  """Composes a learning process of sub-models from its parts.

  The counterpart of `tff.learning.templates.compose_learning_process`, with the
  same metrics and the weights of the full model. In a round:

  1.  `row_distributor` sends each client the body and the rows of its
      candidates: the weights of its sub-model.
  2.  `client_work` trains the sub-model.
  3.  `model_update_aggregator` aggregates the updates of the body, and those of
      the rows by their keys, to an update of the full model.
  4.  `model_finalizer` applies this update.

  Args:
    row_model: Model of the server.
    row_distributor: Selection and distribution of each client's rows.
    client_work: Training of `row_model.sub_model`, by any of TFF's client
      works.
    model_update_aggregator: Aggregator of the updates, such as
      `aggregators.RowModelUpdateFactory`.
    model_finalizer: Server step, on the full model.

  Returns:
    A `SelectProcess`.

  Raises:
    TypeError: If client work and distributor are not of the same sub-model.
  """
  _check_sub_model(row_distributor, client_work)
  initial_weights_fn = local_model.describe(
    row_model.full_model()
  ).initial_weights_fn
  to_keyed_update = _build_to_keyed_update(row_model, client_work)
  aggregator = model_update_aggregator.create(
    to_keyed_update.type_signature.result,
    client_work.next.type_signature.result.result.member.update_weight,
  )
  init_fn = learning_round.build_init(
    initial_weights_fn,
    (row_distributor, client_work, aggregator, model_finalizer),
  )

  def aggregate(aggregator_state, result, sub_weights):
    update = tff.federated_map(to_keyed_update, (result.update, sub_weights))
    return aggregator.next(aggregator_state, update, result.update_weight)

  def run_round(distribute, state, client_data, *client_ids):
    new_state, metrics, _ = learning_round.compose_round(
      state,
      client_data,
      distribute=lambda *args: distribute(*args, client_data, *client_ids),
      client_work=client_work,
      aggregate=aggregate,
      finalizer=model_finalizer,
    )
    return tff.learning.templates.LearningProcessOutput(new_state, metrics)

  arguments = (
    init_fn.type_signature.result,
    client_work.next.type_signature.parameter[2],
  )

  def build_next(distribute):
    return tff.federated_computation(
      lambda state, client_data: run_round(distribute, state, client_data),
      arguments,
    )

  @tff.federated_computation(
    *arguments, tff.FederatedType(np.str_, tff.CLIENTS)
  )
  def next_with_ids(state, client_data, client_ids):
    return run_round(
      row_distributor.next_with_ids, state, client_data, client_ids
    )

  next_fn = build_next(row_distributor.next)
  if row_distributor.select_next is row_distributor.next:
    accounted_next_fn = next_fn
  else:
    accounted_next_fn = build_next(row_distributor.select_next)
  return SelectProcess(
    init_fn,
    next_fn,
    **learning_round.build_accessors(
      init_fn.type_signature.result.member, client_work, model_finalizer
    ),
    next_with_ids_fn=next_with_ids,
    accounted_next_fn=accounted_next_fn,
  )


def _check_sub_model(row_distributor, client_work) -> None:
  """Raises `TypeError` unless both are of the same sub-model."""
  expected = row_distributor.next.type_signature.result.result
  found = client_work.next.type_signature.parameter[1]
  if not found.is_assignable_from(expected):
    raise TypeError(
      f'Expected a client work of the sub-model, {expected}, found {found}: '
      'build it of row_model.sub_model with as many candidates as the '
      'distributor has.'
    )


def _build_to_keyed_update(row_model, client_work) -> tff.Computation:
  """Returns `(<update, sub-model weights> -> <body=..., ..., rows=...>)`.

  Each table is `<keys, values>`. This is the value type of
  `aggregators.RowModelUpdateFactory`.
  """

  @tff.tensorflow.computation(
    client_work.next.type_signature.result.result.member.update,
    client_work.next.type_signature.parameter[1].member,
  )
  def to_keyed_update(update, sub_weights):
    names, tensors = list(row_model.table_shapes), tuple(update)
    num_body = len(tensors) - len(names)
    keyed: dict[str, Any] = collections.OrderedDict(body=tensors[:num_body])
    for name, rows, candidates in zip(
      names,
      tensors[num_body:],
      row_model.candidates_of(sub_weights),
      strict=True,
    ):
      keyed[name] = collections.OrderedDict(keys=candidates.keys, values=rows)
    return keyed

  return to_keyed_update
