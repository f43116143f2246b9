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
"""Tests for label_divergence."""

import itertools
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import image as mpl_image
import numpy as np
from scipy import stats

from programs import label_divergence
from tests.programs import program_testing
from tests.tasks import data_files
from tff_methods import label_hashing


def _measure(counts, *args, **kwargs):
  before = label_divergence.pairwise(counts)
  return label_divergence.measure(counts, before, *args, **kwargs)


class MeasureTest(parameterized.TestCase):
  def test_is_the_mean_over_pairs_and_tables(self):
    counts = np.random.default_rng(0).integers(1, 21, size=[3, 11])
    found = _measure(counts, 4, num_tables=5, seed=7)
    buckets = label_hashing.LabelHash.draw(11, 5, 4, 7).buckets()
    means, ratios = [], []
    for table in buckets:
      values = []
      for i, j in itertools.permutations(range(3), 2):
        hashed = [
          [counts[k][table == b].sum() for b in range(4)] for k in (i, j)
        ]
        values.append(stats.entropy(*hashed))
        ratios.append(values[-1] / stats.entropy(counts[i], counts[j]))
      means.append(np.mean(values))
    self.assertEqual(found.num_buckets, 4)
    self.assertAlmostEqual(found.mean, np.mean(means))
    self.assertAlmostEqual(found.deviation, np.std(means, ddof=1))
    self.assertAlmostEqual(found.largest_ratio, max(ratios))
    self.assertLess(found.largest_ratio, 1)

  def test_clients_that_are_alike_stay_so(self):
    counts = np.array([[2, 6, 1], [2, 6, 1]])
    found = _measure(counts, 2, num_tables=1, seed=0)
    self.assertEqual(found[1:], (0.0, 0.0, 0.0))


class ProgramTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    examples = [
      ({i % 32: 1}, [i % 32, (i + 1 + i % 3) % 32]) for i in range(200)
    ]
    data_files.write_multi_label(
      self._dir,
      'delicious.npz',
      {'_train': examples, '_test': examples},
      32,
      32,
    )

  def _run(self, *arguments):
    return program_testing.run_here(
      'label_divergence.py',
      label_divergence.main,
      f'--data_dir={self._dir}',
      f'--cache_dir={self._dir}/cache',
      f'--output_dir={self._dir}/out',
      *arguments,
    )

  def test_prints_and_draws(self):
    exit_code, stdout, stderr = self._run('--task=delicious')
    self.assertEqual(exit_code, 0, stderr)
    self.assertRegex(stdout, r'│ 4 +│ 0\.\d+ \(± 0\.\d+\) +│ 0\.\d+ +│ 0\.\d+ ')
    self.assertRegex(stdout, r'32, not hashed +│ \d')
    image = mpl_image.imread(pathlib.Path(self._dir, 'out', 'divergence.png'))
    self.assertGreater(np.ptp(image), 0.5)

  @parameterized.named_parameters(
    ('no_task', 'Expected --task', []),
    (
      'many_buckets',
      'bucket_counts from 1 to 32.*found 2,33',
      ['--task=delicious', '--bucket_counts=2,33'],
    ),
    (
      'words',
      'bucket_counts.*found few',
      ['--task=delicious', '--bucket_counts=few'],
    ),
    ('rounds', 'no --rounds', ['--task=delicious', '--rounds=3']),
  )
  def test_refuses(self, message, arguments):
    exit_code, stdout, stderr = self._run(*arguments)
    self.assertEqual(exit_code, 2)
    self.assertNotIn('│', stdout)
    self.assertRegex(
      stderr, rf'(?m)^label_divergence: [^\n]*{message}[^\n]*\n\Z'
    )


if __name__ == '__main__':
  absltest.main()
