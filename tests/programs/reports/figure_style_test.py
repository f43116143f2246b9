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
"""Tests for figure_style."""

import os
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import colors as mpl_colors
import numpy as np

from programs.reports import figure_style

# Machado et al. (2009), severity 1, on linear RGB.
_DEFICIENCIES = {
  'protanopia': (
    (0.152286, 1.052583, -0.204868),
    (0.114503, 0.786281, 0.099216),
    (-0.003882, -0.048116, 1.051998),
  ),
  'deuteranopia': (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
  ),
  'tritanopia': (
    (1.255528, -0.076749, -0.178779),
    (-0.078411, 0.930809, 0.147602),
    (0.004733, 0.691367, 0.303900),
  ),
}


class FigureStyleTest(parameterized.TestCase):
  def test_first_line_is_black_and_the_only_dashed_one(self):
    styles = figure_style.line_styles(f'run {i}' for i in range(19))
    first, *others = styles.values()
    self.assertEqual(first, {'color': '#000000', 'linestyle': '--'})
    self.assertNotIn('--', [style['linestyle'] for style in others])
    self.assertLen({tuple(style.values()) for style in others}, 18)

  @parameterized.parameters(*_DEFICIENCIES)
  def test_colors_differ_for_color_blind_readers(self, deficiency):
    styles = figure_style.line_styles('abcdefg')
    rgb = np.array([mpl_colors.to_rgb(s['color']) for s in styles.values()])
    seen = np.clip(rgb**2.2 @ np.array(_DEFICIENCIES[deficiency]).T, 0, 1)
    distances = np.linalg.norm(seen[:, np.newaxis] - seen, axis=-1)
    self.assertGreater(distances[np.triu_indices(7, 1)].min(), 0.1)

  @parameterized.parameters(
    ([0.5, 0.5, 0.5], [0.5, 0.6, 0.7]),
    ([0.9, 0.95, 1.0], [0.8, 0.9, 1.0]),
    ([0.1, 0.5, 0.9], [0.1, 0.5, 0.9]),
  )
  def test_labels_keep_order_and_distance(self, heights, expected):
    placed = figure_style.spread_apart(dict(enumerate(heights)), 0.1)
    np.testing.assert_allclose([placed[i] for i in range(3)], expected)

  @parameterized.parameters((8, 12), (60, 3), (60, 12), (200, 3))
  def test_legend_fits_into_the_figure(self, length, num_names):
    figure = figure_style.new_figure()
    axes = figure.subplots()
    names = [f'{i}'.rjust(length, 'e') for i in range(num_names)]
    for name in names:
      axes.plot([0, 1], label=name)
    height = axes.get_window_extent().height
    figure_style.legend(figure, names)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    self.assertBetween(box.x0, 0, figure.bbox.x1 - box.width)
    self.assertGreaterEqual(box.y0, 0)
    # The axes have the room that they have without a legend.
    self.assertGreater(axes.get_window_extent().height, 0.85 * height)

  def test_long_labels_leave_room_for_the_axes(self):
    for length in (50, 51, 200):
      figure = figure_style.new_figure()
      axes = figure.subplots()
      name = 'run-bits=1-'.ljust(length, 'e')
      figure_style.label_curves(
        figure, axes, {'x': 0.5}, {'x': name}, figure_style.line_styles(['x'])
      )
      figure.draw_without_rendering()
      self.assertGreater(axes.get_window_extent().width, figure.bbox.width / 4)
      self.assertLen(figure.legends, int(length > 50))

  @parameterized.parameters(
    ('bits=1-quantizer=uniform', 'bits=1-\nquantizer=uniform'),
    ('a - b', 'a - b'),
    ('not rotated, uniform', 'not rotated,\nuniform'),
    ('e' * 25, f'{"e" * 18}\n{"e" * 7}'),
  )
  def test_wrapped_names(self, name, expected):
    self.assertEqual(figure_style.wrap(name, 18), expected)

  @parameterized.parameters('png', 'svg')
  def test_same_figure_is_the_same_file(self, extension):
    directory = self.enter_context(tempfile.TemporaryDirectory())
    contents = []
    for name in ('a', 'b'):
      with figure_style.in_style():
        figure = figure_style.new_figure()
        axes = figure.subplots()
        axes.plot([1, 2], [3, 4])
        figure_style.label_curves(
          figure,
          axes,
          {'x': 4.0},
          {'x': 'a name'},
          figure_style.line_styles(['x']),
        )
      path = os.path.join(directory, f'{name}.{extension}')
      figure_style.save(figure, path)
      with open(path, 'rb') as f:
        contents.append(f.read())
    self.assertEqual(*contents)
    self.assertCountEqual(
      os.listdir(directory), [f'{name}.{extension}' for name in 'ab']
    )


if __name__ == '__main__':
  absltest.main()
