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
"""Server steps of the search for rows: the index, built when it is due."""

import collections
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models
from tff_methods import retrieval
from tff_methods.common import seeds
from tff_methods.templates import local_model

# Purposes of a round's keys.
_BUILD, _CLIENTS = 0, 1


class IndexServer(NamedTuple):
  """Computations of the server.

  Attributes:
    initial_state: `( -> S)`. The index is part of the state `S` if it is used
      for several rounds.
    prepare_round: `(<S, V> -> <S, int32[2], BuiltIndex>)`, with `V` the weights
      of the full model: the next state, the key of the round, and the index.
  """

  initial_state: tff.Computation
  prepare_round: tff.Computation

  @property
  def key_type(self) -> tff.Type:
    """The type of the key of a round."""
    return self.prepare_round.type_signature.result[1]

  @property
  def index_type(self) -> tff.Type:
    """The type of the `retrieval.BuiltIndex`."""
    return self.prepare_round.type_signature.result[2]


def build_index_server(
  row_model: models.RowModel,
  index: retrieval.RowIndex,
  rounds_per_build: int,
  base_key: np.ndarray,
) -> IndexServer:
  """Builds the computations of the server.

  Args:
    row_model: Model of the server.
    index: Index of the rows.
    rounds_per_build: Number of rounds for which an index is used.
    base_key: `int32[2]`, key of the process.

  Returns:
    An `IndexServer`.
  """
  weights_type = local_model.describe(row_model.full_model()).weights_type

  def round_key(round_number, purpose):
    return seeds.fold_in(seeds.fold_in(base_key, round_number), purpose)

  def build(round_number, weights):
    rows = row_model.row_vectors(weights.trainable[-1])
    return index.build(round_key(round_number, _BUILD), rows)

  index_type = tff.tensorflow.computation(
    build, [np.int32, weights_type]
  ).type_signature.result
  keeps_index = rounds_per_build > 1

  @tff.tensorflow.computation
  def initial_state():
    state = collections.OrderedDict(round=tf.constant(0, tf.int32))
    if keeps_index:
      state['index'] = _zeros(index_type)
    return state

  @tff.tensorflow.computation(initial_state.type_signature.result, weights_type)
  def prepare_round(state, weights):
    next_state = collections.OrderedDict(round=state['round'] + 1)
    if not keeps_index:
      built = build(state['round'], weights)
    else:
      built = tf.cond(
        tf.equal(state['round'] % rounds_per_build, 0),
        lambda: build(state['round'], weights),
        lambda: state['index'],
      )
      next_state['index'] = built
    return next_state, round_key(state['round'], _CLIENTS), built

  return IndexServer(initial_state, prepare_round)


def _zeros(tff_type: tff.Type) -> Any:
  """Returns zeros of a type of tensors, inside a computation."""
  specs = tff.types.type_to_tf_tensor_specs(tff_type)
  return tf.nest.map_structure(lambda s: tf.zeros(s.shape, s.dtype), specs)
