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
"""Tests for hash_functions."""

import itertools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import label_hashing

_NUM_DRAWS = 4000
_QUANTILE = 4.0
_LARGEST = 2**31 - 1


def _draw_tables(num_classes, num_tables, num_buckets, classes):
  """Returns the buckets of classes, `[_NUM_DRAWS, R, len(classes)]`."""
  return np.stack(
    [
      label_hashing.LabelHash.draw(
        num_classes, num_tables, num_buckets, seed
      ).buckets()[:, classes]
      for seed in range(_NUM_DRAWS)
    ]
  )


class LabelHashStatisticsTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    # Neighbors, and classes at distances that 7 does or does not divide.
    cls.classes = [0, 1, 2, 9, 44, 93, 99]
    cls.num_buckets = 7
    cls.tables = _draw_tables(100, 3, cls.num_buckets, cls.classes)

  def assert_frequency(self, events, probability):
    deviation = (probability * (1 - probability) / events.shape[0]) ** 0.5
    self.assertLess(
      np.abs(events.mean(0) - probability).max(), _QUANTILE * deviation
    )

  def test_collision_probability_is_one_in_num_buckets(self):
    for first, second in itertools.combinations(range(len(self.classes)), 2):
      collide = self.tables[:, :, first] == self.tables[:, :, second]
      self.assert_frequency(collide, 1 / self.num_buckets)

  def test_collisions_in_tables_are_independent(self):
    for first, second in itertools.combinations(range(len(self.classes)), 2):
      collide = self.tables[:, :, first] == self.tables[:, :, second]
      self.assert_frequency(collide[:, 0] & collide[:, 1], 1 / 7**2)
      self.assert_frequency(collide.all(1), 1 / 7**3)

  def test_pairs_of_buckets_are_uniform(self):
    pairs = self.tables[:, :, 1] * self.num_buckets + self.tables[:, :, 4]
    for pair in range(self.num_buckets**2):
      self.assert_frequency(pairs == pair, 1 / 7**2)

  def test_buckets_of_a_class_in_two_tables(self):
    for first, second in itertools.combinations(range(3), 2):
      is_same = self.tables[:, first] == self.tables[:, second]
      self.assert_frequency(is_same, 1 / self.num_buckets)

  def test_buckets_of_a_class_under_consecutive_seeds(self):
    for distance in (1, 2):
      is_same = self.tables[distance:] == self.tables[:-distance]
      self.assert_frequency(is_same, 1 / self.num_buckets)


