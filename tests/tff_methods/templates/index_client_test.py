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
from tff_methods.templates import index_client

_RowBudget = index_client.RowBudget


class CheckBudgetTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('no_rows', _RowBudget(0), 'trained rows .*found 0'),
    ('too_many', _RowBudget(13), 'trained rows .*12.*found 13'),
    ('own_of_no_use', _RowBudget(3, own=2), 'no own rows .*found 2: leave'),
    ('too_few_retrieved', _RowBudget(3, retrieved=2), 'at least 3.*found 2'),
    (
      'too_many_retrieved',
      _RowBudget(3, retrieved=13),
      'retrieved .*12.*found 13',
    ),
  )
  def test_rows(self, budget, message):
    model = row_models.row_model()
    self.assertEqual(model.num_classes, 12)
    with self.assertRaisesRegex(ValueError, message):
      index_client.check_budget(model, budget)

  @parameterized.named_parameters(
    ('none', _RowBudget(3), 'Expected own rows .*found none'),
    ('no_rows', _RowBudget(3, own=0), 'own rows.*at least 1.*found 0'),
    ('too_many', _RowBudget(3, own=4), 'own rows of at most 3.*found 4'),
  )
  def test_own_rows(self, budget, message):
    model = row_models.token_model(models.LabelRoles(padding=0))
    with self.assertRaisesRegex(ValueError, message):
      index_client.check_budget(model, budget)

  def test_rows_that_fit(self):
    index_client.check_budget(row_models.row_model(), _RowBudget(6))
    model = row_models.token_model(models.LabelRoles(padding=0))
    index_client.check_budget(model, _RowBudget(3, own=3, retrieved=4))


if __name__ == '__main__':
  tf.test.main()
