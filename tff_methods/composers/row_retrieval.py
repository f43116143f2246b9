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
"""The rows of a client's candidates, from the server to the client."""

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import client_works
from tff_methods import retrieval

RETRIEVAL_MODES = ('select', 'broadcast')


def build_row_retrieval(
  row_model: retrieval.RowModel, num_candidates: int, mode: str
) -> tff.Computation:
  """Builds what turns the server's weights into those of clients' sub-models.

  Args:
    row_model: The model.
    num_candidates: Of each client, `k`.
    mode: `'select'`: `tff.federated_select`, which sends `k` rows.
      `'broadcast'`: the whole table goes to each client, which takes its rows
      from it. The result is the same, bit for bit. TFF's runtime takes some
      0.1 ms for each distinct key of `'select'`, so in simulations
      `'broadcast'` is faster while tables are small; `counted_next` of the
      composed process tells the bytes of `'select'` all the same.

  Returns:
    `(<ModelWeights@SERVER, {Candidates}@CLIENTS> -> {ModelWeights}@CLIENTS)`,
    of `row_model.full_model()` and `row_model.sub_model(num_candidates)`.

  Raises:
    ValueError: If `mode` is none of `RETRIEVAL_MODES`.
  """
  if mode not in RETRIEVAL_MODES:
    raise ValueError(
      f'Expected retrieval_mode to be one of {RETRIEVAL_MODES}, found {mode!r}.'
    )
  full_type = client_works.describe(row_model.full_model()).weights_type
  candidates_type = _candidates_type(num_candidates)

  @tff.tensorflow.computation(full_type)
  def get_rows(weights):
    return weights.trainable[-1]

  @tff.tensorflow.computation(full_type)
  def get_body(weights):
    return tuple(weights.trainable)[:-1], tuple(weights.non_trainable)

  row_type = tff.TensorType(
    get_rows.type_signature.result.dtype, [row_model.row_size]
  )

  @tff.tensorflow.computation(candidates_type)
  def to_keys(candidates):
    # Padding is no key. The row of class 0 is as good as any.
    return tf.maximum(candidates.keys, 0)

  @tff.tensorflow.computation(get_rows.type_signature.result, np.int32)
  def select_row(rows, key):
    return tf.gather(rows, key)

  @tff.tensorflow.computation(tff.SequenceType(row_type))
  def stack(rows):
    return rows.batch(num_candidates, drop_remainder=True).get_single_element()

  @tff.tensorflow.computation(
    get_rows.type_signature.result, to_keys.type_signature.result
  )
  def take(rows, keys):
    return tf.gather(rows, keys)

  @tff.tensorflow.computation(
    get_body.type_signature.result,
    take.type_signature.result,
    candidates_type,
  )
  def to_sub_weights(body, rows, candidates):
    trainable, non_trainable = body
    return tff.learning.models.ModelWeights(
      (*trainable, rows), (*non_trainable, *candidates)
    )

  @tff.federated_computation(
    tff.FederatedType(full_type, tff.SERVER),
    tff.FederatedType(candidates_type, tff.CLIENTS),
  )
  def retrieve(weights, candidates):
    table = tff.federated_map(get_rows, weights)
    keys = tff.federated_map(to_keys, candidates)
    if mode == 'select':
      selected = tff.federated_select(
        keys,
        tff.federated_value(row_model.num_classes, tff.SERVER),
        table,
        select_row,
      )
      rows = tff.federated_map(stack, selected)
    else:
      rows = tff.federated_map(take, (tff.federated_broadcast(table), keys))
    body = tff.federated_broadcast(tff.federated_map(get_body, weights))
    return tff.federated_map(to_sub_weights, (body, rows, candidates))

  return retrieve


def _candidates_type(num_candidates: int) -> tff.Type:
  """Returns the type of so many `retrieval.Candidates`."""
  shape = [num_candidates]
  return tff.types.tensorflow_to_type(
    retrieval.Candidates(
      tf.TensorSpec(shape, tf.int32),
      tf.TensorSpec(shape, tf.float32),
      tf.TensorSpec(shape, tf.bool),
    )
  )
