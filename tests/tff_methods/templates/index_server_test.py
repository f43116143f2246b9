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
"""Tests for index_server."""

import dataclasses

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import retrieval
from tff_methods.common import seeds
from tff_methods.templates import index_server

_KEY = seeds.key(7)


@dataclasses.dataclass(frozen=True)
class _KeyAndSum(retrieval.ExactRows):
  """Index that sends its key, and keeps the sum of all rows."""

  def build(self, key, rows):
    return retrieval.BuiltIndex(tf.reduce_sum(rows), key, tf.constant(5))


def _build(rounds_per_build, row_model=None):
  return index_server.build_index_server(
    row_model or row_models.row_model(), _KeyAndSum(), rounds_per_build, _KEY
  )


def _weights(scale=1.0):
  (*body, table), constants = (
    row_models.row_model().full_model().initial_weights
  )
  return tff.learning.models.ModelWeights((*body, scale * table), constants)


class IndexServerComputationTest(tf.test.TestCase):
  def test_state_has_the_index_only_if_it_is_used_again(self):
    once, twice = _build(1), _build(2)
    self.assertEqual(
      str(once.initial_state.type_signature.result), '<round=int32>'
    )
    self.assertEqual(
      str(twice.initial_state.type_signature.result),
      '<round=int32,index=<tables=float32,client_params=int32[2],'
      'num_dropped=int32>>',
    )
    for server in (once, twice):
      self.assertEqual(str(server.key_type), 'int32[2]')
      self.assertEqual(
        str(server.index_type),
        '<tables=float32,client_params=int32[2],num_dropped=int32>',
      )


class IndexServerExecutionTest(tf.test.TestCase):
  def test_index_is_built_when_due(self):
    server = _build(2)
    state = server.initial_state()
    self.assertEqual(state['index'].tables, 0.0)
    sums, keys, round_keys = [], [], []
    for scale in (1.0, 2.0, 3.0, 4.0):
      state, round_key, built = server.prepare_round(state, _weights(scale))
      sums.append(built.tables)
      keys.append(tuple(built.client_params))
      round_keys.append(tuple(round_key))
      self.assertEqual(built.num_dropped, 5)
    self.assertEqual(state['round'], 4)
    total = row_models.rows().sum()
    self.assertAllClose(sums, [total, total, 3 * total, 3 * total], rtol=1e-5)
    self.assertEqual([keys[0], keys[2]], [keys[1], keys[3]])
    # All keys differ: of builds, and of rounds.
    self.assertLen({*keys, *round_keys}, 2 + 4)

  def test_index_is_built_in_each_round(self):
    server = _build(1)
    state, first, built = server.prepare_round(
      server.initial_state(), _weights()
    )
    self.assertEqual(list(state), ['round'])
    _, second, rebuilt = server.prepare_round(state, _weights(2.0))
    self.assertAllClose(rebuilt.tables, 2 * built.tables)
    self.assertNotAllEqual(first, second)
    self.assertNotAllEqual(built.client_params, rebuilt.client_params)

  def test_rows_are_searched_by_their_vectors(self):
    model = row_models.row_model(biases=row_models.biases())
    server = _build(1, model)
    weights = tff.learning.models.ModelWeights(
      *model.full_model().initial_weights
    )
    _, _, built = server.prepare_round(server.initial_state(), weights)
    self.assertAllClose(
      built.tables, np.sum(row_models.rows()) + np.sum(row_models.biases())
    )


if __name__ == '__main__':
  tf.test.main()
