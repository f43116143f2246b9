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
"""Tests for inner_product_transforms."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.retrieval import inner_product_transforms as transforms

_RNG = np.random.default_rng(0)
# Rows of very different lengths.
_ROWS = (
  _RNG.normal(size=[200, 6]) * np.logspace(-1, 1, 200)[:, np.newaxis]
).astype(np.float32)
_QUERIES = _RNG.normal(size=[5, 6]).astype(np.float32)


def _angles(transform):
  """Returns the angles of queries and rows after a transform, `[5, 200]`."""
  rows = transforms.transform_rows(transform, tf.constant(_ROWS))
  queries = transforms.transform_queries(transform, tf.constant(_QUERIES))
  added = transforms.num_coordinates(transform)
  assert rows.shape == [200, 6 + added] and queries.shape == [5, 6 + added]
  rows, queries = (np.asarray(x, np.float64) for x in (rows, queries))
  cosines = queries @ rows.T
  cosines /= np.linalg.norm(queries, axis=1)[:, np.newaxis]
  cosines /= np.linalg.norm(rows, axis=1)
  return np.arccos(np.clip(cosines, -1, 1))


def _largest_misplacement(transform):
  """Returns the largest error of the order by angles, over the queries.

  This is the largest increase of an inner product as the angle increases, as a
  fraction of the range of the query's inner products: 0 if the order by angles
  is that by inner products.
  """
  products = _QUERIES.astype(np.float64) @ _ROWS.T.astype(np.float64)
  order = np.argsort(_angles(transform), axis=1)
  ordered = np.take_along_axis(products, order, axis=1)
  # The largest inner product at this angle or a larger one.
  latest = np.maximum.accumulate(ordered[:, ::-1], axis=1)[:, ::-1]
  return ((latest - ordered).max(axis=1) / np.ptp(products, axis=1)).max()


class TransformTest(parameterized.TestCase, tf.test.TestCase):
  def test_order_by_angle_is_that_by_inner_product_with_extra_coordinate(self):
    self.assertLess(_largest_misplacement('extra_coordinate'), 1e-6)

  def test_order_by_angle_is_nearly_that_by_inner_product_with_sign_alsh(self):
    misplacement = _largest_misplacement('sign_alsh')
    self.assertBetween(misplacement, 1e-6, 0.05)

  def test_order_by_angle_differs_without_a_transform(self):
    self.assertGreater(_largest_misplacement('none'), 0.3)

  def test_angle_of_extra_coordinate_follows_from_the_inner_product(self):
    longest = np.linalg.norm(_ROWS, axis=1).max()
    lengths = np.linalg.norm(_QUERIES, axis=1, keepdims=True)
    self.assertAllClose(
      np.cos(_angles('extra_coordinate')),
      _QUERIES @ _ROWS.T / (longest * lengths),
      atol=1e-6,
    )

  def test_rows_have_one_length_after_extra_coordinate(self):
    rows = transforms.transform_rows('extra_coordinate', tf.constant(_ROWS))
    self.assertAllClose(np.linalg.norm(rows, axis=1), np.ones(200))

  def test_rows_have_nearly_one_length_after_sign_alsh(self):
    rows = transforms.transform_rows('sign_alsh', tf.constant(_ROWS))
    # The error of the square is at most 0.75^8 = 0.1, that of the longest row.
    squares = np.sum(rows.numpy() ** 2, axis=1)
    self.assertAllInRange(squares, 0.5 - 1e-6, 0.5 + 0.75**8 + 1e-6)
    self.assertAllClose(np.median(squares), 0.5, atol=1e-3)

  def test_none_changes_nothing(self):
    rows = transforms.transform_rows('none', tf.constant(_ROWS))
    self.assertAllEqual(rows, _ROWS)
    queries = transforms.transform_queries('none', tf.constant(_QUERIES))
    self.assertAllEqual(queries, _QUERIES)

  @parameterized.parameters(*options_lib.TRANSFORMS)
  def test_zeros_are_finite(self, transform):
    rows = transforms.transform_rows(transform, tf.zeros([3, 6]))
    self.assertAllInRange(rows, 0.0, 1.0)

  @parameterized.parameters('extra_coordinate', 'sign_alsh')
  def test_scale_of_all_rows_has_no_effect(self, transform):
    rows = transforms.transform_rows(transform, tf.constant(_ROWS))
    larger = transforms.transform_rows(transform, tf.constant(1000.0 * _ROWS))
    # The added coordinate of the longest row is the root of a rounding error.
    self.assertAllClose(rows, larger, atol=1e-3)

  @parameterized.parameters('extra_coordinate', 'sign_alsh')
  def test_longest_rows_are_shortened_to_the_quantile(self, transform):
    rows = _ROWS.copy()
    rows[:10] *= 1e5  # 5 % of the rows.
    quantile = transforms.transform_rows(transform, tf.constant(rows), 0.95)
    lengths = np.linalg.norm(rows, axis=1)
    longest = np.sort(lengths)[189]
    # Expected: these rows, shortened beforehand.
    shortened = rows * np.minimum(1, longest / lengths)[:, np.newaxis]
    expected = transforms.transform_rows(
      transform, tf.constant(shortened, tf.float32)
    )
    self.assertAllClose(quantile, expected, atol=1e-3)
    # Without it, all other rows are close to the added axis.
    whole = transforms.transform_rows(transform, tf.constant(rows))
    self.assertAllInRange(whole[10:, :6], -1e-2, 1e-2)


if __name__ == '__main__':
  tf.test.main()
