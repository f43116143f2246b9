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
"""Tests for label_report."""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import image as mpl_image
import numpy as np

from programs import label_report
from tests.programs import program_testing
from tests.tasks import data_files


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
      'label_report.py',
      label_report.main,
      f'--data_dir={self._dir}',
      f'--cache_dir={self._dir}/cache',
      f'--output_dir={self._dir}/out',
      *arguments,
    )

  def test_prints_and_draws_all_sections(self):
    exit_code, stdout, stderr = self._run(
      '--task=delicious', '--num_clients=2', '--num_draws=3'
    )
    self.assertEqual(exit_code, 0, stderr)
    self.assertRegex(stdout, r'training examples +\| 200 ')
    self.assertRegex(stdout, r'No label has 100 positives')
    self.assertRegex(stdout, r'labels, hashed to 2 buckets')
    self.assertRegex(stdout, r'hash tables of 32 labels')
    self.assertRegex(
      stdout, r'\| 4 +\| 0\.\d+ \(± 0\.\d+\) +\| 0\.\d+ +\| 0\.\d+ '
    )
    self.assertRegex(stdout, r'32, not hashed +\| \d')
    for name in (
      'frequencies',
      'ranks',
      'positives',
      'collisions',
      'divergence',
    ):
      image = mpl_image.imread(pathlib.Path(self._dir, 'out', f'{name}.png'))
      self.assertGreater(np.ptp(image), 0.5)

  def test_one_section(self):
    exit_code, stdout, stderr = self._run(
      '--task=delicious', '--section=frequencies'
    )
    self.assertEqual(exit_code, 0, stderr)
    self.assertNotIn('buckets', stdout)
    pictures = pathlib.Path(self._dir, 'out').glob('*.png')
    self.assertEqual({p.stem for p in pictures}, {'frequencies', 'ranks'})

  @parameterized.named_parameters(
    ('no_task', 'Expected --task', []),
    (
      'many_buckets',
      'Expected --bucket_counts of at most 32.*found 33; lower it',
      ['--task=delicious', '--bucket_counts=2,33'],
    ),
    (
      'too_many',
      'Expected --buckets of at most 32.*found 33; lower it',
      ['--task=delicious', '--buckets=33'],
    ),
    (
      'words',
      'bucket_counts=.*few.*: Expected positive integers',
      ['--task=delicious', '--bucket_counts=few'],
    ),
    (
      'other_task',
      'Expected a --task with many labels, found .digits.; choose one of',
      ['--task=digits'],
    ),
    ('no_data', 'bibtex', ['--task=bibtex']),
    ('rounds', 'no --rounds', ['--task=delicious', '--rounds=3']),
  )
  def test_refuses(self, message, arguments):
    exit_code, stdout, stderr = self._run(*arguments)
    self.assertEqual(exit_code, 2)
    self.assertNotIn('|', stdout)
    self.assertRegex(stderr, rf'(?m)^label_report: [^\n]*{message}[^\n]*\n\Z')


if __name__ == '__main__':
  absltest.main()
