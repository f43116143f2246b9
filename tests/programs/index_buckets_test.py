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
import numpy as np
import tensorflow as tf

from programs import index_buckets
import tasks
from tests.programs import program_testing
from tests.tasks import data_files


class ProgramTest(absltest.TestCase):
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
    # Four words have equal rows.
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
    self.assertRegex(stdout, rf'1\.00 +\| {"  ".join(names)} ')
    self.assertRegex(stdout, r'same bucket have a mean cosine of 1\.000')

  def test_refuses_weights_of_another_vocabulary(self):
    path, _ = self._write_weights(8)
    exit_code, _, stderr = self._run(f'--weights={path}', '--vocab_size=7')
    self.assertEqual(exit_code, 2)
    self.assertIn("Expected weights of the task's model in --weights", stderr)

  def test_refuses_a_task_without_rows(self):
    exit_code, _, stderr = self._run('--weights=none', '--task=digits')
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr, "Expected a --task whose model has a row .* found 'digits'"
    )

  def test_refuses_missing_weights(self):
    exit_code, _, stderr = self._run('--weights=none.npz')
    self.assertEqual(exit_code, 2)
    self.assertIn('Expected the model_weights.npz of a run at none', stderr)

  def test_refuses_no_weights(self):
    exit_code, _, stderr = self._run()
    self.assertEqual(exit_code, 2)
    self.assertIn('Expected --weights, found none', stderr)


if __name__ == '__main__':
  absltest.main()
