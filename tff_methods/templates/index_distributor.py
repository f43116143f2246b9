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
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.templates import index_client
from tff_methods.templates import index_client_steps
from tff_methods.templates import index_server
from tff_methods.templates import local_model
from tff_methods.templates import row_distributor
from tff_methods.templates import row_downlink
from tff_methods.templates import row_retrieval


def build_index_distributor(
  row_model: models.RowModel,
  index: retrieval.RowIndex,
  budget: index_client.RowBudget,
  *,
  corrects_loss: bool = False,
  rounds_per_build: int = 1,
  retrieval_mode: str = 'select',
  downlink: options_lib.DownlinkOptions | None = None,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> row_distributor.RowDistributionProcess:
  """Builds the distribution of rows that an index finds.

  In a round:

  1.  The server builds the index of all rows, if it is due, and broadcasts its
      parameters for clients, the body and the key of the round.
  2.  Where rows embed the input, each client sends the keys of its own classes,
      and receives their rows.
  3.  It embeds its data, sends the keys that it looks up in the index, and
      receives their entries.
  4.  It sends the keys of the rows that it chooses among these, and receives
      the rows. The rows of its own classes are always among them, as many as
      it trains.

  Measurements of a round: `num_dropped_entries`, which exceed the capacity of
  the index; and, as sums over the clients, `num_own_rows`, the rows of their
  data, `num_random_rows`, and `num_missing_rows`, the classes of their data
  without a row, since they have more classes than they train rows; with
  `downlink`, `payload_bytes_per_client`, the bytes of body and rows that a
  client receives.

  Args:
    row_model: Model of the server.
    index: Index of the rows.
    budget: Numbers of rows that clients receive and train.
    corrects_loss: If true, random rows are weighted to represent all rows that
      the client does not have (`models.Candidates.log_probability`). Otherwise
      the loss is the softmax over the client's rows, as in the paper.
    rounds_per_build: Number of rounds for which an index is used.
    retrieval_mode: `'select'` or `'broadcast'`, of entries and rows: see
      `build_row_retrieval`.
    downlink: Quantization of body and rows; `None` for none. The index is of
      the exact rows.
    seed_source: Source of a client's random choices. `'reproducible'`: a
      fingerprint of its first batch (in `next_with_ids`, also of its id), so
      that a repeated simulation gives the same bits. `'entropy'`: the operating
      system.
    base_seed: Seed of the process. Different seeds give independent choices.

  Returns:
    A `RowDistributionProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  client = index_client.IndexClient(
    row_model, index, budget, corrects_loss, seed_source
  )
  rounds_per_build = argument_checks.check_int(
    'rounds_per_build', rounds_per_build, minimum=1
  )
  base_seed = argument_checks.check_int('base_seed', base_seed)
  argument_checks.check_choice(
    'seed_source', seed_source, options_lib.SEED_SOURCES
  )
  base_key = seeds.key(base_seed, int.from_bytes(b'row_index'))
  server = index_server.build_index_server(
    row_model, index, rounds_per_build, base_key
  )
  sent = row_downlink.RowDownlink(row_model, downlink)

  @tff.federated_computation
  def init_fn():
    return tff.federated_eval(server.initial_state, tff.SERVER)

  return row_distributor.build_process(
    init_fn,
    local_model.describe(row_model.full_model()),
    lambda mode: _build_distribute(client, server, sent, mode),
    retrieval_mode,
  )


def _build_distribute(
  client: index_client.IndexClient,
  server: index_server.IndexServer,
  sent: row_downlink.RowDownlink,
  mode: str,
) -> Callable[..., Any]:
  """Builds steps 1 to 4 of the distributor: see `build_process`."""
  full = local_model.describe(client.row_model.full_model())
  transfers = _build_transfers(client, sent, server.index_type.tables, mode)
  steps = index_client_steps.build_client_steps(
    client,
    index_client_steps.ReceivedTypes(
      round_key=server.key_type,
      data=full.data_type,
      body=sent.body_type,
      client_params=server.index_type.client_params,
      own_rows=_rows_type(client, client.num_own_candidates),
      entries=transfers.entries.type_signature.result.member,
      requested_rows=_rows_type(client, client.budget.num_requested),
    ),
  )

  @tff.tensorflow.computation(server.index_type)
  def split(built):
    num_dropped = tf.cast(built.num_dropped, tf.int64)
    return built.tables, built.client_params, num_dropped

  def distribute(state, weights, client_data, client_ids):
    # 1. The server builds the index, and broadcasts.
    next_state, round_key, built = tff.federated_map(
      server.prepare_round, (state, weights)
    )
    tables, client_params, num_dropped = tff.federated_map(split, built)
    (table,), payload, body_bytes = tff.federated_map(
      sent.encode, (weights, round_key)
    )
    client_params = tff.federated_broadcast(client_params)
    payload = tff.federated_broadcast(payload)
    body = sent.decode_body(payload)
    # 2. Clients receive the rows of their own classes.
    round_keys = row_distributor.broadcast_key(round_key, client_ids)
    key, own = tff.federated_map(steps.own_classes, (round_keys, client_data))
    own_rows = transfers.own_rows(table, own, payload)
    # 3. Clients search, and receive entries of the index.
    vectors, queries = tff.federated_map(
      steps.search,
      (body, own_rows, own, client_data, client_params),
    )
    entries = transfers.entries(tables, queries)
    # 4. Clients choose, and receive the rows.
    candidates, requested_keys = tff.federated_map(
      steps.choose,
      (key, own, client_params, vectors, queries, entries),
    )
    requested_rows = transfers.requested_rows(table, requested_keys, payload)
    sub_weights, counts = tff.federated_map(
      steps.to_sub_model,
      (
        key,
        body,
        own,
        own_rows,
        vectors,
        candidates,
        requested_keys,
        requested_rows,
      ),
    )
    return tff.templates.MeasuredProcessOutput(
      next_state,
      sub_weights,
      _measurements(
        num_dropped,
        counts,
        sent.measurements(body_bytes, [client.budget.num_retrieved]),
      ),
    )

  return distribute


def _measurements(num_dropped, counts, downlink):
  """Returns the measurements of a round, inside a federated computation."""
  measurements = collections.OrderedDict(
    num_dropped_entries=num_dropped,
    num_own_rows=tff.federated_sum(counts['num_own_rows']),
    num_random_rows=tff.federated_sum(counts['num_random_rows']),
    num_missing_rows=tff.federated_sum(counts['num_missing_rows']),
  )
  if len(downlink.type_signature.member):
    measurements['payload_bytes_per_client'] = downlink[
      'payload_bytes_per_client'
    ]
  return tff.federated_zip(measurements)


class _Transfers(NamedTuple):
  """Transfers from the server that clients request, in their order.

  To be called inside a federated computation; `table` is that of the rows, and
  `payload` that of the body at clients: see `row_downlink.RowDownlink`.

  Attributes:
    own_rows: Function of `table`, `{own}@CLIENTS` and `payload` to
      `{rows}@CLIENTS`.
    entries: `(<tables@SERVER, {queries}@CLIENTS> -> {entries}@CLIENTS)`.
    requested_rows: Function of `table`, `{keys}@CLIENTS` and `payload` to
      `{rows}@CLIENTS`.
  """

  own_rows: Callable[[Any, Any, Any], Any]
  entries: tff.Computation
  requested_rows: Callable[[Any, Any, Any], Any]


def _build_transfers(
  client: index_client.IndexClient,
  sent: row_downlink.RowDownlink,
  tables_type: tff.Type,
  mode: str,
) -> _Transfers:
  return _Transfers(
    own_rows=(
      _build_no_rows(client)
      if client.budget.own is None
      else _build_own_rows(client, sent, mode)
    ),
    entries=(
      _build_entries(client.index, tables_type, mode)
      if client.index.num_queries
      else _build_no_entries(tables_type)
    ),
    requested_rows=row_retrieval.build_row_selection(
      sent, client.budget.num_requested, mode, 0
    ),
  )


def _rows_type(client: index_client.IndexClient, num_rows: int) -> tff.Type:
  return tff.TensorType(np.float32, [num_rows, client.row_model.row_size])


def _build_own_rows(client, sent, mode) -> Callable[[Any, Any, Any], Any]:
  """Builds the transfer of the rows of a client's own candidates."""
  select = row_retrieval.build_row_selection(
    sent, client.num_own_candidates, mode, 0
  )

  @tff.tensorflow.computation(client.own_type)
  def to_keys(own):
    return own.candidates.keys

  def own_rows(table, own, payload):
    return select(table, tff.federated_map(to_keys, own), payload)

  return own_rows


def _build_no_rows(client) -> Callable[[Any, Any, Any], Any]:
  """Builds the counterpart of `_build_own_rows` without a transfer: zeros."""
  num_own = client.num_own_candidates

  @tff.tensorflow.computation(client.own_type)
  def zeros(own):
    del own
    return tf.zeros([num_own, client.row_model.row_size])

  def no_rows(table, own, payload):
    del table, payload
    return tff.federated_map(zeros, own)

  return no_rows


def _build_entries(index, tables_type, mode) -> tff.Computation:
  """Builds the transfer of the entries of a client's queries."""
  queries_type = _queries_type(index.num_queries)
  select = row_retrieval.build_selection(
    tables_type, index.num_keys, index.num_queries, index.look_up, mode
  )

  @tff.tensorflow.computation(queries_type)
  def to_keys(queries):
    return queries.keys

  @tff.federated_computation(
    tff.FederatedType(tables_type, tff.SERVER),
    tff.FederatedType(queries_type, tff.CLIENTS),
  )
  def entries(tables, queries):
    return select(tables, tff.federated_map(to_keys, queries))

  return entries


def _build_no_entries(tables_type) -> tff.Computation:
  """Builds the counterpart of `_build_entries` without a transfer."""
  queries_type = _queries_type(0)

  @tff.tensorflow.computation(queries_type)
  def empty(queries):
    del queries
    return tf.zeros([0, 1], tf.int32)

  @tff.federated_computation(
    tff.FederatedType(tables_type, tff.SERVER),
    tff.FederatedType(queries_type, tff.CLIENTS),
  )
  def no_entries(tables, queries):
    del tables
    return tff.federated_map(empty, queries)

  return no_entries


def _queries_type(num_queries: int) -> tff.Type:
  return tff.types.tensorflow_to_type(
    retrieval.Queries(
      tf.TensorSpec([num_queries], tf.int32),
      tf.TensorSpec([num_queries], tf.float32),
    )
  )
