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
"""Encoding of a row model for clients that receive some of its rows."""

import collections
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods.aggregators import received_bytes
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.templates import local_model
from tff_methods.templates import sketched_distributor

# Folded into the key of input tables, plus their index. 0 and 1 are folded in
# by `RowQuantization`, which has the key itself for the rows of the output.
_INPUT_TABLES = 2


class RowDownlink:
  """Body and tables of a row model, as they are sent to clients.

  The server encodes them once a round. Each row becomes a string of bytes
  (`encoders.RowQuantization`), so that clients can decode the rows that they
  select; the body is encoded as by `sketched_model_distributor`. Clients get
  the key of the decoding, of 8 bytes, with the body. Without options, body and
  rows are sent as they are.

  Attributes:
    encode: `(<V, int32[2]> -> <<T1, ...>, B, int64>)`, with `V` the weights of
      the full model and the key of the round: the tables to select rows from,
      the payload of the body, and its bytes.
    table_types: Type of each table, of as many entries as there are rows.
    body_type: Type of the decoded body, trainable and non-trainable weights.
  """

  def __init__(
    self,
    row_model: models.RowModel,
    options: options_lib.DownlinkOptions | None = None,
  ):
    """Builds the computations.

    Args:
      row_model: Model of the server.
      options: Quantization; `None`, or `bits=None`, for none.

    Raises:
      TypeError: If `options` is of another type.
    """
    options = argument_checks.check_options(
      options,
      options_lib.DownlinkOptions,
      default=options_lib.DownlinkOptions(bits=None),
    )
    weights_type = local_model.describe(row_model.full_model()).weights_type
    num_body = len(weights_type.trainable) - len(row_model.table_shapes)
    self.body_type = tff.types.to_type(
      (
        tuple(weights_type.trainable)[:num_body],
        tuple(weights_type.non_trainable),
      )
    )
    self._is_plain = options.bits is None
    self._tables = [
      _RowEncoding(shape, options, None if name == 'rows' else index)
      for index, (name, shape) in enumerate(row_model.table_shapes.items())
    ]
    self._body = _BodyEncoding(self.body_type, options)
    base_key = seeds.key(options.base_seed, int.from_bytes(b'downlink'))

    @tff.tensorflow.computation(weights_type, tff.TensorType(np.int32, [2]))
    def encode(weights, round_key):
      if not self._is_plain:
        weights = sketched_distributor.check_finite(weights)
      trainable = tuple(weights.trainable)
      tables = trainable[num_body:]
      body = trainable[:num_body], tuple(weights.non_trainable)
      if self._is_plain:
        return tables, body, received_bytes.num_bytes(body)
      key = seeds.fold_in(seeds.fold_in(round_key, base_key[0]), base_key[1])
      payload = collections.OrderedDict(
        body=self._body.encode(body, key), key=key
      )
      tables = tuple(
        encoding.encode(rows, key)
        for encoding, rows in zip(self._tables, tables, strict=True)
      )
      return tables, payload, received_bytes.num_bytes(payload)

    self.encode = encode
    self.table_types = tuple(encode.type_signature.result[0])

  def decode_body(self, payload: Any) -> Any:
    """Returns the body at clients, inside a federated computation.

    Args:
      payload: `B@CLIENTS`.
    """
    if self._is_plain:
      return payload

    @tff.tensorflow.computation(payload.type_signature.member)
    def decode(payload):
      return self._body.decode(payload['body'], payload['key'])

    return tff.federated_map(decode, payload)

  def decode_rows(self, entries: Any, payload: Any, table_index: int) -> Any:
    """Returns selected rows at clients, inside a federated computation.

    Args:
      entries: Entries of the table, `{T}@CLIENTS` with the number of keys as
        the first dimension.
      payload: `B@CLIENTS`.
      table_index: Index of the table.

    Returns:
      `{float32[k, row_size]}@CLIENTS`.
    """
    encoding = self._tables[table_index]
    if encoding.is_plain:
      return entries

    @tff.tensorflow.computation(
      entries.type_signature.member, payload.type_signature.member
    )
    def decode(entries, payload):
      return encoding.decode(entries, payload['key'])

    return tff.federated_map(decode, (entries, payload))

  def measurements(self, body_bytes: Any, num_rows: Sequence[int]) -> Any:
    """Returns the measurements of a round, inside a federated computation.

    Args:
      body_bytes: `int64@SERVER`, from `encode`.
      num_rows: Number of rows of each table that each client receives.

    Returns:
      `<payload_bytes_per_client=int64>@SERVER`, the bytes of body, key and
      rows; without options `<>@SERVER`, as TFF's broadcast.
    """
    if self._is_plain:
      return tff.federated_value((), tff.SERVER)
    rows_bytes = sum(
      k * table.shape[1] * table.dtype.itemsize
      for k, table in zip(num_rows, self.table_types, strict=True)
    )

    @tff.tensorflow.computation(np.int64)
    def measure(body_bytes):
      return collections.OrderedDict(
        payload_bytes_per_client=body_bytes + rows_bytes
      )

    return tff.federated_map(measure, body_bytes)


class _BodyEncoding:
  """Encoders of the tensors of the body, that draw from one key."""

  def __init__(self, body_type: tff.Type, options: options_lib.DownlinkOptions):
    self._specs = tff.types.type_to_tf_tensor_specs(body_type)
    self._encoders = [
      sketched_distributor.build_encoder(spec, index, options)
      for index, spec in enumerate(tf.nest.flatten(self._specs))
    ]

  def encode(self, body: Any, key: tf.Tensor) -> list[Any]:
    return encoders.map_in_sequence(
      lambda x, encoder: encoders.encode_with_key(encoder, x, key),
      tf.nest.flatten(body),
      self._encoders,
    )

  def decode(self, payload: Any, key: tf.Tensor) -> Any:
    tensors = encoders.map_in_sequence(
      lambda x, encoder: encoders.decode_with_key(encoder, x, key),
      payload,
      self._encoders,
    )
    return tf.nest.pack_sequence_as(self._specs, tensors)


class _RowEncoding:
  """Quantization of the rows of a table, unless the table is small.

  Each table draws from a key of its own: tables of equal shape share neither
  rotation nor dither.

  Attributes:
    is_plain: True if rows are sent as they are.
  """

  def __init__(
    self,
    shape: tuple[int, int],
    options: options_lib.DownlinkOptions,
    input_index: int | None,
  ):
    num_rows, row_size = shape
    is_small = num_rows * row_size < options.min_elements
    self.is_plain = options.bits is None or is_small
    self._input_index = input_index
    if not self.is_plain:
      self._quantization = encoders.RowQuantization(row_size, options)

  def encode(self, rows: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    if self.is_plain:
      return rows
    return self._quantization.encode(rows, self._own(key))

  def decode(self, entries: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    return self._quantization.decode(entries, self._own(key))

  def _own(self, key: tf.Tensor) -> tf.Tensor:
    """Returns the key of this table."""
    if self._input_index is None:
      return key
    return seeds.fold_in(key, _INPUT_TABLES + self._input_index)
