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
"""Tests of the pictures of pages."""

import dataclasses
import pathlib
import tempfile

from absl.testing import absltest
from matplotlib import image as mpl_image
import numpy as np

from programs.command_line import runner
from programs.pages import descriptions
from programs.pages import result_pictures
from programs.pages import result_tables
from tests.programs.pages import small_repository

_DESCRIPTION = """
[digits]
pictures = ['accuracy_by_total_mb']
columns = ['accuracy']
seeds = [0]
[digits.rows]
plain = '32 bits'
small = '2 bits'
"""


class ResultPicturesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    results = self._root / 'results'
    small_repository.write_page(self._root, _DESCRIPTION, '')
    for name, accuracy in (('plain', 0.5), ('small', 0.7)):
      small_repository.write_run(
        results / 'page' / name / 'seed_0', accuracy, 8_000_000
      )
    (self._page,) = descriptions.read_all(results)
    (self._table,) = self._page.tables
    self._read = lambda table: result_tables.read(results, table)

  def _find(self, name):
    (picture,) = self._find_all([name])
    return picture

  def _find_all(self, names):
    table = dataclasses.replace(self._table, pictures=tuple(names))
    return result_pictures.find(self._read(table))

  def test_path_is_named_after_page_table_and_picture(self):
    self.assertEqual(
      result_pictures.path(self._page, self._table, self._find('traffic')),
      'docs/pictures/page_digits_traffic.png',
    )

  def test_finds_the_pictures_of_the_names(self):
    names = ['traffic', 'accuracy_by_total_mb', 'loss_by_rounds']
    self.assertEqual([found.name for found in self._find_all(names)], names)
    self.assertEmpty(self._find_all([]))

  def test_runs_have_the_labels_of_the_table(self):
    figure = self._find('accuracy_by_total_mb').draw()
    texts = [text.get_text() for text in figure.axes[0].texts]
    self.assertEqual(texts, ['32 bits', '2 bits'])

  def test_refuses_another_picture(self):
    with self.assertRaisesRegex(
      runner.UsageError,
      "pictures of .*'accuracy_by_rounds'.*found 'x'; correct it",
    ):
      self._find('x')

  def test_link_is_relative_to_the_page(self):
    picture = self._find('accuracy_by_total_mb')
    self.assertEqual(
      result_pictures.link(self._page, self._table, picture),
      '![Accuracy against total traffic]'
      '(pictures/page_digits_accuracy_by_total_mb.png)\n',
    )
    page = dataclasses.replace(self._page, path='docs/methods/page.md')
    self.assertIn(
      '](../pictures/page_digits_accuracy_by_total_mb.png)',
      result_pictures.link(page, self._table, picture),
    )

  def test_saved_pictures_look_alike_unless_they_show_something_else(self):
    first, again, other = (
      self._root / 'new' / f'{name}.png' for name in ('first', 'again', 'other')
    )
    result_pictures.save(self._find('accuracy_by_total_mb'), first)
    result_pictures.save(self._find('accuracy_by_total_mb'), again)
    result_pictures.save(self._find('loss_by_total_mb'), other)
    self.assertGreater(np.ptp(mpl_image.imread(first)), 0.5)
    self.assertTrue(result_pictures.look_alike(first, again))
    self.assertFalse(result_pictures.look_alike(first, other))
    self.assertFalse(result_pictures.look_alike(first, self._root / 'none.png'))

  def test_small_differences_of_drawing_do_not_count(self):
    rng = np.random.default_rng(0)
    image = rng.uniform(0.2, 0.8, [8, 8, 3])
    for name, change in (('a', 0), ('near', 0.03), ('far', 0.1)):
      mpl_image.imsave(self._root / f'{name}.png', image + change)
    mpl_image.imsave(self._root / 'small.png', image[:7])
    path = self._root / 'a.png'
    self.assertTrue(result_pictures.look_alike(path, self._root / 'near.png'))
    for name in ('far', 'small'):
      self.assertFalse(
        result_pictures.look_alike(path, self._root / f'{name}.png')
      )


if __name__ == '__main__':
  absltest.main()
