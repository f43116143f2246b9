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
"""Distribution of the rows that clients find in an index of the server.

Xu et al. (2022), "Adaptive Sparse Federated Learning in Large Output Spaces via
Hashing", section 3.2.
"""

import collections
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.templates import index_client
from tff_methods.templates import row_distributor
from tff_methods.templates import row_retrieval


def build_index_distributor(
  row_model: models.RowModel,
  index: retrieval.RowIndex,
  budget: index_client.RowBudget,
  *,
  corrects_loss: bool = False,
  rounds_per_build: int = 1,
  retrieval_mode: str = 'select',
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> row_distributor.RowDistributionProcess:
  """Builds the distribution of rows that an index finds.

  The server builds the index of all rows. A client gets the body and the guide
  of the index (and, where rows embed the input, the rows of its data). It
  embeds its data, and looks up in the index what is near it: keys up, entries
  of the tables down. It asks for the rows that it chose among these: keys up,
  rows down. Rows of its own classes are always among them.

  Measurements of a round: `num_dropped_entries`, for which the tables of the
  index have no room; and, summed over the clients, `num_own_rows`, those of
  their data, and `num_random_rows`, which nothing but chance chose.

  Args:
    row_model: The model.
    index: Where clients search.
    budget: How many rows.
    corrects_loss: Whether, in the loss, random rows stand for those that the
      client does not have (`models.Candidates.log_probability`); else it is
      the softmax over the client's rows, as in the paper.
    rounds_per_build: For how many rounds an index is used.
    retrieval_mode: As in `build_row_retrieval`, of entries and rows.
    seed_source: As in `build_class_sampling_distributor`.
    base_seed: As there.

  Returns:
    A `RowDistributionProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  client = index_client.IndexClient(
    row_model, index, budget, corrects_loss, seed_source
  )
  argument_checks.check_int('rounds_per_build', rounds_per_build, minimum=1)
  argument_checks.check_int('base_seed', base_seed)
  argument_checks.check_choice(
    'seed_source', seed_source, options_lib.SEED_SOURCES
  )
  base_key = seeds.key(base_seed, int.from_bytes(b'row_index'))
  initial_state, refresh = _build_server(
    row_model, index, rounds_per_build, base_key
  )

  @tff.federated_computation
  def init_fn():
    return tff.federated_eval(initial_state, tff.SERVER)

  next_fn = _build_next(client, refresh, retrieval_mode)
  return row_distributor.RowDistributionProcess(
    init_fn,
    next_fn,
    select_next_fn=(
      next_fn
      if retrieval_mode == 'select'
      else _build_next(client, refresh, 'select')
    ),
  )


def _build_server(row_model, index, rounds_per_build, base_key):
  """Returns the initial state, and what prepares a round.

  The latter goes from state and weights to the next state, the round's key and
  the index. The index is part of the state if it is used for several rounds.
  """
  weights_type = templates.describe(row_model.full_model()).weights_type

  def round_key(round_number, purpose):
    return seeds.fold_in(seeds.fold_in(base_key, round_number), purpose)

  def build(round_number, weights):
    rows = row_model.row_vectors(weights.trainable[-1])
    return index.build(round_key(round_number, 0), rows)

  index_type = tff.tensorflow.computation(
    build, [np.int32, weights_type]
  ).type_signature.result
  is_kept = rounds_per_build > 1

  @tff.tensorflow.computation
  def initial_state():
    state = collections.OrderedDict(round=tf.constant(0, tf.int32))
    if is_kept:
      state['index'] = _zeros(index_type)
    return state

  @tff.tensorflow.computation(initial_state.type_signature.result, weights_type)
  def refresh(state, weights):
    next_state = collections.OrderedDict(round=state['round'] + 1)
    if not is_kept:
      built = build(state['round'], weights)
    else:
      built = tf.cond(
        tf.equal(state['round'] % rounds_per_build, 0),
        lambda: build(state['round'], weights),
        lambda: state['index'],
      )
      next_state['index'] = built
    return next_state, round_key(state['round'], 1), built

  return initial_state, refresh


def _build_next(client, refresh, mode):
  """Returns the `next` of the distributor."""
  full = templates.describe(client.row_model.full_model())
  get_rows, get_body = row_retrieval.build_getters(full.weights_type)
  _, key_type, index_type = refresh.type_signature.result
  get_held_rows = _build_get_held_rows(client, mode)
  get_found = _build_get_found(client.index, index_type.tables, mode)
  select_rows = row_retrieval.build_row_selection(
    client.row_model, client.budget.num_requested, mode
  )
  steps = _build_client_steps(
    client,
    _ClientTypes(
      key=key_type,
      data=full.data_type,
      body=get_body.type_signature.result,
      guide=index_type.guide,
      held_rows=get_held_rows.type_signature.result.member,
      found=get_found.type_signature.result.member,
      rows=select_rows.type_signature.result.member,
    ),
  )

  @tff.tensorflow.computation(index_type)
  def split(built):
    return built.tables, built.guide, tf.cast(built.num_dropped, tf.int64)

  @tff.federated_computation(
    tff.FederatedType(refresh.type_signature.parameter[0], tff.SERVER),
    tff.FederatedType(full.weights_type, tff.SERVER),
    tff.FederatedType(full.data_type, tff.CLIENTS),
  )
  def next_fn(state, weights, client_data):
    next_state, round_key, built = tff.federated_map(refresh, (state, weights))
    tables, guide, num_dropped = tff.federated_map(split, built)
    table = tff.federated_map(get_rows, weights)
    guide = tff.federated_broadcast(guide)
    body = tff.federated_broadcast(tff.federated_map(get_body, weights))
    key, held = tff.federated_map(
      steps.hold, (tff.federated_broadcast(round_key), client_data)
    )
    held_rows = get_held_rows(table, held)
    vectors, queries = tff.federated_map(
      steps.search, (body, held_rows, held, client_data, guide)
    )
    wanted, lacking = tff.federated_map(
      steps.choose,
      (key, held, guide, vectors, queries, get_found(tables, queries)),
    )
    result, counts = tff.federated_map(
      steps.finish,
      (
        key,
        body,
        held,
        held_rows,
        vectors,
        wanted,
        lacking,
        select_rows(table, lacking),
      ),
    )
    return tff.templates.MeasuredProcessOutput(
      next_state,
      result,
      tff.federated_zip(
        collections.OrderedDict(
          num_dropped_entries=num_dropped,
          num_own_rows=tff.federated_sum(counts['num_own_rows']),
          num_random_rows=tff.federated_sum(counts['num_random_rows']),
        )
      ),
    )

  return next_fn


class _ClientTypes(NamedTuple):
  """What reaches a client, in the order in which it does."""

  key: tff.Type
  data: tff.Type
  body: tff.Type
  guide: tff.Type
  held_rows: tff.Type
  found: tff.Type
  rows: tff.Type


class _ClientSteps(NamedTuple):
  """What a client does between its requests, see `index_client.IndexClient`."""

  hold: tff.framework.ConcreteComputation
  search: tff.framework.ConcreteComputation
  choose: tff.framework.ConcreteComputation
  finish: tff.framework.ConcreteComputation


def _build_client_steps(client, types: _ClientTypes) -> _ClientSteps:
  """Returns the steps as computations, each typed by the one before."""

  @tff.tensorflow.computation(types.key, types.data)
  def hold(round_key, dataset):
    return client.hold(round_key, dataset)

  _, held_type = hold.type_signature.result

  @tff.tensorflow.computation(
    types.body, types.held_rows, held_type, types.data, types.guide
  )
  def search(body, held_rows, held, dataset, guide):
    return client.search(body, held_rows, held, dataset, guide)

  vectors_type, queries_type = search.type_signature.result

  @tff.tensorflow.computation(
    types.key, held_type, types.guide, vectors_type, queries_type, types.found
  )
  def choose(key, held, guide, vectors, queries, found):
    return client.choose(key, held, guide, vectors, queries, found)

  wanted_type, lacking_type = choose.type_signature.result

  @tff.tensorflow.computation(
    types.key,
    types.body,
    held_type,
    types.held_rows,
    vectors_type,
    wanted_type,
    lacking_type,
    types.rows,
  )
  def finish(key, body, held, held_rows, vectors, wanted, lacking, rows):
    kept, rows = client.keep(
      key, held, held_rows, vectors, wanted, lacking, rows
    )
    counts = collections.OrderedDict(
      num_own_rows=_count(kept.is_positive),
      num_random_rows=_count(kept.log_probability < 0),
    )
    if not client.corrects_loss:
      kept = kept._replace(log_probability=tf.zeros([client.budget.trained]))
    trainable, non_trainable = body
    weights = tff.learning.models.ModelWeights(
      (*trainable, rows), (*non_trainable, *kept)
    )
    return weights, counts

  return _ClientSteps(hold, search, choose, finish)


def _build_get_held_rows(client, mode):
  """Returns `(table@SERVER, held@CLIENTS) -> rows@CLIENTS`."""
  row_model, num_held = client.row_model, client.num_held
  held_type = row_retrieval.candidates_type_of(num_held)
  if client.budget.own is None:
    return _build_get_no_rows(row_model, num_held, held_type)
  select = row_retrieval.build_row_selection(row_model, num_held, mode)

  @tff.tensorflow.computation(held_type)
  def to_keys(held):
    return held.keys

  @tff.federated_computation(
    select.type_signature.parameter[0],
    tff.FederatedType(held_type, tff.CLIENTS),
  )
  def get_held_rows(table, held):
    return select(table, tff.federated_map(to_keys, held))

  return get_held_rows


def _build_get_no_rows(row_model, num_held, held_type):
  """As `_build_get_held_rows`, where a client needs none to search."""
  table_shape = [row_model.num_classes, row_model.row_size]

  @tff.tensorflow.computation(held_type)
  def no_rows(held):
    del held
    return tf.zeros([num_held, row_model.row_size])

  @tff.federated_computation(
    tff.FederatedType((np.float32, table_shape), tff.SERVER),
    tff.FederatedType(held_type, tff.CLIENTS),
  )
  def get_no_rows(table, held):
    del table
    return tff.federated_map(no_rows, held)

  return get_no_rows


def _build_get_found(index, tables_type, mode):
  """Returns `(tables@SERVER, queries@CLIENTS) -> entries@CLIENTS`."""
  num_queries = index.num_queries
  queries_type = tff.types.tensorflow_to_type(
    retrieval.Queries(
      tf.TensorSpec([num_queries], tf.int32),
      tf.TensorSpec([num_queries], tf.float32),
    )
  )

  @tff.tensorflow.computation(queries_type)
  def to_keys(queries):
    return queries.keys

  @tff.tensorflow.computation(queries_type)
  def nothing(queries):
    del queries
    return tf.zeros([0, 1], tf.int32)

  @tff.federated_computation(
    tff.FederatedType(tables_type, tff.SERVER),
    tff.FederatedType(queries_type, tff.CLIENTS),
  )
  def get_found(tables, queries):
    if not num_queries:
      return tff.federated_map(nothing, queries)
    select = row_retrieval.build_selection(
      tables_type, index.num_keys, num_queries, index.look_up, mode
    )
    return select(tables, tff.federated_map(to_keys, queries))

  return get_found


def _zeros(tff_type: tff.Type):
  """Returns zeros of a type of tensors: inside a computation."""
  specs = tff.types.type_to_tf_tensor_specs(tff_type)
  return tf.nest.map_structure(lambda s: tf.zeros(s.shape, s.dtype), specs)


def _count(mask: tf.Tensor) -> tf.Tensor:
  return tf.reduce_sum(tf.cast(mask, tf.int64))
