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
"""Tests for hash_buckets."""

from absl.testing import absltest
import numpy as np

from programs.reports import hash_buckets


class BuildBucketsTest(absltest.TestCase):
  def test_each_class_is_in_one_bucket_with_those_of_its_direction(self):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=[30, 8])
    # Each direction occurs twice, with different lengths.
    vectors = np.concatenate([directions, 3 * directions]).astype(np.float32)
    found = hash_buckets.build_buckets(vectors, 6, 'none', seed=1)
    members = [c for bucket in found for c in bucket.classes]
    self.assertCountEqual(members, range(60))
    for bucket in found:
      for c in bucket.classes:
        self.assertIn((c + 30) % 60, bucket.classes)
      self.assertAlmostEqual(
        bucket.cosine, _mean_cosine(vectors[list(bucket.classes)]), places=5
      )


class MeanCosineTest(absltest.TestCase):
  def test_matches_the_loop_over_pairs(self):
    vectors = np.random.default_rng(1).normal(size=[7, 3])
    self.assertAlmostEqual(
      hash_buckets.mean_cosine(vectors), _mean_cosine(vectors)
    )

  def test_is_nan_without_a_pair(self):
    vectors = np.ones([1, 3])
    self.assertTrue(np.isnan(hash_buckets.mean_cosine(vectors[:1])))


def _mean_cosine(vectors):
  """Returns the mean cosine, computed pair by pair."""
  cosines = []
  for i, a in enumerate(vectors):
    for b in vectors[:i]:
      cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
  return np.mean(cosines)


if __name__ == '__main__':
  absltest.main()
