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
"""Tests for simhash."""

import collections

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods.retrieval import inner_product_transforms as transforms

# Tolerance of frequencies, in standard deviations. A correct test would fail
# for one seed in 16,000; seeds are fixed.
_QUANTILE = 4.0
_KEY = (3, 4)


def _normals(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _codes(index, client_params, vectors):
  """Returns the bits of each vector as text, by table: `[L][m]`."""
  projections = index.projections(client_params, vectors.shape[1]).numpy()
  is_set = vectors.astype(np.float64) @ projections > 0
  k = index.num_bits
  return [
    # The first bit is the least significant.
    [''.join('01'[b] for b in bits[::-1]) for bits in is_set[:, t : t + k]]
    for t in range(0, k * index.num_tables, k)
  ]


def _key_of(index, table, code):
  return table * 2**index.num_bits + int(code, base=2)


def _buckets(index, client_params, rows):
  """Returns sets of rows by the keys of their buckets."""
  rows = transforms.transform_rows(
    index.transform, tf.constant(rows), index.longest_quantile
  ).numpy()
  buckets = collections.defaultdict(set)
  for table, codes in enumerate(_codes(index, client_params, rows)):
    for row, code in enumerate(codes):
      buckets[_key_of(index, table, code)].add(row)
  return buckets


def _hits(index, client_params, vectors):
  """Returns a `Counter` of the buckets that vectors fall in."""
  added = transforms.num_coordinates(index.transform)
  vectors = np.concatenate([vectors, np.zeros([len(vectors), added])], axis=1)
  return collections.Counter(
    _key_of(index, table, code)
    for table, codes in enumerate(_codes(index, client_params, vectors))
    for code in codes
  )


def _build(index, rows, key=_KEY):
  return index.build(tf.constant(key), tf.constant(rows))


def _look_up_all(index, built):
  """Returns the set of rows in each bucket, by `look_up`."""
  entries = index.look_up(built.tables, tf.range(index.num_keys)).numpy()
  found = {key: set(row[row >= 0]) for key, row in enumerate(entries)}
  for key, row in enumerate(entries):
    assert len(found[key]) == (row >= 0).sum(), 'A row is there twice.'
  return found


class CollisionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(num_bits=(1, 2, 5), degrees=(10, 45, 90, 150))
  def test_frequency_is_that_of_definition_1(self, num_bits, degrees):
    num_tables = 4000  # As many independent trials.
    angle = np.deg2rad(degrees)
    # Two vectors at this angle, in a random plane, of any length.
    plane, _ = np.linalg.qr(_normals(7, 2))
    row = 3.0 * plane[:, 0]
    vector = 0.2 * (np.cos(angle) * plane[:, 0] + np.sin(angle) * plane[:, 1])
    index = retrieval.SimHash(num_bits, num_tables, 'none', 1, 1)
    built = _build(index, row[np.newaxis].astype(np.float32))
    # The only row of a table is in the bucket of the vector, or in another.
    (codes,) = index._codes(
      built.client_params, vector[np.newaxis].astype(np.float32)
    ).numpy()
    sizes = np.diff(built.tables.offsets.numpy(), axis=1)
    frequency = sizes[np.arange(num_tables), codes].mean()
    probability = (1 - degrees / 180) ** num_bits
    deviation = (probability * (1 - probability) / num_tables) ** 0.5
    self.assertAlmostEqual(frequency, probability, delta=_QUANTILE * deviation)


class BuildTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(*options_lib.TRANSFORMS)
  def test_buckets_equal_those_of_a_dictionary(self, transform):
    rows = _normals(60, 5)
    index = retrieval.SimHash(3, 4, transform, bucket_capacity=60)
    built = _build(index, rows)
    expected = _buckets(index, built.client_params, rows)
    found = _look_up_all(index, built)
    self.assertEqual({k: v for k, v in found.items() if v}, dict(expected))
    self.assertEqual(built.num_dropped, 0)

  @parameterized.named_parameters(
    ('normal', _normals(37, 5)),
    # Equal rows: one full bucket in each table.
    ('equal', np.ones([37, 5], np.float32)),
    ('zero', np.zeros([37, 5], np.float32)),
    ('one_row', _normals(1, 5)),
  )
  def test_tables_have_each_row_once(self, rows):
    index = retrieval.SimHash(4, 3)
    ids, offsets = _build(index, rows).tables
    self.assertAllEqual(
      np.sort(ids, axis=1), np.tile(np.arange(len(rows)), [3, 1])
    )
    self.assertAllEqual(offsets[:, 0], [0] * 3)
    self.assertAllEqual(offsets[:, -1], [len(rows)] * 3)
    self.assertAllGreaterEqual(np.diff(offsets, axis=1), 0)
    self.assertEqual(offsets.shape, [3, 17])

  def test_equal_rows_share_a_bucket(self):
    index = retrieval.SimHash(4, 3, bucket_capacity=9)
    found = _look_up_all(index, _build(index, np.ones([9, 5], np.float32)))
    sizes = collections.Counter(map(len, found.values()))
    self.assertEqual(sizes, {9: 3, 0: 45})

  @parameterized.parameters(1, 3, 7, 100)
  def test_rows_beyond_the_capacity_are_counted(self, capacity):
    rows = _normals(60, 5)
    index = retrieval.SimHash(3, 4, bucket_capacity=capacity)
    built = _build(index, rows)
    expected = _buckets(index, built.client_params, rows)
    found = _look_up_all(index, built)
    for key, bucket in found.items():
      self.assertLessEqual(bucket, expected[key])
      self.assertLen(bucket, min(capacity, len(expected[key])))
    self.assertEqual(built.num_dropped, 4 * 60 - sum(map(len, found.values())))
    self.assertEqual(capacity < 60, built.num_dropped > 0)

  def test_rows_of_a_full_bucket_fit_equally_often(self):
    num_draws, num_rows, capacity = 400, 10, 4
    index = retrieval.SimHash(2, 1, bucket_capacity=capacity)
    rows = tf.ones([num_rows, 5])

    @tf.function
    def draw(i):
      built = index.build(tf.stack([i, 8]), rows)
      return index.look_up(built.tables, tf.range(4))

    counts = np.zeros(num_rows)
    for i in range(num_draws):
      entries = draw(tf.constant(i)).numpy()
      counts += np.bincount(entries[entries >= 0], minlength=num_rows)
    probability = capacity / num_rows
    deviation = (probability * (1 - probability) / num_draws) ** 0.5
    self.assertAllClose(
      counts / num_draws,
      np.full(num_rows, probability),
      rtol=0,
      atol=_QUANTILE * deviation,
    )

  @parameterized.parameters(
    (80, 4, None, 5),
    (81, 4, None, 6),
    (80, 1, 99, 80),
    (600, 1, None, 256),
    (600, 1, 400, 400),
  )
  def test_capacity(self, num_rows, num_bits, bucket_capacity, expected):
    index = retrieval.SimHash(num_bits, 3, bucket_capacity=bucket_capacity)
    built = _build(index, _normals(num_rows, 5))
    entries = index.look_up(built.tables, tf.constant([0, 1]))
    # By default the mean size, rounded up, and at most 256.
    self.assertEqual(entries.shape, [2, expected])

  def test_index_depends_on_the_key(self):
    rows = _normals(40, 5)
    index = retrieval.SimHash(3, 2)
    first, again, other = (
      tf.nest.flatten(_build(index, rows, key)) for key in (_KEY, _KEY, (3, 5))
    )
    for x, y in zip(first, again, strict=True):
      self.assertAllEqual(x, y)
    # Ids, offsets and the key of the projections.
    for x, y in zip(first[:3], other[:3], strict=True):
      self.assertNotAllEqual(x, y)
    projections = [
      np.ravel(index.projections(client_params, 6))
      for client_params in (first[2], other[2])
    ]
    self.assertLess(abs(np.corrcoef(*projections)[0, 1]), 0.5)


class QueryTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    transform=options_lib.TRANSFORMS, num_queries=(1, 7, 64)
  )
  def test_buckets_with_the_most_hits(self, transform, num_queries):
    index = retrieval.SimHash(4, 4, transform, num_queries)
    client_params = _build(index, _normals(9, 5)).client_params
    vectors = _normals(30, 5, seed=1)
    expected = _hits(index, client_params, vectors)
    expected = sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    expected = expected[:num_queries]
    keys, hits = index.query(client_params, tf.constant(vectors))
    self.assertEqual(keys.shape, [num_queries])
    self.assertEqual(hits.shape, [num_queries])
    self.assertEqual(
      list(zip(keys.numpy(), hits.numpy(), strict=True)),
      expected + [(-1, 0.0)] * (num_queries - len(expected)),
    )

  def test_padding_without_vectors(self):
    index = retrieval.SimHash(2, 3, num_queries=5)
    built = _build(index, _normals(9, 4))
    vectors = tf.zeros([0, 4])
    keys, hits = index.query(built.client_params, vectors)
    self.assertAllEqual(keys, [-1] * 5)
    self.assertAllEqual(hits, [0.0] * 5)
    found = index.look_up(built.tables, keys)
    self.assertAllEqual(found, np.full(found.shape, -1))
    ids, scores = index.score(built.client_params, vectors, hits, found)
    self.assertEqual(ids.shape, [0])
    self.assertEqual(scores.shape, [0])

  def test_unknown_number_of_vectors(self):
    index = retrieval.SimHash(2, 3, num_queries=5)
    built = _build(index, _normals(9, 4))

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def search(vectors):
      keys, hits = index.query(built.client_params, vectors)
      found = index.look_up(built.tables, keys)
      self.assertEqual(found.shape, [5, 3])
      return index.score(built.client_params, vectors, hits, found)

    self.assertNotEmpty(search(tf.constant(_normals(3, 4))).ids)
    self.assertEmpty(search(tf.zeros([0, 4])).ids)


