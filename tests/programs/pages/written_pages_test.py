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
"""Tests of tables and pages written from results."""

import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import image as mpl_image
import numpy as np

from programs.command_line import runner
from programs.pages import descriptions
from programs.pages import stored_runs
from programs.pages import written_pages
from tests.programs.pages import small_repository

_DESCRIPTION = """
[digits]
columns = ['accuracy', 'rounds', 'uplink MB', 'uplink reduction', 'total MB',
  'total reduction']
seeds = [0, 1]
[digits.rows]
plain = 'Plain'
small = 'Small | sparse'
"""
_PAGE = """
# Page

<!-- results: digits -->
old
<!-- end of results -->
The end.
"""
# By hand: standard deviations of 0.5, 0.6 and of 0.7, 0.74; 16 / 2, 24 / 10.
_TABLE = """\
| run | accuracy | rounds | uplink MB | uplink reduction | total MB | \
total reduction |
| --- | --- | --- | --- | --- | --- | --- |
| Plain | 55.00 % (± 7.07) | 2 | 16.000 | 1.00 x | 24.000 | 1.00 x |
| Small \\| sparse | 72.00 % (± 2.83) | 2 | 2.000 | 8.00 x | 10.000 | 2.40 x |
"""
_ORIGIN = """\
`make results PAGE=page`: seeds 0, 1; mean (± sample standard deviation);
Abacus, TensorFlow 2.14.1; 10 to 11 s a run.
"""


class PagesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self._results = self._root / 'results'
    self._path = self._root / 'docs' / 'page.md'
    small_repository.write_page(self._root, _DESCRIPTION, _PAGE)

  def _write_runs(self):
    for name, accuracies, uplink_bytes in (
      ('plain', (0.5, 0.6), 16_000_000),
      ('small', (0.7, 0.74), 2_000_000),
    ):
      for seed, accuracy in enumerate(accuracies):
        small_repository.write_run(
          self._results / 'page' / name / f'seed_{seed}', accuracy, uplink_bytes
        )

  def _pages(self):
    return descriptions.read_all(self._results)

  def _write(self):
    return written_pages.write(self._results, self._pages())

  def _differences(self):
    return written_pages.differences(self._results, self._pages())

  def test_writes(self):
    self._write_runs()
    self.assertEqual(self._write(), ['docs/page.md'])
    self.assertEqual(
      self._path.read_text(),
      _PAGE.replace('old\n', f'\n{_TABLE}\n{_ORIGIN}\n'),
    )
    self.assertEqual(self._write(), [])
    self.assertEqual(self._differences(), [])

  def test_writes_and_compares_a_picture(self):
    self._write_runs()
    with_picture = _DESCRIPTION.replace(
      'columns', "pictures = ['accuracy_by_total_mb']\ncolumns"
    )
    small_repository.write_page(self._root, with_picture, _PAGE)
    picture = 'docs/pictures/page_digits_accuracy_by_total_mb.png'
    self.assertEqual(self._write(), ['docs/page.md', picture])
    link = f'![Accuracy against total traffic]({picture[len("docs/") :]})'
    self.assertIn(f'{_ORIGIN}\n{link}\n', self._path.read_text())
    self.assertGreater(np.ptp(mpl_image.imread(self._root / picture)), 0.5)
    self.assertEqual(self._differences(), [])
    # A run that differs before its last round only: the table does not.
    path = self._results / 'page' / 'small' / 'seed_1' / 'metrics.csv'
    path.write_text(path.read_text().replace('0.75', '0.7'))
    (difference,) = self._differences()
    self.assertIn(f'to have {picture} as', difference)
    self.assertEqual(self._write(), [picture])
    self.assertEqual(self._differences(), [])
    (self._root / picture).unlink()
    self.assertLen(self._differences(), 1)

  def test_runs_are_read_once(self):
    self._write_runs()
    with_picture = _DESCRIPTION.replace(
      'columns', "pictures = ['traffic']\ncolumns"
    )
    small_repository.write_page(self._root, with_picture, _PAGE)
    read = stored_runs.read
    with mock.patch.object(stored_runs, 'read', side_effect=read) as calls:
      self._write()
    self.assertEqual(calls.call_count, 2 * 2)  # Runs and seeds.

  def test_finds_a_changed_figure(self):
    self._write_runs()
    self._write()
    self._path.write_text(self._path.read_text().replace('72.00', '72.01'))
    (difference,) = self._differences()
    self.assertRegex(
      difference, 'docs/page.md to have digits.*make results-docs'
    )

  def test_finds_a_table_without_origin(self):
    self._write_runs()
    self._write()
    self._path.write_text(f'{self._path.read_text()}\n## Figures\n\n| 3 |\n')
    (difference,) = self._differences()
    self.assertRegex(difference, 'without in docs/page.md:19: describe it')

  def test_table_whose_files_were_not_kept_remains(self):
    page = _PAGE.replace('old', '*Run before; files not kept.*\n\n| old |')
    self._path.write_text(page)
    self.assertEqual(self._write(), [])
    self.assertEqual(self._differences(), [])
    self._write_runs()
    self.assertLen(self._differences(), 1)
    self._write()
    self.assertIn('72.00', self._path.read_text())

  def test_writes_the_output_of_a_program(self):
    self._write_runs()
    small_repository.write_page(
      self._root,
      f"{_DESCRIPTION}\n[times]\ncommand = 'programs.bench'\n",
      f'{_PAGE}<!-- results: times -->\n\n*Measured before; output not kept.*'
      '\n\n| 3 |\n\n<!-- end of results -->\n',
    )
    self._write()
    self.assertIn('| 3 |', self._path.read_text())
    self.assertEqual(self._differences(), [])
    directory = self._results / 'page' / 'times'
    directory.mkdir()
    (directory / 'output.md').write_text('| 4 |\n\n')
    (directory / 'origin.json').write_text(
      '{"command": "programs.bench", "seconds": 2, "environment": {"processor":'
      ' "Abacus", "cores": "2", "tensorflow": "2.14.1"}}'
    )
    (difference,) = self._differences()
    self.assertRegex(difference, 'docs/page.md to have times as results/ gives')
    self.assertEqual(self._write(), ['docs/page.md'])
    self.assertEndsWith(
      self._path.read_text(),
      '<!-- results: times -->\n\n| 4 |\n\n`.venv/bin/python -m '
      'programs.bench`: Abacus, 2 cores, TensorFlow 2.14.1; 2 s.\n\n'
      '<!-- end of results -->\n',
    )
    self.assertEqual(self._differences(), [])

  def test_refuses_missing_runs(self):
    with self.assertRaisesRegex(
      runner.UsageError, 'results/page/plain/seed_0, found not all.*make result'
    ):
      self._differences()

  @parameterized.parameters(
    '', '<!-- results: x -->\n<!-- end of results -->\n'
  )
  def test_refuses_another_block(self, page):
    self._write_runs()
    self._path.write_text(page)
    with self.assertRaisesRegex(
      runner.UsageError, r"page.md to have the blocks \['digits'\].*found"
    ):
      self._write()

  def test_refuses_a_missing_page(self):
    self._path.unlink()
    with self.assertRaisesRegex(runner.UsageError, 'page.md, found: .*No such'):
      self._write()


if __name__ == '__main__':
  absltest.main()
