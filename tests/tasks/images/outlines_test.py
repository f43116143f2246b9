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

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks.images import outlines

_SQUARE = [(2, 2), (10, 2), (10, 10), (2, 10)]


def _contour(points):
  """Returns points and codes of a closed polygon."""
  points = np.array([*points, (0, 0)], float)
  return points, np.array([1] + [2] * (len(points) - 2) + [79])


def _draw(*contours, size=12):
  lines = [outlines.flatten(*_contour(c)) for c in contours]
  return outlines.rasterize(np.concatenate(lines), size)


class RasterizeTest(parameterized.TestCase):
  def test_square(self):
    expected = np.zeros((12, 12))
    expected[2:10, 2:10] = 255
    np.testing.assert_array_equal(_draw(_SQUARE), expected)

  def test_edges_within_pixels_are_gray(self):
    image = _draw([(1.25, 1), (3.5, 1), (3.5, 2.75), (1.25, 2.75)], size=5)
    shares = np.outer([0, 1, 0.75, 0, 0], [0, 0.75, 1, 0.5, 0])
    np.testing.assert_array_equal(image, np.floor(255 * shares + 0.5))

  def test_contours_of_the_other_direction_are_holes(self):
    hole = [(4, 4), (4, 6), (6, 6), (6, 4)]
    expected = _draw(_SQUARE)
    expected[4:6, 4:6] = 0
    np.testing.assert_array_equal(_draw(_SQUARE, hole), expected)

  def test_contours_of_one_direction_overlap(self):
    inner = [(4, 4), (6, 4), (6, 6), (4, 6)]
    np.testing.assert_array_equal(_draw(_SQUARE, inner), _draw(_SQUARE))

  def test_star_is_filled_where_it_winds(self):
    # An independent winding number: the sum of angles around each point.
    turns = 4 * np.pi * np.arange(5) / 5
    star = 6 + 5 * np.stack([np.sin(turns), np.cos(turns)], axis=1)
    centre = (np.arange(48) + 0.5) / 4
    grid = np.stack(np.meshgrid(centre, centre), axis=-1)
    offsets = star - grid[..., np.newaxis, :]
    angles = np.arctan2(offsets[..., 1], offsets[..., 0])
    steps = np.roll(angles, -1, axis=-1) - angles
    steps = (steps + np.pi) % (2 * np.pi) - np.pi
    inside = np.abs(steps.sum(axis=-1)) > 1
    shares = inside.reshape(12, 4, 12, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(_draw(star), 255 * shares, atol=0.51)

  def test_curves_make_a_circle(self):
    corners = 10 + 8 * np.array([(1, 0), (0, 1), (-1, 0), (0, -1), (1, 0)])
    controls = 10 + 8 * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    points = [corners[0]]
    for control, end in zip(controls, corners[1:], strict=True):
      points += [control, end]
    points, codes = np.array([*points, (0, 0)], float), [1] + [3] * 8 + [79]
    lines = outlines.flatten(points, np.array(codes))
    self.assertLen(lines, 4 * 4 + 1)
    # A quadratic curve covers 2/3 of its control triangle: 4 x 64 x 5/6.
    area = outlines.rasterize(lines, 20).sum() / 255
    self.assertBetween(area, 0.97 * 640 / 3, 640 / 3)

  def test_cubic_curves_raise(self):
    points, codes = np.zeros((5, 2)), np.array([1, 4, 4, 4, 79])
    with self.assertRaisesRegex(ValueError, 'quadratic curves, found codes'):
      outlines.flatten(points, codes)


class PlaceTest(parameterized.TestCase):
  @parameterized.parameters(0.02, 0.7, 5.0)
  def test_stays_within_the_margins(self, size):
    lines = outlines.flatten(*_contour(size * np.array(_SQUARE) / 8))
    for seed in range(50):
      placed = outlines.place(lines, 28, 20.0, np.random.default_rng(seed))
      self.assertGreaterEqual(placed.min(), 1 - 1e-9)
      self.assertLessEqual(placed.max(), 27 + 1e-9)

  def test_keeps_sizes_and_heights_on_average(self):
    lines = outlines.flatten(
      *_contour([(3, 0), (3.5, 0), (3.5, 0.7), (3, 0.7)])
    )
    boxes = []
    for seed in range(2000):
      placed = outlines.place(lines, 28, 20.0, np.random.default_rng(seed))
      boxes.append([placed.mean((0, 1)), np.ptp(placed.mean(1), axis=0)])
    centres, sizes = np.mean(boxes, axis=0)
    # The center is 0.35 em above the baseline; y points downwards.
    np.testing.assert_allclose(centres, [14, 14], atol=0.1)
    np.testing.assert_allclose(sizes, [10, 14], rtol=0.06)
    low = outlines.flatten(*_contour([(0, 0), (0.1, 0), (0.1, 0.1), (0, 0.1)]))
    placed = outlines.place(low, 28, 20.0, np.random.default_rng(0))
    self.assertGreater(placed[..., 1].mean(), 17)


if __name__ == '__main__':
  absltest.main()