class ScoreTest(tf.test.TestCase):
  def test_scores_are_collisions(self):
    rows, vectors = _normals(50, 5), _normals(20, 5, seed=1)
    index = retrieval.SimHash(3, 6, bucket_capacity=50)
    built = _build(index, rows)
    keys, hits = index.query(built.client_params, tf.constant(vectors))
    found = index.look_up(built.tables, keys)
    ids, scores = index.score(
      built.client_params, tf.constant(vectors), hits, found
    )
    transformed = transforms.transform_rows(
      index.transform, tf.constant(rows), index.longest_quantile
    ).numpy()
    of_rows = np.array(_codes(index, built.client_params, transformed))
    padded = np.pad(vectors, [[0, 0], [0, 1]])
    of_vectors = np.array(_codes(index, built.client_params, padded))
    collisions = np.zeros(50)
    for row in range(50):
      for vector in range(20):
        collisions[row] += (of_rows[:, row] == of_vectors[:, vector]).sum()
    self.assertGreater(len(set(collisions)), 5)
    self.assertEqual(
      dict(zip(ids.numpy(), scores.numpy(), strict=True)),
      {row: count for row, count in enumerate(collisions) if count},
    )

  def test_scores_correlate_with_inner_products(self):
    rows, vectors = _normals(400, 16), _normals(1, 16, seed=1)
    index = retrieval.SimHash(4, 200, num_queries=200, bucket_capacity=400)
    built = _build(index, rows)
    keys, hits = index.query(built.client_params, tf.constant(vectors))
    ids, scores = index.score(
      built.client_params,
      tf.constant(vectors),
      hits,
      index.look_up(built.tables, keys),
    )
    products = (rows @ vectors[0])[ids.numpy()]
    self.assertGreater(np.corrcoef(products, scores)[0, 1], 0.8)


class ArgumentsTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('bits', dict(num_bits=2.0), 'Expected num_bits to be an int, found float'),
    ('tables', dict(num_tables='8'), 'num_tables to be an int, found str'),
    ('queries', dict(num_queries=1.5), 'num_queries to be an int, found float'),
    (
      'capacity',
      dict(bucket_capacity=True),
      'bucket_capacity to be an int, found bool',
    ),
  )
  def test_type_error(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      retrieval.SimHash(**kwargs)

  @parameterized.named_parameters(
    ('no_bits', dict(num_bits=0), 'num_bits of at least 1, found 0'),
    (
      'bits',
      dict(num_bits=17),
      'num_bits of at most 16, found 17: lower it, since a table has',
    ),
    (
      'quantile',
      dict(longest_quantile=0.0),
      'longest_quantile in .0, 1., found 0.0',
    ),
    ('no_tables', dict(num_tables=0), 'num_tables of at least 1, found 0'),
    (
      'transform',
      dict(transform='l2'),
      r"transform to be one of \('none', 'extra_coordinate', 'sign_alsh'\), "
      "found 'l2'",
    ),
    ('no_queries', dict(num_queries=0), 'num_queries of at least 1, found 0'),
    (
      'queries',
      dict(num_bits=2, num_tables=3, num_queries=13),
      'num_queries of at most 12, the number of buckets, found 13',
    ),
    (
      'capacity',
      dict(bucket_capacity=0),
      'bucket_capacity of at least 1, found 0',
    ),
  )
  def test_value_error(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      retrieval.SimHash(**kwargs)

  def test_default_number_of_queries(self):
    self.assertEqual(retrieval.SimHash(2, 3).num_queries, 12)
    self.assertEqual(retrieval.SimHash(2, 3).num_keys, 12)
    self.assertEqual(retrieval.SimHash(10, 3).num_queries, 1024)
    self.assertEqual(retrieval.SimHash(10, 3).num_keys, 3 * 1024)

  def test_maximum_number_of_bits(self):
    index = retrieval.SimHash(16, 1)
    ids, offsets = _build(index, _normals(5, 3)).tables
    self.assertAllEqual(np.sort(ids[0]), np.arange(5))
    self.assertEqual(offsets.shape, [1, 2**16 + 1])


if __name__ == '__main__':
  tf.test.main()
