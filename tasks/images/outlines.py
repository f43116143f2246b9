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
"""Outlines of characters as images, and small distortions of them."""

import numpy as np

# Codes of an outline's points, as in `matplotlib.path.Path`.
_CODES = {_MOVE := 1, _LINE := 2, _QUADRATIC := 3, _CLOSE := 79}
_LINES_PER_CURVE = 4
_SUBPIXELS = 4
_MARGIN = 1  # Pixels at the edges that stay empty.
_MIDDLE = 0.35  # Of the image, in ems above the baseline: half of an A.


def flatten(points: np.ndarray, codes: np.ndarray) -> np.ndarray:
  """Replaces an outline's quadratic curves by lines.

  Args:
    points: float `[n, 2]`.
    codes: `[n]`, what each point is, as in `matplotlib.path.Path`. Each contour
      ends in a point that closes it; a curve has its control and its end.

  Returns:
    float `[num_lines, 2, 2]`: of closed contours, each line's start and end.

  Raises:
    ValueError: If there are other codes, as of cubic curves.
  """
  if not (kinds := set(codes.tolist())) <= _CODES:
    raise ValueError(
      f'Expected lines and quadratic curves, found codes {sorted(kinds)}.'
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
  """Draws what closed contours go around, by the nonzero winding rule.

  Args:
    lines: float `[num_lines, 2, 2]`: starts and ends, each `(x, y)`, in pixels,
      with y downwards. All lie within the image.
    size: The image's height and width.

  Returns:
    uint8 `[size, size]`: 255 times the share of each pixel's 16 subpixels of
    which the centre is inside.
  """
  fine = size * _SUBPIXELS
  (x0, y0), (x1, y1) = np.moveaxis(lines * _SUBPIXELS, 0, -1)
  # The rows of subpixels, whose centres are at k + 1/2, that a line crosses.
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
  rows = sum(inside[i::_SUBPIXELS] for i in range(_SUBPIXELS))
  ink = sum(rows[:, i::_SUBPIXELS] for i in range(_SUBPIXELS))
  whole = _SUBPIXELS**2
  return ((255 * ink + whole // 2) // whole).astype(np.uint8)


def place(
  lines: np.ndarray, size: int, em: float, rng: np.random.Generator
) -> np.ndarray:
  """Puts an outline into an image, a little distorted.

  It is turned by about 4 degrees, slanted by about 0.05, stretched or shrunk in
  each direction by about 6%, and shifted by about half a pixel; these are
  standard deviations. Its size relative to the font's stays, and so does its
  height above the baseline, the place of which is fixed but for the shift; from
  left to right it is centred. Only what would stick out of the image is shrunk
  or shifted until it does not.

  Args:
    lines: float `[num_lines, 2, 2]` in units of the font's em, y upwards from
      the baseline.
    size: The image's height and width.
    em: How many pixels the em has.
    rng: Where the distortion comes from.

  Returns:
    float `[num_lines, 2, 2]`, in pixels, y downwards.
  """
  angle, slant, stretch_x, stretch_y = rng.normal(0, (0.07, 0.05, 0.06, 0.06))
  turn = np.array(
    [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
  )
  shape = np.array([[1 + stretch_x, slant], [0, -1 - stretch_y]])
  points = em * (lines.reshape(-1, 2) - [0, _MIDDLE]) @ (turn @ shape).T
  low, high = points.min(axis=0), points.max(axis=0)
  room = size - 2 * _MARGIN
  shrink = min(1.0, room / (high - low).max())
  offset = size / 2 + rng.normal(0, 0.5, 2)
  offset[0] -= shrink * (low[0] + high[0]) / 2
  low, high = shrink * low + offset, shrink * high + offset
  offset += np.maximum(_MARGIN - low, 0)
  offset -= np.maximum(high - (size - _MARGIN), 0)
  return (shrink * points + offset).reshape(lines.shape)
