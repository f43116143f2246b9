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
"""Tests for index_client_steps."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import retrieval
from tff_methods.common import seeds
from tff_methods.templates import index_client
from tff_methods.templates import index_client_steps
from tff_methods.templates import local_model
from tff_methods.templates import row_downlink
from tff_methods.templates import row_retrieval

_KEY = np.int32([1, 2])


def _build(row_model, index, budget, corrects_loss=False):
  """Returns the client, and its steps."""
  client = index_client.IndexClient(
    row_model, index, budget, corrects_loss, 'reproducible'
  )
  full = local_model.describe(row_model.full_model())
  row_size = row_model.row_size
  types = index_client_steps.ReceivedTypes(
    round_key=tff.TensorType(np.int32, [2]),
    data=full.data_type,
    body=row_downlink.RowDownlink(row_model).body_type,
    client_params=tff.TensorType(np.float32, [row_model.num_classes, row_size]),
    own_rows=tff.TensorType(np.float32, [client.num_own_candidates, row_size]),
    entries=tff.TensorType(np.int32, [0, 1]),
    requested_rows=tff.TensorType(np.float32, [budget.num_requested, row_size]),
  )
  return client, index_client_steps.build_client_steps(client, types)


class IndexClientStepsComputationTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('rows', row_models.row_model, index_client.RowBudget(5), 5, 5),
    (
      'retrieved_rows',
      row_models.row_model,
      index_client.RowBudget(5, retrieved=7),
      7,
      7,
    ),
    (
      'own_rows',
      row_models.token_model,
      index_client.RowBudget(5, own=2, retrieved=7),
      7,
      5,
    ),
  )
  def test_types(self, model_fn, budget, num_candidates, num_requested):
    model = model_fn()
    client, steps = _build(model, retrieval.ExactRows(), budget)
    key_type, own_type = steps.own_classes.type_signature.result
    self.assertEqual(key_type, tff.TensorType(np.int32, [2]))
    self.assertEqual(own_type, client.own_type)
    num_own = budget.own or 5
    self.assertEqual(
      own_type.candidates, row_retrieval.candidates_type_of(num_own)
    )
    self.assertEqual(own_type.deferred, tff.TensorType(np.int32, [5 - num_own]))
    candidates_type, requested_type = steps.choose.type_signature.result
    self.assertEqual(
      candidates_type, row_retrieval.candidates_type_of(num_candidates)
    )
    self.assertEqual(requested_type, tff.TensorType(np.int32, [num_requested]))
    weights_type, _ = steps.to_sub_model.type_signature.result
    local_model.describe(model.sub_model(5)).weights_type.check_assignable_from(
      weights_type
    )


class IndexClientStepsExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def _run(self, budget, index, corrects_loss=False, client_params_of=None):
    """Runs all steps of a client with 3 own classes of 12.

    Args:
      budget: Numbers of rows.
      index: Index that the client searches.
      corrects_loss: See `index_client.IndexClient`.
      client_params_of: Maps the table to the parameters of the index; by
        default the table itself.

    Returns:
      The table, own classes, vectors, candidates, requested keys, weights of
      the sub-model, and counts.
    """
    model = row_models.token_model()
    _, steps = _build(model, index, budget, corrects_loss)
    (*body, table), constants = model.full_model().initial_weights
    body = (tuple(body), constants)
    params = table if client_params_of is None else client_params_of(table)
    data = row_models.token_datasets()[0]
    key, own = steps.own_classes(seeds.key(5), data)
    own_rows = table[own.candidates.keys]
    vectors, queries = steps.search(body, own_rows, own, data, params)
    candidates, requested = steps.choose(
      key, own, params, vectors, queries, np.zeros([0, 1], np.int32)
    )
    weights, counts = steps.to_sub_model(
      key,
      body,
      own,
      own_rows,
      vectors,
      candidates,
      requested,
      table[requested],
    )
    return table, own, vectors, candidates, requested, weights, counts

  @parameterized.parameters(False, True)
  def test_rows_are_those_of_the_candidates(self, corrects_loss):
    table, own, vectors, candidates, requested, weights, counts = self._run(
      index_client.RowBudget(6, own=4, retrieved=8),
      retrieval.RandomRows(),
      corrects_loss,
    )
    own_keys = own.candidates.keys
    self.assertEqual(vectors.shape, (18, 5))  # 6 sentences of 3 tokens.
    self.assertCountEqual([*own_keys, *requested], candidates.keys)
    keys, log_probability, is_positive = weights.non_trainable
    self.assertLen(keys, 6)
    self.assertContainsSubset(own_keys, keys)
    self.assertAllEqual(weights.trainable[-1], table[keys])
    self.assertAllEqual(keys[is_positive], row_models.CLASSES[0])
    self.assertEqual(counts['num_own_rows'], 3)
    self.assertEqual(counts['num_random_rows'], 3)
    self.assertEqual(counts['num_missing_rows'], 0)
    # 3 of the 9 other rows.
    expected = np.where(is_positive, 0.0, np.log(3 / 9)) * corrects_loss
    self.assertAllClose(log_probability, expected)

  @parameterized.named_parameters(
    # The client has 3 classes.
    ('all_fit', index_client.RowBudget(6, own=1), 3),
    ('all_fit_exactly', index_client.RowBudget(3, own=2), 3),
    ('retrieved', index_client.RowBudget(3, own=1, retrieved=8), 3),
    ('too_many', index_client.RowBudget(2, own=1), 2),
  )
  def test_own_rows_beyond_the_own_budget_are_trained(self, budget, expected):
    def params_with_higher_scores_of_other_rows(table):
      is_own = np.isin(np.arange(12), row_models.CLASSES[0])[:, np.newaxis]
      return np.where(is_own, 0, table).astype(np.float32)

    table, _, _, _, _, weights, counts = self._run(
      budget,
      retrieval.ExactRows(),
      client_params_of=params_with_higher_scores_of_other_rows,
    )
    keys, _, is_positive = weights.non_trainable
    self.assertLen(keys, budget.trained)
    self.assertAllEqual(weights.trainable[-1], table[keys])
    trained = set(keys[is_positive])
    self.assertEqual(trained, set(row_models.CLASSES[0]) & set(keys))
    self.assertLen(trained, expected)
    self.assertEqual(counts['num_own_rows'], expected)
    self.assertEqual(counts['num_missing_rows'], 3 - expected)


if __name__ == '__main__':
  tf.test.main()
