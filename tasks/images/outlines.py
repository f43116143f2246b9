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
"""Rasterization and random distortion of character outlines."""

import functools

import numpy as np

# Codes of outline points in `matplotlib.path.Path`.
_CODES = {_MOVE := 1, _LINE := 2, _QUADRATIC := 3, _CLOSE := 79}
_LINES_PER_CURVE = 4
_SUBPIXELS = 4
_MARGIN = 1  # Empty pixels at each edge.
# Height of the image's center above the baseline, in ems: half of an A.
_CENTER = 0.35


def flatten(points: np.ndarray, codes: np.ndarray) -> np.ndarray:
  """Approximates the quadratic curves of an outline by lines.

  Args:
    points: float `[n, 2]`.
    codes: `[n]`, kinds of the points, see `matplotlib.path.Path`. Each contour
      ends in a closing point; a curve has a control point and an end point.

  Returns:
    float `[num_lines, 2, 2]`: start and end of each line of closed contours.

  Raises:
    ValueError: If there are other codes, such as those of cubic curves.
  """
  if not (kinds := set(codes.tolist())) <= _CODES:
    raise ValueError(
      f'Expected lines and quadratic curves, found codes {sorted(kinds)}: '
      'install a matplotlib with TrueType fonts.'
    )
  index = np.arange(len(codes))
  contour = np.maximum.accumulate(np.where(codes == _MOVE, index, 0))
  points = np.where((codes == _CLOSE)[:, np.newaxis], points[contour], points)
  is_curve = codes == _QUADRATIC
  is_control = is_curve & (np.cumsum(is_curve) % 2 == 1)
  line = index[(codes == _LINE) | (codes == _CLOSE)]
  lines = np.stack([points[line - 1], points[line]], axis=1)
  end = index[is_curve & ~is_control]
  t = (np.arange(_LINES_PER_CURVE + 1) / _LINES_PER_CURVE)[:, np.newaxis]
  start, control, end = (points[end - i, np.newaxis] for i in (2, 1, 0))
  curves = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
  pieces = np.stack([curves[:, :-1], curves[:, 1:]], axis=2)
  return np.concatenate([lines, pieces.reshape(-1, 2, 2)])


def rasterize(lines: np.ndarray, size: int) -> np.ndarray:
  """Fills closed contours by the nonzero winding rule.

  Args:
    lines: float `[num_lines, 2, 2]`: starts and ends, each `(x, y)`, in pixels,
      with y downwards. All lie within the image.
    size: Height and width of the image, in pixels.

  Returns:
    uint8 `[size, size]`: 255 times the share of each pixel's 16 subpixels whose
    centers are inside.
  """
  fine = size * _SUBPIXELS
  (x0, y0), (x1, y1) = np.moveaxis(lines * _SUBPIXELS, 0, -1)
  # Rows of subpixels, with centers at k + 1/2, that a line crosses.
  first = np.ceil(np.minimum(y0, y1) - 0.5).astype(int)
  counts = np.ceil(np.maximum(y0, y1) - 0.5).astype(int) - first
  line = np.repeat(np.arange(len(lines)), counts)
  row = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
  row += first[line]
  slope = (x1 - x0)[line] / (y1 - y0)[line]
  column = np.ceil(x0[line] + (row + 0.5 - y0[line]) * slope - 0.5).astype(int)
  turns = np.bincount(
    row * (fine + 1) + np.clip(column, 0, fine),
    weights=np.where(y1 > y0, 1, -1)[line],
    minlength=fine * (fine + 1),
  )
  turns = turns.reshape(fine, fine + 1).astype(np.int8)
  inside = np.cumsum(turns, axis=1, dtype=np.int8)[:, :fine] != 0
  inside = inside.astype(np.uint16)
  offsets = range(_SUBPIXELS)
  rows = functools.reduce(np.add, (inside[i::_SUBPIXELS] for i in offsets))
  ink = functools.reduce(np.add, (rows[:, i::_SUBPIXELS] for i in offsets))
  whole = _SUBPIXELS**2
  return ((255 * ink + whole // 2) // whole).astype(np.uint8)


def place(
  lines: np.ndarray, size: int, em: float, rng: np.random.Generator
) -> np.ndarray:
  """Places an outline in an image, with a small random distortion.

  The outline is rotated (standard deviation 4 degrees), slanted (0.05), scaled
  in each direction (6%) and shifted (half a pixel). The baseline is at a fixed
  height, and the size is relative to the font; horizontally the outline is
  centered. An outline that would exceed the image is shrunk or shifted to fit.

  Args:
    lines: float `[num_lines, 2, 2]` in ems, y upwards from the baseline.
    size: Height and width of the image, in pixels.
    em: Font size, in pixels.
    rng: Source of the distortion.

  Returns:
    float `[num_lines, 2, 2]`, in pixels, y downwards.
  """
  angle, slant, stretch_x, stretch_y = rng.normal(0, (0.07, 0.05, 0.06, 0.06))
  turn = np.array(
    [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
  )
  shape = np.array([[1 + stretch_x, slant], [0, -1 - stretch_y]])
  points = em * (lines.reshape(-1, 2) - [0, _CENTER]) @ (turn @ shape).T
  low, high = points.min(axis=0), points.max(axis=0)
  room = size - 2 * _MARGIN
  shrink = min(1.0, room / (high - low).max())
  offset = size / 2 + rng.normal(0, 0.5, 2)
  offset[0] -= shrink * (low[0] + high[0]) / 2
  low, high = shrink * low + offset, shrink * high + offset
  offset += np.maximum(_MARGIN - low, 0)
  offset -= np.maximum(high - (size - _MARGIN), 0)
  return (shrink * points + offset).reshape(lines.shape)
