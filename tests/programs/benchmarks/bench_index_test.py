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
"""Tests for bench_index."""

from unittest import mock

from absl.testing import absltest
import numpy as np

from programs.benchmarks import bench_index
from tff_methods import retrieval


class BenchIndexTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    for name, value in (
      ('NUM_TIMED_ROWS', 40),
      ('NUM_VECTORS', 6),
      ('DIMENSION', 5),
      ('NUM_BEST', 2),
      ('NUM_PARTS', (2,)),
      ('IVF_PQ_SETTINGS', ((6, 2, 3),)),
      ('SIMHASH_SETTINGS', ((2, 3, 12, 4), (2, 3, 5, 0.5))),
      (
        'TIMED_INDEXES',
        {
          'hash': retrieval.SimHash(2, 3),
          'quantize': retrieval.ProductQuantization(2),
          'exact': retrieval.ExactRows(),
        },
      ),
    ):
      self.enterContext(mock.patch.object(bench_index, name, value))

  def test_times_each_index(self):
    builds = bench_index.time_builds(repeats=1)
    self.assertEqual([*builds], ['hash', 'quantize'])
    searches = bench_index.time_searches(repeats=1)
    self.assertEqual(
      [*searches],
      ['hash: queries', 'hash: scores', 'quantize: scores', 'exact: scores'],
    )
    self.assertGreater(min(*builds.values(), *searches.values()), 0)

  def test_measures_recalls_and_bytes(self):
    rows, vectors = bench_index.synthetic_data(60, 6)
    self.assertEqual(rows.shape, (60, 5))
    self.assertEqual(vectors.shape, (6, 5))
    found = bench_index.measure_recalls(rows, vectors)
    self.assertLen(found, 2 + 2 * 3 + 1 + 1)
    for name, result in found.items():
      with self.subTest(name):
        self.assertLen(result.recalls, 4)
        self.assertBetween(min(result.recalls), 0, 1)
        self.assertBetween(max(result.recalls), 0, 1)
    self.assertEqual(found['random'][1:], (0, 0, 0))
    self.assertEqual([*found['exact'].recalls], sorted(found['exact'].recalls))
    self.assertEqual(found['exact'][1:], (0, 4 * 60 * 5, 0))
    quantized = found['product quantization, 2 parts']
    self.assertEqual(quantized.downlink_bytes, 4 * 256 * 6 + 60 * 2)
    # 2 lists of 2 * 60 / 6 rows, an id and 3 bytes, padded to 4, of each.
    lists = found['IVF-PQ, 2 of 6 lists, 3 parts']
    self.assertEqual(lists.uplink_bytes, 4 * 2)
    self.assertEqual(
      lists.downlink_bytes, 4 * 6 * 5 + 4 * 256 * 6 + 2 * 20 * (4 + 4)
    )
    # Each query sends its key up and its entries down. The index parameters of
    # clients are a key of 8 bytes.
    everything = found['SimHash, none, K = 2, L = 3, 12 queries of 60']
    self.assertEqual(everything[1:], (4 * 12, 8 + 4 * 12 * 60, 0))
    some = found['SimHash, extra_coordinate, K = 2, L = 3, 5 queries of 8']
    self.assertEqual(some[1:3], (4 * 5, 8 + 4 * 5 * 8))
    # Of the 60 rows, each of the three tables has room for 4 * 8.
    self.assertGreaterEqual(some.num_dropped, 3 * (60 - 4 * 8))

  def test_recall_of_exact_search_matches_numpy(self):
    rows = np.eye(5, dtype=np.float32)[np.arange(20) % 5]
    rows *= np.linspace(2, 1, 20, dtype=np.float32)[:, np.newaxis]
    # The best rows of each vector: 0 and 5, 1 and 6.
    vectors = np.eye(5, dtype=np.float32)[:2]
    with mock.patch.object(bench_index, 'BUDGETS', (0.05, 0.1, 0.15, 0.2)):
      found = bench_index.measure_recalls(rows, vectors)
    # In the order of their inner products: 0, 1, 5, 6.
    self.assertEqual(found['exact'].recalls, (0.25, 0.5, 0.75, 1.0))

  def test_norms_of_synthetic_rows_decrease(self):
    rows, _ = bench_index.synthetic_data(64, 1)
    lengths = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(
      lengths[[0, 1, 31, 63]], [1, 0.9013, 0.5946, 0.5359], atol=1e-4
    )

  def test_noise_has_the_norm_of_the_row(self):
    rows = np.random.default_rng(0).normal(size=[4, 300]).astype(np.float32)
    vectors = bench_index.noisy_rows(rows, 20)
    self.assertEqual(vectors.shape, (20, 300))
    self.assertEqual(vectors.dtype, np.float32)
    cosines = vectors @ rows.T
    cosines /= np.linalg.norm(vectors, axis=1)[:, np.newaxis]
    cosines /= np.linalg.norm(rows, axis=1)
    # The hypotenuse of a right triangle with equal legs.
    np.testing.assert_allclose(cosines.max(axis=1), 0.5**0.5, atol=0.1)


if __name__ == '__main__':
  absltest.main()
