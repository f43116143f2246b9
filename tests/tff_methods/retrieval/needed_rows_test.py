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
"""Tests for needed_rows."""

from absl.testing import absltest
import numpy as np
import tensorflow as tf

from tests.tff_methods import row_models
from tff_methods import retrieval


class NeededRowsTest(absltest.TestCase):
  def test_neediest_client_of_each_table(self):
    found = retrieval.largest_number_of_rows(
      row_models.purchases_model(), row_models.purchase_datasets()
    )
    of_clients = [
      (
        len({i for i in x['items'].ravel() if i >= 0}),
        len(set(x['shop'])),
        len(set(y)),
      )
      for x, y in row_models.purchases()
    ]
    expected = [max(numbers) for numbers in zip(*of_clients, strict=True)]
    self.assertEqual(list(found.values()), expected)
    self.assertEqual(list(found), ['items', 'shops', 'rows'])

  def test_tokens_of_input_and_labels(self):
    found = retrieval.largest_number_of_rows(
      row_models.token_model(), row_models.token_datasets()
    )
    # The second client has four tokens.
    self.assertEqual(found, {'rows': 4})

  def test_ids_and_labels_without_a_row(self):
    model = row_models.purchases_model()
    x, y = row_models.purchases()[0]
    other_x = {**x, 'items': np.full_like(x['items'], 9)}
    other_y = np.where(np.arange(len(y)), 12, -3)
    for name, batch in (
      (r"'items', found \[9\]", (other_x, y)),
      (r"'rows', found \[-3, 12\]", (x, other_y)),
    ):
      data = tf.data.Dataset.from_tensors(batch)
      with self.assertRaisesRegex(ValueError, f'the table {name}: leave such'):
        retrieval.largest_number_of_rows(model, [data])


if __name__ == '__main__':
  absltest.main()
