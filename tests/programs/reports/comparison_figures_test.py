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
"""Tests for comparison_figures."""

import dataclasses
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from programs.reports import comparison
from programs.reports import comparison_figures
from programs.reports import learning_curves
from programs.runs import finished_run
from tests.programs.runs import example_runs


def _draw_curves(groups, metric, axis, target=None):
  curves = learning_curves.curves(groups, metric, axis)
  return comparison_figures.draw_curves(groups, curves, metric, axis, target)


class ComparisonFiguresTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _groups(self, names=('digits_plain', 'digits_small'), seeds=(0, 1)):
    runs = []
    for i, name in enumerate(names):
      for seed in seeds:
        path = example_runs.write(
          self._path / name / f'seed_{seed}',
          seed=seed,
          accuracies=(0.1, 0.8, 0.9 - 0.1 * seed),
          uplink_bytes=40_000_000 // 10**i,
        )
        runs.append(finished_run.read(str(path)))
    return comparison.group(runs)

  def test_every_metric_against_every_cost(self):
    groups = self._groups()
    pictures = comparison_figures.pictures(
      groups, comparison.compare(groups), clock=lambda run: range(5)
    )
    self.assertEqual(
      [picture.name for picture in pictures],
      [
        *(
          f'{metric}_by_{cost}'
          for metric in ('accuracy', 'loss')
          for cost in ('rounds', 'uplink_mb', 'total_mb', 'seconds')
        ),
        *('accuracy_by_total_factor', 'accuracy_by_uplink_factor', 'traffic'),
      ],
    )
    for picture in pictures:
      for axes in picture.draw().axes:
        self.assertNotEmpty(axes.get_xlabel())
        self.assertTrue(axes.get_ylabel() or picture.name == 'traffic')

  @parameterized.parameters(np.nan, np.inf, 1e308)
  def test_diverged_runs_are_drawn_until_they_diverge(self, value):
    path = example_runs.write(
      self._path / 'digits', accuracies=(0.1, value, value)
    )
    groups = comparison.group([finished_run.read(str(path))])
    rounds, *_ = learning_curves.axes(groups)
    (curve,) = learning_curves.curves(groups, 'accuracy', rounds)
    self.assertEqual((curve.x, curve.mean), ([0], [0.1]))
    # Nothing is left for the logarithmic axis.
    names = [
      picture.name
      for at in ('last', 'best')
      for picture in comparison_figures.pictures(
        groups, comparison.compare(groups, at)
      )
    ]
    self.assertNotIn('accuracy_by_uplink_mb', names)
    self.assertIn('accuracy_by_rounds', names)

  def test_best_model_before_the_first_round_has_no_factor(self):
    path = example_runs.write(self._path / 'digits', accuracies=(0.5, 0.4, 0.3))
    groups = comparison.group([finished_run.read(str(path))])
    *_, last = comparison_figures.pictures(
      groups, comparison.compare(groups, 'best')
    )
    self.assertEqual(last.name, 'traffic')
    self.assertNotIn(
      'accuracy_by_total_factor',
      [
        picture.name
        for picture in comparison_figures.pictures(
          groups, comparison.compare(groups, 'best')
        )
      ],
    )

  def test_curves_are_computed_once(self):
    groups = self._groups(seeds=[0])
    compute = learning_curves.curves
    with mock.patch.object(
      learning_curves, 'curves', side_effect=compute
    ) as calls:
      for picture in comparison_figures.pictures(
        groups, comparison.compare(groups)
      ):
        picture.draw()
    self.assertEqual(calls.call_count, 2 * 3)  # Metrics and costs.

  def test_curves_are_means_with_bands_in_units(self):
    groups = self._groups()
    rounds, *_ = learning_curves.axes(groups)
    figure = _draw_curves(
      groups, 'accuracy', rounds, comparison.Target('accuracy', 0.7)
    )
    (axes,) = figure.axes
    plain, small, target = axes.get_lines()
    self.assertEqual(
      (plain.get_linestyle(), small.get_linestyle()), ('--', '-')
    )
    np.testing.assert_allclose(small.get_xdata(), [0, 2, 4])
    np.testing.assert_allclose(small.get_ydata(), [10, 80, 85])
    np.testing.assert_allclose(target.get_ydata(), [70, 70])
    _, band = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    self.assertAlmostEqual(heights.max(), 85 + 10 * 0.5**0.5)
    self.assertEqual(axes.get_ylabel(), 'accuracy (%)')
    texts = [text.get_text() for text in axes.texts]
    self.assertEqual(texts, ['target accuracy 70.00 %', 'plain', 'small'])

  def test_logarithmic_axis_starts_after_the_first_round(self):
    groups = self._groups(seeds=[0])
    _, uplink, _ = learning_curves.axes(groups)
    (axes,) = _draw_curves(groups, 'accuracy', uplink).axes
    self.assertEqual(axes.get_xscale(), 'log')
    np.testing.assert_allclose(axes.get_lines()[1].get_xdata(), [2, 4])
    self.assertEmpty(axes.collections)  # No band of a single seed.

  def test_many_curves_have_a_legend(self):
    groups = self._groups([f'digits_{i}' for i in range(8)], [0])
    rounds, *_ = learning_curves.axes(groups)
    figure = _draw_curves(groups, 'loss', rounds)
    (legend,) = figure.legends
    self.assertEqual(
      [text.get_text() for text in legend.get_texts()], list('01234567')
    )

  def test_factors_and_traffic(self):
    groups = self._groups()
    rows = comparison.compare(groups)
    (axes,) = comparison_figures.draw_factors(groups, rows, 'uplink').axes
    self.assertEqual(axes.get_xscale(), 'log')
    xs = [c.get_children()[0].get_xdata()[0] for c in axes.containers]
    np.testing.assert_allclose(xs, [1, 10])
    uplink, downlink = comparison_figures.draw_traffic(groups, rows).axes
    self.assertEqual([bar.get_width() for bar in uplink.patches], [40, 4])
    self.assertEqual([bar.get_width() for bar in downlink.patches], [40, 40])

  def test_long_names_leave_room_for_bars_and_axes(self):
    name = '-'.join(f'flag_{i}=value' for i in range(9))
    groups = {name: next(iter(self._groups().values()))}
    rows = [
      dataclasses.replace(row, name=name) for row in comparison.compare(groups)
    ]
    for figure in (
      comparison_figures.draw_traffic(groups, rows),
      comparison_figures.draw_factors(groups, rows),
    ):
      figure.draw_without_rendering()
      for axes in figure.axes:
        width = axes.get_window_extent().width
        self.assertGreater(width, figure.bbox.width / 6)
    (legend,) = figure.legends
    texts = [text.get_text().replace('\n', '') for text in legend.texts]
    self.assertCountEqual(texts, [name, 'Pareto front'])

  @parameterized.parameters(
    (False, [(1, 9), (3, 8), (5, 2)]), (True, [(1, 0), (5, 2)])
  )
  def test_pareto_front(self, is_lower_better, expected):
    points = [(1, 9), (2, 7), (3, 8), (3, 8), (4, 1), (5, 2), (1, 0), (3, 3)]
    if is_lower_better:
      points.remove((4, 1))
    self.assertEqual(
      comparison_figures.pareto_front(points, is_lower_better), expected
    )


if __name__ == '__main__':
  absltest.main()
