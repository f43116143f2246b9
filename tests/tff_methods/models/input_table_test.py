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
"""Tests for input_table."""

import numpy as np
import tensorflow as tf

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods.models import candidates as candidates_lib
from tff_methods.models import input_table

_ROWS = np.arange(12, dtype=np.float32).reshape([6, 2])


def _candidates(keys):
  zeros = np.zeros(len(keys))
  return candidates_lib.Candidates(
    tf.constant(keys), tf.constant(zeros), tf.constant(zeros > 0)
  )


class InputTableTest(tf.test.TestCase):
  def test_rows_are_in_the_place_of_ids(self):
    table = models.InputTable(_ROWS, 'words')
    x = {'words': tf.constant([[4, -1], [1, 4]]), 'other': 'kept'}
    keys = [-1, 1, 4]
    rows = tf.gather(_ROWS, tf.maximum(keys, 0))
    found = table.embed(x, rows, _candidates(keys))
    self.assertAllEqual(
      found['words'], [[_ROWS[4], [0, 0]], [_ROWS[1], _ROWS[4]]]
    )
    self.assertEqual(found['other'], 'kept')
    self.assertAllEqual(table.keys_in(x), [4, 1, 4])

  def test_ids_without_a_row_are_zeros(self):
    table = models.InputTable(_ROWS)
    found = table.embed(tf.constant([0, 3, 5]), _ROWS[3:4], _candidates([3]))
    self.assertAllEqual(found, [[0, 0], _ROWS[3], [0, 0]])

  def test_gradient_is_dense(self):
    table, keys = models.InputTable(_ROWS), [0, 2, 5]
    rows = tf.constant(_ROWS[keys])
    with tf.GradientTape() as tape:
      tape.watch(rows)
      embedded = table.embed(tf.constant([5, 1, 5, 2]), rows, _candidates(keys))
      total = tf.reduce_sum(embedded * [[1.0], [10.0], [2.0], [4.0]])
    gradient = tape.gradient(total, rows)
    self.assertIsInstance(gradient, tf.Tensor)
    self.assertAllEqual(gradient, [[0, 0], [4, 4], [3, 3]])

  def test_bad_arguments(self):
    with self.assertRaisesRegex(ValueError, r'\[number of ids, d.*found \[3\]'):
      models.InputTable(np.zeros(3))
    with self.assertRaisesRegex(TypeError, "a feature 'words', found"):
      models.InputTable(_ROWS, 'words').ids(tf.constant([1]))
    with self.assertRaisesRegex(TypeError, r"features \['a'\]: give the table"):
      models.InputTable(_ROWS).ids({'a': tf.constant([1])})

  def test_batches_are_pairs_in_either_form(self):
    for batch in ((1, 2), [1, 2], {'y': 2, 'x': 1}):
      self.assertEqual(input_table.examples_and_labels(batch), (1, 2))
    for batch, message in (
      ({'x': 1, 'y': 2, 'sample_weight': 3}, r"found \['sample_weight', 'x'"),
      ((1, 2, 3), 'found 3 parts: leave the rest out, such as sample_weight'),
      (tf.constant(1), 'found EagerTensor'),
    ):
      with self.assertRaisesRegex(TypeError, message):
        input_table.examples_and_labels(batch)


class RowModelOfInputTablesTest(tf.test.TestCase):
  def test_equals_numpy(self):
    model = row_models.purchases_model()
    self.assertEqual(
      model.table_shapes, {'items': (9, 3), 'shops': (5, 4), 'rows': (12, 4)}
    )
    full = model.full_model()
    (kernel, items, shops, rows), _ = full.initial_weights
    x, _ = row_models.purchases()[0]
    found = full.predict_on_batch(full.initial_weights, x, False)
    for i, scores in enumerate(found):
      own = [items[k] for k in x['items'][i] if k >= 0]
      embedding = np.sum(own, axis=0) @ kernel + shops[x['shop'][i]]
      self.assertAllClose(scores, rows @ embedding, atol=1e-5)

  def test_keys_of_each_table(self):
    model = row_models.purchases_model()
    x, y = batch = row_models.purchases()[1]
    items, shops, classes = model.keys_in(batch)
    self.assertAllEqual(items, x['items'][x['items'] >= 0])
    self.assertAllEqual(shops, x['shop'])
    self.assertAllEqual(classes, y)


if __name__ == '__main__':
  tf.test.main()