class LabelHashTest(parameterized.TestCase, tf.test.TestCase):
  def test_exact_for_the_largest_classes(self):
    label_hash = label_hashing.LabelHash.draw(_LARGEST, 5, 999_983, 3)
    classes = [0, 1, 2**16, 2**30 + 7, _LARGEST - 1]
    expected = [
      # Integers of Python do not overflow.
      [(a * x + b) % (2**31 - 1) % 999_983 for x in classes]
      for a, b in label_hash.coefficients
    ]
    self.assertAllEqual(label_hash(tf.constant(classes)), expected)

  def test_buckets_agree_with_calls(self):
    label_hash = label_hashing.LabelHash.draw(1000, 3, 37, 5)
    table = label_hash.buckets()
    self.assertEqual(table.shape, (3, 1000))
    self.assertEqual(table.dtype, np.int32)
    self.assertAllInRange(table, 0, 36)
    labels = np.random.default_rng(0).integers(1000, size=[4, 2, 6])
    hash_fn = tf.function(label_hash, input_signature=[tf.TensorSpec(None)])
    for dtype in (np.int32, np.int64, np.uint16):
      buckets = label_hash(tf.constant(labels, dtype))
      self.assertEqual(buckets.dtype, tf.int32)
      self.assertAllEqual(buckets, table[:, labels])
    self.assertAllEqual(hash_fn(labels.astype('f')), table[:, labels])

  def test_static_shape_is_that_of_the_labels(self):
    label_hash = label_hashing.LabelHash.draw(1000, 3, 37, 5)
    traced = tf.function(label_hash).get_concrete_function(
      tf.TensorSpec([None, 4], tf.int32)
    )
    self.assertEqual(traced.structured_outputs.shape.as_list(), [3, None, 4])

  def test_functions_depend_on_the_seed(self):
    def draw(*args):
      return label_hashing.LabelHash.draw(*args)

    label_hash = draw(100, 3, 10, 5)
    self.assertEqual(label_hash, draw(100, 3, 10, 5))
    for seed in (6, -5, 5 + 2**32, 2**70):
      other = draw(100, 3, 10, seed).coefficients
      self.assertEmpty(set(other) & set(label_hash.coefficients))
    self.assertEqual(
      draw(100, 7, 10, 5).coefficients[:3], label_hash.coefficients
    )

  def test_functions_do_not_change_between_versions(self):
    # Checkpoints depend on the functions that they were trained with.
    label_hash = label_hashing.LabelHash.draw(100, 2, 10, 5)
    self.assertAllEqual(
      label_hash.buckets()[:, :5], [[5, 4, 6, 5, 4], [2, 8, 4, 0, 6]]
    )

  def test_identity_of_several_tables(self):
    label_hash = label_hashing.LabelHash.identity(12, num_tables=3)
    self.assertAllEqual(label_hash.buckets(), 3 * [range(12)])
    with self.assertRaisesRegex(ValueError, 'num_tables of at least 1'):
      label_hashing.LabelHash.identity(12, num_tables=0)

  def test_identity(self):
    label_hash = label_hashing.LabelHash.identity(12)
    self.assertEqual((label_hash.num_tables, label_hash.num_buckets), (1, 12))
    self.assertAllEqual(label_hash.buckets(), [range(12)])
    labels = tf.constant([[3, 11], [0, 3]])
    self.assertAllEqual(label_hash(labels), labels[tf.newaxis])
    largest = label_hashing.LabelHash.identity(_LARGEST)
    self.assertAllEqual(
      largest(tf.constant([0, _LARGEST - 1])), [[0, _LARGEST - 1]]
    )

  def test_all_classes_in_one_bucket(self):
    label_hash = label_hashing.LabelHash.draw(5, 2, 1, 0)
    self.assertAllEqual(label_hash.buckets(), np.zeros([2, 5]))

  @parameterized.named_parameters(
    ('num_classes', 0, 'num_classes of at least 1, found 0'),
    ('num_tables', 1, 'num_tables of at least 1, found 0'),
    ('num_buckets', 2, 'num_buckets of at least 1, found 0'),
  )
  def test_zero(self, position, message):
    args = [10, 2, 5, 1]
    args[position] = 0
    with self.assertRaisesRegex(ValueError, message):
      label_hashing.LabelHash.draw(*args)

  @parameterized.parameters(0, 1, 2, 3)
  def test_type_error(self, position):
    args = [10, 2, 5, 1]
    args[position] = 2.0
    with self.assertRaisesRegex(TypeError, 'to be an int, found float'):
      label_hashing.LabelHash.draw(*args)

  def test_more_classes_than_int32(self):
    with self.assertRaisesRegex(ValueError, 'at most 2147483647, found'):
      label_hashing.LabelHash.draw(2**31, 2, 5, 1)

  def test_more_buckets_than_classes(self):
    with self.assertRaisesRegex(ValueError, 'at most 10, .*found 11.*identity'):
      label_hashing.LabelHash.draw(10, 2, 11, 1)

  @parameterized.parameters(
    [()], [((0, 1),)], [((1, -1),)], [((1, 0), (_LARGEST, 0))]
  )
  def test_wrong_coefficients(self, coefficients):
    with self.assertRaisesRegex(
      ValueError, r'\(a, b\) with 0 < a.*draw them with'
    ):
      label_hashing.LabelHash(10, 5, coefficients)


if __name__ == '__main__':
  tf.test.main()
