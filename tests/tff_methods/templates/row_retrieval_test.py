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
"""Tests for row_retrieval."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods.templates import row_retrieval

_ROUND_KEY = np.int32([5, 6])
_TABLE = np.arange(10, dtype=np.float32).reshape([5, 2])


def _candidates(keys):
  return models.Candidates(
    np.array(keys, np.int32),
    np.zeros([len(keys)], np.float32),
    np.zeros([len(keys)], bool),
  )


class RowRetrievalComputationTest(parameterized.TestCase):
  @parameterized.parameters(*options_lib.RETRIEVAL_MODES)
  def test_selection_type(self, mode):
    table_type = tff.TensorType(np.float32, [5, 2])
    select = row_retrieval.build_selection(table_type, 5, 3, tf.gather, mode)
    self.assertEqual(
      str(select.type_signature.compact_representation()),
      '(<table=float32[5,2]@SERVER,keys={int32[3]}@CLIENTS> -> '
      '{float32[3,2]}@CLIENTS)',
    )

  @parameterized.parameters(*options_lib.RETRIEVAL_MODES)
  def test_retrieval_maps_the_full_model_to_the_sub_model(self, mode):
    model = row_models.row_model()
    retrieve = row_retrieval.build_row_retrieval(model, [3], mode)
    weights_type, _, candidates_type = retrieve.type_signature.parameter
    for found, functional in (
      (weights_type, model.full_model()),
      (retrieve.type_signature.result[0], model.sub_model(3)),
    ):
      found.member.check_assignable_from(
        tff.types.to_type(
          tff.learning.models.ModelWeights(
            *tf.nest.map_structure(
              lambda w: tff.TensorType(np.asarray(w).dtype, np.shape(w)),
              functional.initial_weights,
            )
          )
        )
      )
    self.assertEqual(
      candidates_type.member[0], row_retrieval.candidates_type_of(3)
    )

  def test_unknown_mode(self):
    with self.assertRaisesRegex(
      ValueError, r"retrieval_mode to be one of \('select'.*found 'push'"
    ):
      row_retrieval.build_row_retrieval(row_models.row_model(), [3], 'push')


class RowRetrievalExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(*options_lib.RETRIEVAL_MODES)
  def test_clients_receive_the_entries_of_their_keys(self, mode):
    # Entries that are computed: twice the row, and the key.
    def look_up(table, keys):
      key = tf.cast(keys, tf.float32)[:, tf.newaxis]
      return tf.concat([2.0 * tf.gather(table, keys), key], 1)

    select = row_retrieval.build_selection(
      tff.TensorType(np.float32, [5, 2]), 5, 3, look_up, mode
    )
    keys = [np.int32([4, 0, 4]), np.int32([-1, 2, 3])]
    entries = select(_TABLE, keys)
    # A key of -1 is padding, with the entry of key 0.
    for client_keys, found in zip(([4, 0, 4], [0, 2, 3]), entries, strict=True):
      self.assertAllEqual(
        found, [[*(2 * _TABLE[key]), key] for key in client_keys]
      )

  @parameterized.parameters(*options_lib.RETRIEVAL_MODES)
  def test_clients_receive_body_rows_and_candidates(self, mode):
    model = row_models.row_model(biases=row_models.biases())
    retrieve = row_retrieval.build_row_retrieval(model, [2], mode)
    trainable, non_trainable = model.full_model().initial_weights
    clients = [_candidates([3, 11]), _candidates([-1, 7])]
    results, _ = retrieve(
      tff.learning.models.ModelWeights(trainable, non_trainable),
      _ROUND_KEY,
      [(candidates,) for candidates in clients],
    )
    *body, table = trainable
    for candidates, weights in zip(clients, results, strict=True):
      *found_body, rows = weights.trainable
      for x, y in zip(found_body, body, strict=True):
        self.assertAllEqual(x, y)
      self.assertAllEqual(rows, [table[max(k, 0)] for k in candidates.keys])
      for x, y in zip(weights.non_trainable, candidates, strict=True):
        self.assertAllEqual(x, y)

  def test_quantized_rows_are_equal_in_both_modes(self):
    model = row_models.row_model(biases=row_models.biases())
    weights = tff.learning.models.ModelWeights(
      *model.full_model().initial_weights
    )
    clients = [_candidates([3, 11, 3]), _candidates([-1, 7, 3])]
    options = options_lib.DownlinkOptions(bits=8, min_elements=0)
    found = [
      row_retrieval.build_row_retrieval(model, [3], mode, options)(
        weights, _ROUND_KEY, [(candidates,) for candidates in clients]
      )
      for mode in options_lib.RETRIEVAL_MODES
    ]
    self.assertEqual(found[0][1], found[1][1])
    for first, second, candidates in zip(
      *(results for results, _ in found), clients, strict=True
    ):
      for x, y in zip(first.trainable, second.trainable, strict=True):
        self.assertAllEqual(x, y)
      exact = [weights.trainable[-1][max(k, 0)] for k in candidates.keys]
      self.assertNotAllEqual(first.trainable[-1], exact)
      self.assertAllClose(first.trainable[-1], exact, atol=0.05)
      self.assertAllClose(first.trainable[0], weights.trainable[0], atol=0.05)


if __name__ == '__main__':
  tf.test.main()
