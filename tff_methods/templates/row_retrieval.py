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
"""Retrieval of rows, and of entries of other tables, by clients."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models
from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.templates import row_downlink


def build_selection(
  table_type: tff.Type,
  num_entries: int,
  num_keys: int,
  look_up: Callable[[Any, tf.Tensor], tf.Tensor],
  mode: str,
) -> tff.Computation:
  """Builds the computation that sends clients the entries of their keys.

  Args:
    table_type: Type `T` of the table.
    num_entries: Number of entries of the table; keys are below it.
    num_keys: Number of keys of each client, `k`. A key below 0 is padding, and
      receives entry 0.
    look_up: Function from a `T` and `int32[?]` keys to their entries, stacked;
      called inside TensorFlow computations.
    mode: One of `options.RETRIEVAL_MODES`: see `build_row_retrieval`.

  Returns:
    `(<T@SERVER, {int32[k]}@CLIENTS> -> {E[k, ...]}@CLIENTS)`.

  Raises:
    ValueError: If `mode` is not in `options.RETRIEVAL_MODES`.
  """
  argument_checks.check_choice(
    'retrieval_mode', mode, options_lib.RETRIEVAL_MODES
  )
  keys_type = tff.TensorType(np.int32, [num_keys])

  @tff.tensorflow.computation(keys_type)
  def clip(keys):
    return tf.maximum(keys, 0)

  @tff.tensorflow.computation(table_type, np.int32)
  def select_entry(table, key):
    return tf.squeeze(look_up(table, key[tf.newaxis]), axis=0)

  @tff.tensorflow.computation(
    tff.SequenceType(select_entry.type_signature.result)
  )
  def stack(entries):
    return entries.batch(num_keys, drop_remainder=True).get_single_element()

  @tff.tensorflow.computation(table_type, keys_type)
  def take(table, keys):
    return look_up(table, keys)

  @tff.federated_computation(
    tff.FederatedType(table_type, tff.SERVER),
    tff.FederatedType(keys_type, tff.CLIENTS),
  )
  def select(table, keys):
    keys = tff.federated_map(clip, keys)
    if mode == 'broadcast':
      return tff.federated_map(take, (tff.federated_broadcast(table), keys))
    entries = tff.federated_select(
      keys, tff.federated_value(num_entries, tff.SERVER), table, select_entry
    )
    return tff.federated_map(stack, entries)

  return select


def build_row_retrieval(
  row_model: models.RowModel,
  num_rows: Sequence[int],
  mode: str,
  downlink: options_lib.DownlinkOptions | None = None,
) -> tff.Computation:
  """Builds the computation from the server's weights to clients' sub-models.

  Args:
    row_model: Model of the server.
    num_rows: Number of a client's rows of each table, in the order of
      `row_model.table_shapes`.
    mode: `'select'`: `tff.federated_select`, which sends these rows.
      `'broadcast'`: each client receives the table and takes its rows from it.
      The result is the same, bit for bit. TFF's runtime takes some 0.1 ms for
      each distinct key of `'select'`, so in simulations `'broadcast'` is faster
      while tables are small. `SelectProcess.accounted_next` has the bytes of
      `'select'` in either mode.
    downlink: Quantization of body and rows; `None` for none.

  Returns:
    `(<ModelWeights@SERVER, int32[2]@SERVER, {<Candidates, ...>}@CLIENTS> ->
    <{ModelWeights}@CLIENTS, M@SERVER>)`, from the weights of
    `row_model.full_model()`, the key of the round, from which the quantization
    draws, and the candidates of each table, to the weights of
    `row_model.sub_model` with these rows and the measurements:
    `<payload_bytes_per_client=int64>` with `downlink`, otherwise `<>`.

  Raises:
    TypeError: If `downlink` is not a `DownlinkOptions`.
    ValueError: If `mode` is not in `options.RETRIEVAL_MODES`.
  """
  sent = row_downlink.RowDownlink(row_model, downlink)
  weights_type, key_type = sent.encode.type_signature.parameter
  candidates_type = tff.to_type(tuple(map(candidates_type_of, num_rows)))
  selections = [
    build_row_selection(sent, k, mode, i) for i, k in enumerate(num_rows)
  ]

  @tff.tensorflow.computation(candidates_type)
  def to_keys(candidates):
    return tuple(of_table.keys for of_table in candidates)

  @tff.tensorflow.computation(
    sent.body_type,
    tuple(
      tff.TensorType(np.float32, [k, row_size])
      for k, (_, row_size) in zip(
        num_rows, row_model.table_shapes.values(), strict=True
      )
    ),
    candidates_type,
  )
  def to_sub_weights(body, rows, candidates):
    return tff.learning.models.ModelWeights(
      *row_model.sub_weights(body, rows, candidates)
    )

  @tff.federated_computation(
    tff.FederatedType(weights_type, tff.SERVER),
    tff.FederatedType(key_type, tff.SERVER),
    tff.FederatedType(candidates_type, tff.CLIENTS),
  )
  def retrieve(weights, round_key, candidates):
    tables, body, body_bytes = tff.federated_map(
      sent.encode, (weights, round_key)
    )
    body = tff.federated_broadcast(body)
    keys = tff.federated_map(to_keys, candidates)
    rows = tuple(
      select(tables[i], keys[i], body) for i, select in enumerate(selections)
    )
    sub_weights = tff.federated_map(
      to_sub_weights, (sent.decode_body(body), rows, candidates)
    )
    return sub_weights, sent.measurements(body_bytes, num_rows)

  return retrieve


def build_row_selection(
  sent: row_downlink.RowDownlink, num_keys: int, mode: str, table_index: int
) -> Callable[[Any, Any, Any], Any]:
  """Builds the selection of rows, to be called in a federated computation.

  Args:
    sent: Encoding of body and rows.
    num_keys: Number of keys of each client.
    mode: One of `options.RETRIEVAL_MODES`: see `build_row_retrieval`.
    table_index: Index of the table.

  Returns:
    Function from the table at SERVER, keys at CLIENTS, and the payload of the
    body at CLIENTS, to the decoded rows of the keys.
  """
  table_type = sent.table_types[table_index]
  select = build_selection(
    table_type, table_type.shape[0], num_keys, tf.gather, mode
  )

  def select_rows(table, keys, body):
    return sent.decode_rows(select(table, keys), body, table_index)

  return select_rows


def candidates_type_of(num_candidates: int) -> tff.Type:
  """Returns the type of `num_candidates` `models.Candidates`."""
  return tff.types.tensorflow_to_type(models.Candidates.spec(num_candidates))
