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
"""Tests for index_buckets."""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from programs import index_buckets
import tasks
from tests.programs import program_testing
from tests.tasks import data_files


class BucketsTest(parameterized.TestCase):
  def test_holds_each_class_once_and_pairs_that_point_the_same_way(self):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=[30, 8])
    # Each is there twice, at another length.
    vectors = np.concatenate([directions, 3 * directions]).astype(np.float32)
    found = index_buckets.buckets(vectors, 6, 'none', seed=1)
    members = [c for bucket in found for c in bucket.classes]
    self.assertCountEqual(members, range(60))
    for bucket in found:
      for c in bucket.classes:
        self.assertIn((c + 30) % 60, bucket.classes)
      self.assertAlmostEqual(
        bucket.cosine, _mean_cosine(vectors[list(bucket.classes)]), places=5
      )

  def test_mean_cosine(self):
    vectors = np.random.default_rng(1).normal(size=[7, 3])
    self.assertAlmostEqual(
      index_buckets.mean_cosine(vectors), _mean_cosine(vectors)
    )
    self.assertTrue(np.isnan(index_buckets.mean_cosine(vectors[:1])))


def _mean_cosine(vectors):
  """Pair by pair."""
  cosines = []
  for i, a in enumerate(vectors):
    for b in vectors[:i]:
      cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
  return np.mean(cosines)


class ProgramTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    words = ['to', 'be', 'or', 'not', 'that', 'is', 'the', 'question']
    lines = '\n'.join(' '.join(np.roll(words, i)) for i in range(40))
    data_files.write_shakespeare(self._dir, [('Hamlet/HAMLET', lines)])

  def _run(self, *arguments):
    return program_testing.run_here(
      'index_buckets.py',
      index_buckets.main,
      '--task=shakespeare',
      f'--data_dir={self._dir}',
      f'--cache_dir={self._dir}/cache',
      *arguments,
    )

  def _write_weights(self, vocab_size):
    task = tasks.build_task(
      'shakespeare',
      data_dir=self._dir,
      cache_dir=f'{self._dir}/cache',
      options=tasks.TaskOptions(vocab_size=vocab_size),
    )
    weights, _ = task.row_model.full_model().initial_weights
    # Four words of one direction, the others of others.
    rows = np.array(tf.constant(weights[-1]))
    rows[2:6] = rows[2]
    path = pathlib.Path(self._dir, 'weights.npz')
    arrays = {f'trainable_{i}': w for i, w in enumerate((*weights[:-1], rows))}
    np.savez(path, **arrays)
    return path, task.class_names[2:6]

  def test_shows_words_that_are_alike(self):
    path, names = self._write_weights(8)
    exit_code, stdout, stderr = self._run(
      f'--weights={path}', '--vocab_size=8', '--hash_bits=12'
    )
    self.assertEqual(exit_code, 0, stderr)
    self.assertRegex(stdout, rf'1\.00 +│ {"  ".join(names)} ')
    self.assertRegex(stdout, r'same bucket have a mean cosine of 1\.000')

  def test_refuses_weights_of_another_vocabulary(self):
    path, _ = self._write_weights(8)
    exit_code, _, stderr = self._run(f'--weights={path}', '--vocab_size=7')
    self.assertEqual(exit_code, 2)
    self.assertIn("Expected weights of the task's model in --weights", stderr)

  def test_refuses_no_weights(self):
    exit_code, _, stderr = self._run()
    self.assertEqual(exit_code, 2)
    self.assertIn('Expected --weights, found none', stderr)


if __name__ == '__main__':
  absltest.main()
