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
"""Learning processes whose clients ask for the rows that they need."""

import collections

import tensorflow_federated as tff

from tff_methods import models
from tff_methods import templates
from tff_methods.templates import learning_round
from tff_methods.templates import row_distributor


class SelectProcess(tff.learning.templates.LearningProcess):
  """A `tff.learning.templates.LearningProcess` that knows what bytes count.

  Where a simulation sends whole tables, which is faster, `accounted_next` is
  the same round with `tff.federated_select`: what clients would send and get.
  """

  def __init__(self, *args, accounted_next: tff.Computation, **kwargs):
    """Initializes the process.

    Args:
      *args: As of `tff.learning.templates.LearningProcess`.
      accounted_next: Of the same type signature as `next`.
      **kwargs: As of `tff.learning.templates.LearningProcess`.
    """
    super().__init__(*args, **kwargs)
    self._counted_next = accounted_next

  @property
  def accounted_next(self) -> tff.Computation:
    """For `communication.build_round_bytes_fn`."""
    return self._counted_next


def compose_select_process(
  row_model: models.RowModel,
  row_distributor: row_distributor.RowDistributionProcess,
  client_work: tff.learning.templates.ClientWorkProcess,
  model_update_aggregator: tff.aggregators.WeightedAggregationFactory,
  model_finalizer: tff.learning.templates.FinalizerProcess,
) -> SelectProcess:
  """Composes a process as `tff.learning.templates.compose_learning_process`.

  In a round each client asks for rows, gets them and the body, trains this
  sub-model as any other model, and sends the update of the body and, by their
  keys, those of the rows. Metrics are those of TFF's composer. The weights are
  those of the full model.

  Args:
    row_model: The model.
    row_distributor: What each client gets.
    client_work: How clients train `row_model.sub_model`: any of TFF's.
    model_update_aggregator: Of the updates, such as `RowModelUpdateFactory`.
    model_finalizer: How the server takes its step, with the full model.

  Returns:
    A `SelectProcess`.

  Raises:
    TypeError: If client work and distributor are not of the same sub-model.
  """
  initial_weights_fn = templates.describe(
    row_model.full_model()
  ).initial_weights_fn

  expected = row_distributor.next.type_signature.result.result
  found = client_work.next.type_signature.parameter[1]
  if not found.is_assignable_from(expected):
    raise TypeError(
      f'Expected a client work of the sub-model, {expected}, found {found}: '
      'build it of row_model.sub_model with as many candidates as the '
      'distributor has.'
    )

  @tff.tensorflow.computation(
    client_work.next.type_signature.result.result.member.update,
    client_work.next.type_signature.parameter[1].member,
  )
  def by_key(update, sub_weights):
    *body, rows = tuple(update)
    candidates = row_model.candidates_of(sub_weights)
    return collections.OrderedDict(
      body=tuple(body),
      rows=collections.OrderedDict(keys=candidates.keys, values=rows),
    )

  aggregator = model_update_aggregator.create(
    by_key.type_signature.result,
    client_work.next.type_signature.result.result.member.update_weight,
  )

  @tff.federated_computation
  def init_fn():
    return tff.federated_zip(
      tff.learning.templates.LearningAlgorithmState(
        tff.federated_eval(initial_weights_fn, tff.SERVER),
        row_distributor.initialize(),
        client_work.initialize(),
        aggregator.initialize(),
        model_finalizer.initialize(),
      )
    )

  def build_next(distribute):
    @tff.federated_computation(
      init_fn.type_signature.result,
      client_work.next.type_signature.parameter[2],
    )
    def next_fn(state, client_data):
      def aggregate(aggregator_state, result, sub_weights):
        update = tff.federated_map(by_key, (result.update, sub_weights))
        return aggregator.next(aggregator_state, update, result.update_weight)

      new_state, metrics, _ = learning_round.compose_round(
        state,
        client_data,
        distribute=lambda *args: distribute(*args, client_data),
        client_work=client_work,
        aggregate=aggregate,
        finalizer=model_finalizer,
      )
      return tff.learning.templates.LearningProcessOutput(new_state, metrics)

    return next_fn

  next_fn = build_next(row_distributor.next)
  is_counted = row_distributor.accounted_next is row_distributor.next
  return SelectProcess(
    init_fn,
    next_fn,
    **_build_accessors(
      init_fn.type_signature.result.member, client_work, model_finalizer
    ),
    accounted_next=(
      next_fn if is_counted else build_next(row_distributor.accounted_next)
    ),
  )


def _build_accessors(state_type, client_work, finalizer):
  """Returns what gets and sets weights and hyperparameters, as TFF's do."""

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
