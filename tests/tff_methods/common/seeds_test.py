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

import itertools

import numpy as np
import tensorflow as tf

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.common import seeds


class _Other(encoders.SeededStage):
  name = 'other'

  def encode(self, x, encode_params):
    return {'x': x}, {}

  def decode(self, encoded_tensors, *args, **kwargs):
    return encoded_tensors['x']


def _round_key(stage, round_num):
  params, _ = stage.get_params({'round': tf.constant(round_num)})
  return tuple(params['key'].numpy())


class SeedsTest(tf.test.TestCase):
  def test_keys_differ_by_stage_and_seed_and_tensor_and_round(self):
    keys = [
      _round_key(stage((base_seed, tensor)), round_num)
      for stage, base_seed, tensor, round_num in itertools.product(
        (encoders.RotationStage, _Other), (0, 1, -1), range(10), range(10)
      )
    ]
    self.assertLen(set(keys), 2 * 3 * 10 * 10)
    again = _round_key(encoders.RotationStage((0, 0)), 0)
    self.assertEqual(keys[0], again)

  def test_keys_of_clients_differ(self):
    round_key = tf.constant([1, 2])
    values = np.random.default_rng(0).normal(size=[100, 3]).astype(np.float32)
    for source in options_lib.SEED_SOURCES:
      keys = {
        tuple(seeds.client_key(round_key, tf.constant(x), source).numpy())
        for x in values
      }
      self.assertLen(keys, 100)

  def test_one_bit_of_the_update_changes_the_key(self):
    x = np.ones(1000, np.float32)
    y = x.copy()
    y[-1] = np.nextafter(np.float32(1), np.float32(2))
    keys = [
      seeds.client_key(tf.constant([1, 2]), tf.constant(v), 'reproducible')
      for v in (x, x, y)
    ]
    self.assertAllEqual(keys[0], keys[1])
    self.assertNotAllEqual(keys[0], keys[2])

  def test_a_salt_gives_the_key_of_its_value(self):
    round_key = tf.constant([1, 2])
    x, y = tf.constant([1.0, 2.0]), tf.constant(b'one')
    salt = seeds.client_salt(x, 'reproducible')
    self.assertAllEqual(
      seeds.fold_salt(round_key, salt),
      seeds.client_key(round_key, x, 'reproducible'),
    )
    salts = {
      tuple(seeds.client_salt(value, 'reproducible').numpy())
      for value in (x, y, (x, y), (y, x))
    }
    self.assertLen(salts, 4)

  def test_folded_keys_are_not_among_the_words_drawn(self):
    key = tf.constant([1, 2])
    words = set(seeds.random_words(key, 100_000).numpy())
    folded = [seeds.fold_in(key, tf.constant(i)).numpy() for i in range(100)]
    # The expected number of chance collisions is 0.005.
    self.assertEmpty(words.intersection(np.ravel(folded)))

  def test_bits_are_fair_and_independent(self):
    words = seeds.random_words(tf.constant([3, 4]), 100_000).numpy()
    bits = np.unpackbits(words.view(np.uint8)).reshape(-1, 32) * 2.0 - 1.0
    limit = 5 / np.sqrt(len(bits))
    self.assertAllInRange(bits.mean(axis=0), -limit, limit)
    correlations = bits.T @ bits / len(bits) - np.eye(32)
    self.assertAllInRange(correlations, -limit, limit)


if __name__ == '__main__':
  tf.test.main()
