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
"""Tests for index_client."""

from absl.testing import parameterized
import tensorflow as tf

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods import retrieval
from tff_methods.templates import index_client

_RowBudget = index_client.RowBudget


def _client(row_model, budget, index=None):
  return index_client.IndexClient(
    row_model,
    retrieval.RandomRows() if index is None else index,
    budget,
    corrects_loss=False,
    seed_source='reproducible',
  )


def _token_model():
  return row_models.token_model(models.LabelRoles(padding=0))


class RowBudgetTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('no_rows', {'trained': 0}, 'trained rows of at least 1, found 0'),
    ('no_own', {'trained': 3, 'own': 0}, 'own rows of at least 1, found 0'),
    ('own', {'trained': 3, 'own': 4}, 'own rows of at most 3.*found 4'),
    ('retrieved', {'trained': 3, 'retrieved': 2}, 'at least 3.*found 2'),
  )
  def test_value_error(self, budget, message):
    with self.assertRaisesRegex(ValueError, message):
      _RowBudget(**budget)

  def test_type_error(self):
    with self.assertRaisesRegex(
      TypeError, 'trained rows to be an int, .*float'
    ):
      _RowBudget(0.5)

  @parameterized.named_parameters(
    ('trained', _RowBudget(6), 6, 6),
    ('own', _RowBudget(6, own=2), 4, 6),
    ('retrieved', _RowBudget(6, retrieved=9), 9, 9),
    ('both', _RowBudget(6, own=2, retrieved=9), 7, 9),
  )
  def test_rows_are_received_once(self, budget, num_requested, num_retrieved):
    self.assertEqual(budget.num_requested, num_requested)
    self.assertEqual(budget.num_retrieved, num_retrieved)


class IndexClientTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('trained', _RowBudget(13), 'trained rows of at most 12.*found 13'),
    ('own', _RowBudget(3, own=2), 'no own rows .*found 2: leave'),
    ('retrieved', _RowBudget(3, retrieved=13), 'retrieved .*12.*found 13'),
  )
  def test_budget_of_another_model(self, budget, message):
    with self.assertRaisesRegex(ValueError, message):
      _client(row_models.row_model(), budget)

  def test_own_rows_are_needed_where_rows_embed_the_input(self):
    with self.assertRaisesRegex(ValueError, 'Expected own rows .*found none'):
      _client(_token_model(), _RowBudget(3))

  def test_model_with_input_tables(self):
    with self.assertRaisesRegex(
      ValueError, "no.*input tables.*'shops'.*fed_ss"
    ):
      _client(row_models.purchases_model(), _RowBudget(3))

  def test_similarity_that_no_index_can_search(self):
    model = row_models.row_model(
      similarity=lambda x, rows: -tf.norm(x[..., tf.newaxis, :] - rows, axis=-1)
    )
    with self.assertRaisesRegex(TypeError, 'embedding_vectors and row_vectors'):
      _client(model, _RowBudget(3))

  @parameterized.parameters('simhash', retrieval.SimHash)
  def test_index_of_a_wrong_type(self, index):
    with self.assertRaisesRegex(
      TypeError, 'Expected a RowIndex, found .*(?i:simhash)'
    ):
      _client(row_models.row_model(), _RowBudget(3), index)


if __name__ == '__main__':
  tf.test.main()
