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
"""Mean of the updates of a table, of which each client sends a few rows."""

import collections
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import decoded_mean
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import value_types
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.encoders import scaling

WEIGHTINGS = ('client', 'row')

EncoderFn = Callable[[tf.TensorSpec], encoders.GatherEncoder]


def selected_rows_aggregator(
  num_rows: int,
  *,
  weighting: str = 'client',
  encoder_fn: EncoderFn | None = None,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> tff.aggregators.WeightedAggregationFactory:
  """Returns a factory for the mean of updates of selected rows.

  Clients send keys and rows. As they arrive, the server adds each row, times
  the client's weight, to the row of the table with its key. Neither side makes
  a table for a single client. Sums are in float64, so the order of the sum,
  which depends on how a runtime spreads clients over workers, does not change
  the `float32` mean (except where float64 sums fall on two sides of the
  boundary between two `float32`, once in hundreds of millions of numbers).

  The created process has `next: <S@SERVER, {<keys=int32[k], values=float32[k,
  d]>}@CLIENTS, {float32}@CLIENTS> -> <state=S@SERVER, result=float32[num_rows,
  d]@SERVER, measurements=M@SERVER>`, `M` an `OrderedDict` of

  *   `payload_bytes`: `int64`, the bytes of the keys and (encoded) rows, summed
      over the clients of the round and counted on arrival.

  Keys of -1 are padding: their rows have no effect. The other keys of a client
  are distinct. A key of -2 or less, or of `num_rows` or more, and a NaN or Inf
  in a row that is not padding, raise `InvalidArgumentError` on the client.

  Args:
    num_rows: Number of rows of the table.
    weighting: Divisor of the sums. `'client'`: the weights of all clients, as
      in federated averaging, where clients without a row have an update of zero
      for it (FedSS, algorithm 1). `'row'`: the weights of the clients that sent
      the row, so that a rare row moves as far as a frequent one. Rows without
      weight do not change.
    encoder_fn: Maps the `tf.TensorSpec` of a client's rows to a `GatherEncoder`
      of stages of this package; `None` sends `float32` rows. All its random
      choices are drawn from a key of 8 bytes, which the client sends too.
    seed_source: Source of that key. `'reproducible'`: a fingerprint of the
      rows, so that a repeated simulation gives the same bits. `'entropy'`: the
      operating system.
    base_seed: Seed of the process. Different seeds give independent choices.

  Returns:
    A `WeightedAggregationFactory`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  num_rows = argument_checks.check_int('num_rows', num_rows, minimum=1)
  argument_checks.check_choice('weighting', weighting, WEIGHTINGS)
  if encoder_fn is not None:
    encoded_sum.check_encoder_fn(encoder_fn)
  randomness = options_lib.RandomnessOptions(
    seed_source=seed_source, base_seed=base_seed
  )
  return _SelectedRowsFactory(
    num_rows, weighting, _RowEncoding(encoder_fn, randomness)
  )


class _RowEncoding:
  """Encoding of a client's rows, with a key of its own."""

  def __init__(
    self,
    encoder_fn: EncoderFn | None,
    randomness: options_lib.RandomnessOptions,
  ):
    self._encoder_fn = encoder_fn
    self._seed_source = randomness.seed_source
    self._base_key = seeds.key(randomness.base_seed, int.from_bytes(b'rows'))

  def encode(self, values: tf.Tensor) -> collections.OrderedDict[str, Any]:
    """Encodes the rows of one client, inside a TensorFlow computation."""
    values = scaling.check_finite(values)
    if self._encoder_fn is None:
      return collections.OrderedDict(values=values)
    key = seeds.client_key(self._base_key, values, self._seed_source)
    encoder = self._encoder_fn(tf.TensorSpec(values.shape, values.dtype))
    return collections.OrderedDict(
      values=encoders.encode_with_key(encoder, values, key), seed=key
    )

  def decode(self, payload: Any, spec: tf.TensorSpec) -> tf.Tensor:
    """Inverts `encode`, up to the loss of the encoder."""
    if self._encoder_fn is None:
      return payload['values']
    return encoders.decode_with_key(
      self._encoder_fn(spec), payload['values'], payload['seed']
    )


class _SelectedRowsFactory(tff.aggregators.WeightedAggregationFactory):
  """See `selected_rows_aggregator`."""

  def __init__(self, num_rows: int, weighting: str, encoding: _RowEncoding):
    self._num_rows = num_rows
    self._weighting = weighting
    self._encoding = encoding

  def create(
    self, value_type: tff.Type, weight_type: tff.Type
  ) -> tff.templates.AggregationProcess:
    """Creates the process.

    Args:
      value_type: `<keys=int32[k], values=float32[k, d]>`.
      weight_type: Type of a client's weight.

    Returns:
      A `tff.templates.AggregationProcess`.

    Raises:
      TypeError: If `value_type` is not a struct of keys and rows.
    """
    _check_value_type(value_type)
    value_type = value_types.check_value_type(value_type)
    return _build_process(
      self._num_rows, self._weighting, self._encoding, value_type, weight_type
    )


def _build_process(
  num_rows: int,
  weighting: str,
  encoding: _RowEncoding,
  value_type: tff.Type,
  weight_type: tff.Type,
) -> tff.templates.AggregationProcess:
  """Builds the mean from sums of rows and of weights."""
  row_size = value_type['values'].shape[1]
  values_spec = tff.types.type_to_tf_tensor_specs(value_type['values'])

  @tff.tensorflow.computation(value_type)
  def encode(value):
    keys = _check_keys(value['keys'], num_rows)
    # Padding must not affect the scale at which the rows are quantized.
    values = tf.where(keys[:, tf.newaxis] >= 0, value['values'], 0.0)
    return collections.OrderedDict(keys=keys, rows=encoding.encode(values))

  def zero():
    num_weights = 1 if weighting == 'client' else num_rows
    return (
      tf.zeros([num_rows, row_size], tf.float64),
      tf.zeros([num_weights], tf.float64),
    )

  def add(sums, payload, weight):
    rows_sum, weights = sums
    weight = tf.cast(weight, tf.float64)
    is_row = payload['keys'] >= 0
    keys = tf.boolean_mask(payload['keys'], is_row)[:, tf.newaxis]
    values = encoding.decode(payload['rows'], values_spec)
    rows = weight * tf.cast(tf.boolean_mask(values, is_row), tf.float64)
    if weighting == 'client':
      weights += weight
    else:
      row_weights = tf.fill(tf.shape(keys)[:1], weight)
      weights = tf.tensor_scatter_nd_add(weights, keys, row_weights)
    return tf.tensor_scatter_nd_add(rows_sum, keys, rows), weights

  def mean(sums):
    rows_sum, weights = sums
    return tf.cast(
      tf.math.divide_no_nan(rows_sum, weights[:, tf.newaxis]), tf.float32
    )

  return decoded_mean.build_decoded_mean(
    weight_type, encode, zero=zero, add=add, mean=mean
  )


def _check_keys(keys: tf.Tensor, num_rows: int) -> tf.Tensor:
  """Returns `keys`, with assertions on their range and distinctness."""
  rows = tf.boolean_mask(keys, keys >= 0)
  checks = [
    tf.debugging.Assert(
      tf.reduce_all((keys >= -1) & (keys < num_rows)),
      [f'Expected keys of at least -1 and below {num_rows}, found', keys],
    ),
    tf.debugging.Assert(
      tf.equal(tf.size(tf.unique(rows).y), tf.size(rows)),
      ['Expected distinct keys, except for padding by -1, found', keys],
    ),
  ]
  with tf.control_dependencies(checks):
    return tf.identity(keys)


def _check_value_type(value_type: tff.Type) -> None:
  """Raises `TypeError` unless the type is that of keys and rows."""
  is_sound = (
    isinstance(value_type, tff.StructType)
    and tff.structure.name_list_with_nones(value_type) == ['keys', 'values']
    and all(isinstance(x, tff.TensorType) for x in value_type)
    and value_type['keys'].dtype == np.int32
    and value_type['values'].dtype == np.float32
    and len(value_type['values'].shape or ()) == 2
    and None not in value_type['values'].shape
    and value_type['keys'].shape == value_type['values'].shape[:1]
  )
  if not is_sound:
    raise TypeError(
      'Expected <keys=int32[k],values=float32[k,d]> of static shapes, found '
      f'{value_type}: give the keys of the rows, and their values.'
    )
