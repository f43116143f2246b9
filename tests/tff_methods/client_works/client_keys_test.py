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
import numpy as np
import tensorflow as tf

from tests.tff_methods import row_models
from tff_methods import client_works

_ROUND_KEY = (1, 2)


def _draw(dataset, round_key=_ROUND_KEY, seed_source='reproducible'):
  key = client_works.draw_key(tf.constant(round_key), dataset, seed_source)
  return tuple(key.numpy())


class ClientKeysTest(tf.test.TestCase):
  def test_clients_and_rounds_have_keys_of_their_own(self):
    keys = {
      _draw(dataset, round_key)
      for dataset in row_models.datasets()
      for round_key in ((1, 2), (1, 3))
    }
    self.assertLen(keys, 6)
    self.assertLen(next(iter(keys)), 2)

  def test_same_data_same_key(self):
    first, second = (row_models.datasets()[0] for _ in range(2))
    self.assertEqual(_draw(first), _draw(second))

  def test_first_batch_tells_clients_apart(self):
    dataset = row_models.datasets()[0]
    self.assertEqual(_draw(dataset), _draw(dataset.take(1)))
    self.assertNotEqual(_draw(dataset), _draw(dataset.skip(1)))
    # One label of four.
    other = dataset.map(lambda x, y: (x, tf.concat([y[:3], y[3:] + 1], axis=0)))
    self.assertNotEqual(_draw(dataset), _draw(other))

  def test_entropy_is_new_each_time(self):
    dataset = row_models.datasets()[0]
    keys = {_draw(dataset, seed_source='entropy') for _ in range(5)}
    self.assertLen(keys, 5)

  def test_client_without_data_has_the_key_of_the_round(self):
    empty = row_models.datasets()[0].take(0)
    for seed_source in ('reproducible', 'entropy'):
      self.assertEqual(_draw(empty, seed_source=seed_source), _ROUND_KEY)

  def test_batches_may_be_of_any_structure(self):
    dataset = tf.data.Dataset.from_tensors(
      {'x': np.zeros([2, 3]), 'y': tf.constant(['a', 'b'])}
    )
    other = dataset.map(lambda batch: batch | {'y': batch['y'][::-1]})
    self.assertNotEqual(_draw(dataset), _draw(other))


if __name__ == '__main__':
  tf.test.main()
