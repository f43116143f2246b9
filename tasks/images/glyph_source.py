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
"""Images of characters in matplotlib's fonts; each character is a class."""

from collections.abc import Mapping, Sequence
import importlib
import os
import unicodedata

import numpy as np

from tasks import input_files
from tasks.images import image_sources
from tasks.images import outlines

IMAGE_SIZE = 28

# Four styles of each font in which code points have their usual meaning.
_TRAIN_FACES = (
  'DejaVuSans',
  'DejaVuSans-Bold',
  'DejaVuSans-BoldOblique',
  'DejaVuSansMono',
  'DejaVuSansMono-BoldOblique',
  'DejaVuSansMono-Oblique',
  'DejaVuSerif',
  'DejaVuSerif-Bold',
  'DejaVuSerif-Italic',
  'STIXGeneral',
  'STIXGeneralBol',
  'STIXGeneralBolIta',
)
_TEST_FACES = (
  'DejaVuSans-Oblique',
  'DejaVuSansMono-Bold',
  'DejaVuSerif-BoldItalic',
  'STIXGeneralItalic',
)
_MIN_FACES = 12
_CATEGORIES = 'LNPS'  # Unicode's letters, numbers, punctuation and symbols.
_RETRIEVAL_SHARE = 10  # One of ten classes.
_TRAIN_EMS = (17.0, 21.0)  # Font sizes, in pixels.
_TEST_EMS = (19.0,)
_SEED = 20
# Changes when the images that `load` returns change.
_VERSION = 'outlines-1'

# Maps character and face to outline points, in ems, and their codes.
_Glyphs = Mapping[int, Mapping[str, tuple[np.ndarray, np.ndarray]]]


def glyphs() -> image_sources.ImageSource:
  """Opens images of characters in matplotlib's fonts, 28x28 pixels.

  The fonts are DejaVu Sans, Sans Mono and Serif and STIX General, each in four
  styles. Classes are the letters, numbers, punctuation and symbols of at least
  12 of the 16 faces. A character whose outline in any face equals that of a
  lower code point, such as the capital alpha and the A, is left out. A tenth of
  the classes is for retrieval. The others are for training and testing: one
  face of each font is held out for testing.

  A training face gives two images of a character, of two sizes; a test face
  gives one; for retrieval, each face gives one. Each image has a distortion of
  its own. All images follow from the font files alone.

  Returns:
    A source of images of shape `[28, 28, 1]`, from 0 (paper) to 255 (ink).

  Raises:
    ValueError: If matplotlib or one of its fonts is missing.
  """
  paths = _find_fonts()
  characters = _read_outlines(paths)
  train, retrieval = _split(sorted(characters))

  def load():
    rng = np.random.default_rng(_SEED)
    faces = (*_TRAIN_FACES, *_TEST_FACES)
    # Labels for retrieval follow the training labels.
    return image_sources.LabelledImages(
      *_render(characters, train, 0, _TRAIN_FACES, _TRAIN_EMS, rng),
      *_render(characters, train, 0, _TEST_FACES, _TEST_EMS, rng),
      retrieval=_render(
        characters, retrieval, len(train), faces, _TEST_EMS, rng
      ),
    )

  files = input_files.InputFiles.hash(list(paths.values()))
  fingerprint = f'{_VERSION}-{files.fingerprint}'
  return image_sources.ImageSource(fingerprint, load, len(train))


def _find_fonts() -> dict[str, str]:
  """Returns the paths of the font files by face."""
  try:
    matplotlib = importlib.import_module('matplotlib')
  except ImportError as e:
    raise ValueError(
      "Expected matplotlib, whose fonts the task 'glyphs' reads, found that it "
      f'cannot be imported ({e}): install it, or choose another task.'
    ) from e
  font_dir = os.path.join(matplotlib.get_data_path(), 'fonts', 'ttf')
  faces = (*_TRAIN_FACES, *_TEST_FACES)
  paths = {face: os.path.join(font_dir, f'{face}.ttf') for face in faces}
  for path in paths.values():
    if not os.path.isfile(path):
      raise ValueError(
        f'Expected the font {path}, found none: install a matplotlib that has '
        'DejaVu and STIX fonts.'
      )
  return paths


def _read_outlines(paths: Mapping[str, str]) -> _Glyphs:
  """Reads the outlines of the characters that become classes."""
  ft2font = importlib.import_module('matplotlib.ft2font')
  fonts = {face: ft2font.FT2Font(path) for face, path in paths.items()}
  # The character maps list exactly the characters of the fonts.
  charmaps = {face: font.get_charmap() for face, font in fonts.items()}
  candidates = _in_enough_faces(charmaps)
  # In font units, without hinting: whole numbers.
  flags = ft2font.LoadFlags.NO_SCALE | ft2font.LoadFlags.IGNORE_TRANSFORM
  characters = {character: {} for character in candidates}
  left_out = set()
  for face, charmap in charmaps.items():
    font, seen = fonts[face], set()
    for character in candidates:
      if character not in charmap:
        continue
      font.load_glyph(charmap[character], flags=flags)
      points, codes = font.get_path()
      outline = (points.tobytes(), codes.tobytes())
      if len(points) == 0 or outline in seen:
        left_out.add(character)
        continue
      seen.add(outline)
      # `get_path` takes the units to be 64ths of a pixel.
      em = font.units_per_EM / 64
      characters[character][face] = (points / em, codes)
  return {k: v for k, v in characters.items() if k not in left_out}


def _in_enough_faces(charmaps: Mapping[str, Mapping[int, int]]) -> list[int]:
  characters, counts = np.unique(
    [c for charmap in charmaps.values() for c in charmap], return_counts=True
  )
  return [
    int(c)
    for c in characters[counts >= _MIN_FACES]
    if unicodedata.category(chr(c))[0] in _CATEGORIES
  ]


def _split(characters: Sequence[int]) -> tuple[list[int], list[int]]:
  """Returns the characters for training, and those for retrieval."""
  shuffled = np.random.default_rng(_SEED).permutation(characters).tolist()
  num_retrieval = len(shuffled) // _RETRIEVAL_SHARE
  return sorted(shuffled[num_retrieval:]), sorted(shuffled[:num_retrieval])


def _render(
  characters: _Glyphs,
  classes: Sequence[int],
  first_label: int,
  faces: Sequence[str],
  ems: Sequence[float],
  rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
  """Renders images, uint8 `[n, 28, 28, 1]`, and labels, uint16 `[n]`."""
  images, labels = [], []
  for label, character in enumerate(classes, start=first_label):
    for face in faces:
      if face not in characters[character]:
        continue
      lines = outlines.flatten(*characters[character][face])
      for em in ems:
        placed = outlines.place(lines, IMAGE_SIZE, em, rng)
        images.append(outlines.rasterize(placed, IMAGE_SIZE))
        labels.append(label)
  return np.stack(images)[..., np.newaxis], np.array(labels, np.uint16)
