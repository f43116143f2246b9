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
"""Tests for bucket_counts."""

import fractions
import itertools

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tff_methods import label_hashing


def _bound(num_classes, num_tables, num_buckets):
  """Returns the bound of Lemma 2: a sum over pairs of a product over tables."""
  total = fractions.Fraction(0)
  for _ in itertools.combinations(range(num_classes), 2):
    pair = fractions.Fraction(1)
    for _ in range(num_tables):
      pair /= num_buckets
    total += pair
  return total


class NumBucketsForTest(parameterized.TestCase):
  @parameterized.product(
    num_classes=(2, 7, 40),
    num_tables=(1, 2, 4, 9),
    collision_probability=(0.5, 0.1, 1e-3),
  )
  def test_least_number_within_the_bound(
    self, num_classes, num_tables, collision_probability
  ):
    found = label_hashing.num_buckets_for(
      num_classes, num_tables, collision_probability
    )
    self.assertLessEqual(
      _bound(num_classes, num_tables, found), collision_probability
    )
    self.assertGreater(
      _bound(num_classes, num_tables, max(1, found - 1)), collision_probability
    )

  def test_exact_beyond_the_precision_of_floats(self):
    for num_classes in (2**31 - 3, 2**31 - 5):
      expected = num_classes * (num_classes - 1)
      self.assertNotEqual(int(float(expected)), expected)
      self.assertEqual(
        label_hashing.num_buckets_for(num_classes, 1, 0.5), expected
      )

  def test_one_class_needs_one_bucket(self):
    self.assertEqual(label_hashing.num_buckets_for(1, 3, 0.01), 1)

  def test_numbers_of_other_types(self):
    for number in (
      np.float32(0.25),
      np.float64(0.25),
      fractions.Fraction(1, 4),
    ):
      self.assertEqual(
        label_hashing.num_buckets_for(30, 2, number),
        label_hashing.num_buckets_for(30, 2, 0.25),
      )

  @parameterized.parameters((30, 2, 0.5), (60, 3, 0.3), (12, 1, 0.9))
  def test_bound_holds_for_drawn_functions(
    self, num_classes, num_tables, collision_probability
  ):
    num_buckets = label_hashing.num_buckets_for(
      num_classes, num_tables, collision_probability
    )
    num_draws = 1500
    num_pairs = np.array(
      [
        _num_inseparable_pairs(num_classes, num_tables, num_buckets, seed)
        for seed in range(num_draws)
      ]
    )
    # The lemma bounds the expected number of pairs.
    deviation = num_pairs.std() / num_draws**0.5
    self.assertLess(num_pairs.mean(), collision_probability + 4 * deviation)
    self.assertGreater(
      num_pairs.mean(), 0.9 * collision_probability - 4 * deviation
    )
    frequency = (num_pairs > 0).mean()
    self.assertLess(frequency, collision_probability)
    self.assertGreater(frequency, 0)

  @parameterized.named_parameters(
    ('num_classes', (0, 1, 0.1), 'num_classes of at least 1, found 0'),
    ('num_tables', (5, 0, 0.1), 'num_tables of at least 1, found 0'),
    ('zero', (5, 1, 0.0), 'above 0 and below 1, found 0.0'),
    ('one', (5, 1, 1), 'above 0 and below 1, found 1'),
    ('nan', (5, 1, float('nan')), 'above 0 and below 1, found nan'),
  )
  def test_value_error(self, args, message):
    with self.assertRaisesRegex(ValueError, message):
      label_hashing.num_buckets_for(*args)

  @parameterized.named_parameters(
    ('num_classes', (5.0, 1, 0.1), 'num_classes to be an int, found float'),
    ('num_tables', (5, True, 0.1), 'num_tables to be an int, found bool'),
    ('text', (5, 1, '0.1'), 'collision_probability to be a number, found str'),
    ('bool', (5, 1, True), 'collision_probability to be a number, found bool'),
  )
  def test_type_error(self, args, message):
    with self.assertRaisesRegex(TypeError, message):
      label_hashing.num_buckets_for(*args)


def _num_inseparable_pairs(num_classes, num_tables, num_buckets, seed):
  """Returns the number of pairs of classes with equal buckets in all tables."""
  # LabelHash needs at least as many classes as buckets; the others are unused.
  num_all = max(num_classes, num_buckets)
  label_hash = label_hashing.LabelHash.draw(
    num_all, num_tables, num_buckets, seed
  )
  columns = label_hash.buckets()[:, :num_classes].T
  _, counts = np.unique(columns, axis=0, return_counts=True)
  return (counts * (counts - 1) // 2).sum()


if __name__ == '__main__':
  absltest.main()
