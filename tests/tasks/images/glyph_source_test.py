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

import functools
import unicodedata
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks.images import glyph_source


@functools.cache
def _source_and_characters():
  paths = glyph_source._find_fonts()
  return glyph_source.glyphs(), glyph_source._read_outlines(paths)


class GlyphsTest(parameterized.TestCase):
  def test_classes_are_visible_characters_of_many_faces(self):
    _, characters = _source_and_characters()
    self.assertBetween(len(characters), 2000, 2300)
    for character, faces in characters.items():
      self.assertIn(unicodedata.category(chr(character))[0], 'LNPS')
      self.assertGreaterEqual(len(faces), 12)
    self.assertContainsSubset(map(ord, 'AZaz09,+é'), characters)

  def test_no_two_classes_look_the_same_in_a_face(self):
    _, characters = _source_and_characters()
    self.assertNotIn(ord('Α'), characters)  # Greek, drawn as the Latin A.
    outlines = [
      (face, points.tobytes(), codes.tobytes())
      for faces in characters.values()
      for face, (points, codes) in faces.items()
    ]
    self.assertLen(set(outlines), len(outlines))

  def test_a_tenth_of_the_classes_is_for_retrieval(self):
    source, characters = _source_and_characters()
    train, retrieval = glyph_source._split(sorted(characters))
    self.assertLen(train, source.num_classes)
    self.assertCountEqual([*train, *retrieval], characters)
    self.assertLen(retrieval, len(characters) // 10)

  def test_renders_a_few_classes(self):
    _, characters = _source_and_characters()
    images = [
      glyph_source._render(
        characters,
        [ord('A'), ord('.')],
        300,
        glyph_source._TEST_FACES,
        (19.0,),
        np.random.default_rng(1),
      )
      for _ in range(2)
    ]
    x, y = images[0]
    np.testing.assert_array_equal(x, images[1][0])
    self.assertEqual(y.tolist(), [300] * 4 + [301] * 4)
    self.assertEqual((x.shape, x.dtype), ((8, 28, 28, 1), np.uint8))
    ink = x.sum(axis=(1, 2, 3)) / 255
    self.assertGreater(ink[:4].min(), 25)
    self.assertBetween(ink[4:].max(), 1, 12)
    # The dots stand on the baseline, below the middle.
    self.assertGreater(x[4:, 14:].sum(), 10 * x[4:, :14].sum())


class ErrorsTest(absltest.TestCase):
  def test_missing_matplotlib_raises(self):
    with mock.patch.object(
      glyph_source.importlib, 'import_module', side_effect=ImportError('none')
    ):
      with self.assertRaisesRegex(
        ValueError, 'matplotlib.*cannot be imported.*install it'
      ) as caught:
        glyph_source.glyphs()
    self.assertNotIn('\n', str(caught.exception))

  def test_missing_font_raises(self):
    matplotlib = mock.Mock(get_data_path=lambda: '/not/there')
    with mock.patch.object(
      glyph_source.importlib, 'import_module', return_value=matplotlib
    ):
      with self.assertRaisesRegex(ValueError, 'DejaVuSans.ttf, found none'):
        glyph_source.glyphs()


if __name__ == '__main__':
  absltest.main()
