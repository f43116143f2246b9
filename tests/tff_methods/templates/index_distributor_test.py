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
"""Tests for index_distributor."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import communication
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods.templates import index_client
from tff_methods.templates import index_distributor
from tff_methods.templates import local_model

_BUDGET = index_client.RowBudget(5)
_TOKEN_BUDGET = index_client.RowBudget(5, own=3)


def _build(row_model=None, index=None, budget=_BUDGET, **kwargs):
  return index_distributor.build_index_distributor(
    row_model or row_models.row_model(),
    index or retrieval.ExactRows(),
    budget,
    **kwargs,
  )


def _weights(row_model=None):
  row_model = row_model or row_models.row_model()
  return tff.learning.models.ModelWeights(
    *row_model.full_model().initial_weights
  )


def _distribute(process, clients, row_model=None):
  """Returns the clients' weights and the measurements of the first round."""
  output = process.next(process.initialize(), _weights(row_model), clients)
  return output.result, output.measurements


def _keys_with_ids(process, clients, client_ids):
  """Returns the keys of the rows that each client trains."""
  result = process.next_with_ids(
    process.initialize(), _weights(), clients, client_ids
  ).result
  return [tuple(weights.non_trainable[0]) for weights in result]


class IndexDistributorComputationTest(parameterized.TestCase):
  def test_result_is_the_sub_model_of_the_trained_rows(self):
    model = row_models.row_model()
    process = _build(model, budget=index_client.RowBudget(5, retrieved=7))
    local_model.describe(model.sub_model(5)).weights_type.check_assignable_from(
      process.next.type_signature.result.result.member
    )
    self.assertEqual(
      str(process.next.type_signature.result.measurements.member),
      '<num_dropped_entries=int64,num_own_rows=int64,num_random_rows=int64,'
      'num_missing_rows=int64>',
    )

  def test_select_next_sends_rows_and_not_the_table(self):
    index = retrieval.RandomRows()
    select = _build(index=index)
    broadcast = _build(index=index, retrieval_mode='broadcast')
    self.assertIs(select.select_next, select.next)
    rows = 4 * 4  # Bytes of a row.
    found = [
      communication.traced_bytes(computation).downlink
      for computation in (broadcast.next, broadcast.select_next, select.next)
    ]
    self.assertEqual(np.diff(found).tolist(), [(5 - 12) * rows, 0])

  @parameterized.named_parameters(
    ('base_seed', {'base_seed': 0.5}, TypeError, 'base_seed to be an int'),
    ('seed_source', {'seed_source': 'x'}, ValueError, 'seed_source to be one'),
    ('mode', {'retrieval_mode': 'x'}, ValueError, 'retrieval_mode to be one'),
    ('rounds', {'rounds_per_build': 0}, ValueError, 'rounds_per_build of at'),
    ('index', {'index': 'exact'}, TypeError, "RowIndex, found 'exact'"),
  )
  def test_wrong_argument(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      _build(**kwargs)


class IndexDistributorExecutionTest(tf.test.TestCase):
  def test_exact_index_gives_the_largest_inner_products(self):
    results, measurements = _distribute(_build(), row_models.datasets())
    self.assertEqual(measurements['num_dropped_entries'], 0)
    self.assertEqual(measurements['num_own_rows'], 3 + 4 + 2)
    self.assertEqual(measurements['num_random_rows'], 0)
    for (x, _), classes, weights in zip(
      row_models.arrays(), row_models.CLASSES, results, strict=True
    ):
      activations = (row_models.embed(x) @ row_models.rows().T).max(axis=0)
      activations[list(classes)] = np.inf
      keys, log_probability, is_positive = weights.non_trainable
      self.assertCountEqual(keys, np.argsort(-activations)[:5])
      self.assertAllEqual(keys[is_positive], classes)
      self.assertAllEqual(log_probability, np.zeros(5))
      self.assertAllEqual(weights.trainable[-1], row_models.rows()[keys])

  def test_random_rows_stand_for_the_others(self):
    clients = row_models.datasets()[:1]
    probabilities = []
    for corrects_loss in (False, True):
      process = _build(
        index=retrieval.RandomRows(), corrects_loss=corrects_loss
      )
      (weights,), measurements = _distribute(process, clients)
      self.assertEqual(measurements['num_random_rows'], 2)
      keys, log_probability, is_positive = weights.non_trainable
      self.assertAllEqual(keys[is_positive], row_models.CLASSES[0])
      probabilities.append(np.exp(log_probability[~is_positive]))
    # 2 of the 9 other rows.
    self.assertAllClose(probabilities, [[1, 1], [2 / 9, 2 / 9]])

  def test_ids_make_clients_with_the_same_data_differ(self):
    (client,) = row_models.datasets()[:1]
    process = _build(index=retrieval.RandomRows())
    ids = [str(i) for i in range(6)]
    drawn = _keys_with_ids(process, [client] * 6, ids)
    self.assertEqual(drawn, _keys_with_ids(process, [client] * 6, ids))
    self.assertGreater(len(set(drawn)), 1)
    self.assertLen(set(_keys_with_ids(process, [client] * 3, ['a'] * 3)), 1)
    for keys in drawn:
      self.assertContainsSubset(row_models.CLASSES[0], keys)

  def test_rows_that_embed_the_input_are_received_once(self):
    model = row_models.token_model(models.LabelRoles(padding=0))
    # All rows are in the one bucket of a table that a client looks up.
    index = retrieval.SimHash(1, 6, bucket_capacity=12)
    process = _build(model, index, _TOKEN_BUDGET)
    results, measurements = _distribute(
      process, row_models.token_datasets(), model
    )
    self.assertEqual(measurements['num_dropped_entries'], 0)
    table = _weights(model).trainable[-1]
    for classes, weights in zip(row_models.CLASSES, results, strict=True):
      keys, _, is_positive = weights.non_trainable
      self.assertAllEqual(np.unique(keys), keys)
      self.assertAllEqual(weights.trainable[-1], table[keys])
      self.assertContainsSubset(keys[is_positive], set(classes) - {0})

  def test_quantized_downlink(self):
    model = row_models.token_model(models.LabelRoles(padding=0))
    options = options_lib.DownlinkOptions(bits=8, min_elements=10)
    index = retrieval.RandomRows()
    exact, _ = _distribute(
      _build(model, index, _TOKEN_BUDGET), row_models.token_datasets(), model
    )
    for mode in options_lib.RETRIEVAL_MODES:
      process = _build(
        model, index, _TOKEN_BUDGET, downlink=options, retrieval_mode=mode
      )
      results, measurements = _distribute(
        process, row_models.token_datasets(), model
      )
      for weights, expected in zip(results, exact, strict=True):
        self.assertAllEqual(weights.non_trainable[0], expected.non_trainable[0])
        self.assertNotAllEqual(weights.trainable[-1], expected.trainable[-1])
        self.assertAllClose(
          weights.trainable[-1], expected.trainable[-1], atol=0.05
        )
      # The trace also has the key of the round, 8 bytes.
      found = communication.traced_bytes(process.select_next).downlink
      self.assertEqual(measurements['payload_bytes_per_client'], found - 8)


if __name__ == '__main__':
  tf.test.main()
