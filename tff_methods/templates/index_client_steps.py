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
"""Steps of an `IndexClient` as typed TFF computations."""

import collections
from typing import NamedTuple

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.templates import index_client


class ReceivedTypes(NamedTuple):
  """Types of the values that a client has or receives, in their order.

  Attributes:
    round_key: Key of the round.
    data: Data set of the client.
    body: Pair of trainable and non-trainable weights of the body.
    client_params: Parameters of the index for clients.
    own_rows: Rows of its own candidates.
    entries: Entries of its queries.
    requested_rows: Rows that it requests after the search.
  """

  round_key: tff.Type
  data: tff.Type
  body: tff.Type
  client_params: tff.Type
  own_rows: tff.Type
  entries: tff.Type
  requested_rows: tff.Type


class ClientSteps(NamedTuple):
  """Steps of a client, with their types: see `index_client.IndexClient`.

  Attributes:
    own_classes: `(<round_key, data> -> <key, own>)`.
    search: `(<body, own_rows, own, data, client_params> -> <vectors,
      queries>)`.
    choose: `(<key, own, client_params, vectors, queries, entries> ->
      <candidates, requested_keys>)`.
    to_sub_model: `(<key, body, own, own_rows, vectors, candidates,
      requested_keys, requested_rows> -> <ModelWeights, counts>)`, the weights
      of the sub-model, and counts: `num_own_rows` and `num_random_rows` of its
      rows, and `num_missing_rows` of its classes.
  """

  own_classes: tff.framework.ConcreteComputation
  search: tff.framework.ConcreteComputation
  choose: tff.framework.ConcreteComputation
  to_sub_model: tff.framework.ConcreteComputation


def build_client_steps(
  client: index_client.IndexClient, types: ReceivedTypes
) -> ClientSteps:
  """Builds the steps, each typed by the results of the ones before.

  Args:
    client: Client whose methods are called.
    types: Types of the values that it has or receives.

  Returns:
    `ClientSteps`.
  """
  own_classes = tff.tensorflow.computation(
    client.own_classes, [types.round_key, types.data]
  )
  key_type, own_type = own_classes.type_signature.result
  search = tff.tensorflow.computation(
    client.search,
    [types.body, types.own_rows, own_type, types.data, types.client_params],
  )
  vectors_type, queries_type = search.type_signature.result
  choose = tff.tensorflow.computation(
    client.choose,
    [
      key_type,
      own_type,
      types.client_params,
      vectors_type,
      queries_type,
      types.entries,
    ],
  )
  candidates_type, requested_keys_type = choose.type_signature.result

  @tff.tensorflow.computation(
    key_type,
    types.body,
    own_type,
    types.own_rows,
    vectors_type,
    candidates_type,
    requested_keys_type,
    types.requested_rows,
  )
  def to_sub_model(
    key,
    body,
    own,
    own_rows,
    vectors,
    candidates,
    requested_keys,
    requested_rows,
  ):
    trained_candidates, rows = client.trained_rows(
      key,
      own,
      own_rows,
      vectors,
      candidates,
      requested_keys,
      requested_rows,
    )
    return _to_sub_model(
      client, body, trained_candidates, rows, own.num_missing
    )

  return ClientSteps(own_classes, search, choose, to_sub_model)


def _to_sub_model(client, body, candidates, rows, num_missing):
  """Returns the weights of the sub-model, and counts of its rows."""
  counts = collections.OrderedDict(
    num_own_rows=_count(candidates.is_positive),
    num_random_rows=_count(candidates.log_probability < 0),
    num_missing_rows=num_missing,
  )
  if not client.corrects_loss:
    # As if all rows were certain to be candidates.
    candidates = candidates._replace(
      log_probability=tf.zeros([client.budget.trained])
    )
  weights = tff.learning.models.ModelWeights(
    *client.row_model.sub_weights(body, [rows], [candidates])
  )
  return weights, counts


def _count(mask: tf.Tensor) -> tf.Tensor:
  return tf.reduce_sum(tf.cast(mask, tf.int64))
