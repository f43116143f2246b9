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
"""Figures of a comparison: learning curves, bytes, and accuracy by factor."""

from collections.abc import Callable, Sequence
import dataclasses
import functools
import itertools
import math

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure

from programs.reports import comparison
from programs.reports import figure_style
from programs.reports import learning_curves
from programs.training import metrics as metrics_lib

# Factors within this ratio are on a linear axis.
_MAX_LINEAR_RATIO = 5
# Curves of at most this many points show them.
_MAX_MARKED_POINTS = 12
# The start is left out if at least so many evaluations follow it.
_MIN_EVALUATIONS = 3
_MARKERS = 'osD^vP'
# Characters beside a bar.
_MAX_BAR_NAME = 36
_FRONT = 'Pareto front'


@dataclasses.dataclass(frozen=True)
class Picture:
  """A figure with its place in a report.

  Attributes:
    name: Name of the file, without its extension.
    title: The title.
    section: Title of the section.
    draw: Function that draws the figure.
  """

  name: str
  title: str
  section: str
  draw: Callable[[], mpl_figure.Figure]


def pictures(
  groups: comparison.Groups,
  rows: Sequence[comparison.Row],
  target: comparison.Target | None = None,
  clock: comparison.Clock | None = None,
) -> list[Picture]:
  """Returns the pictures of a comparison.

  Args:
    groups: The compared runs.
    rows: Results of `comparison.compare`.
    target: Value to reach, drawn as a line; `None` for none.
    clock: Simulated time of a run; `None` for none.
  """
  metrics = learning_curves.metrics(groups)
  found = []
  for metric, display_name in metrics.items():
    for axis in learning_curves.axes(groups, clock):
      curves = learning_curves.curves(groups, metric, axis)
      if not _has_points(curves, axis):
        continue  # Only summaries have the metric, or all runs diverged.
      found.append(
        Picture(
          f'{metric}_by_{axis.name}',
          f'{display_name} against {axis.title}',
          _section(metric),
          functools.partial(draw_curves, groups, curves, metric, axis, target),
        )
      )
  main = main_metric(groups)
  for direction in ('total', 'uplink'):
    if not _factors(rows, main, direction):
      continue
    found.append(
      Picture(
        f'{main}_by_{direction}_factor',
        f'{metrics.get(main, main)} against compression of the '
        f'{"total traffic" if direction == "total" else "uplink"}',
        'Compression',
        lambda d=direction: draw_factors(groups, rows, d),
      )
    )
  if any(row.num_found for row in rows):
    found.append(
      Picture(
        'traffic',
        'Traffic of all clients',
        'Compression',
        lambda: draw_traffic(groups, rows),
      )
    )
  return found


def _has_points(
  curves: Sequence[learning_curves.LearningCurve], axis: learning_curves.Axis
) -> bool:
  return any(x > 0 or not axis.is_log for curve in curves for x in curve.x)


def _factors(
  rows: Sequence[comparison.Row], metric: str, direction: str
) -> dict[str, tuple[float, float, float | None]]:
  """Returns factor, metric and its deviation by configuration, if finite."""
  points = {
    row.name: (
      getattr(row, direction).factor,
      learning_curves.in_unit(metric, row.metrics[metric].mean),
      row.metrics[metric].deviation,
    )
    for row in rows
    if metric in row.metrics
  }
  return {n: p for n, p in points.items() if all(map(math.isfinite, p[:2]))}


def main_metric(groups: comparison.Groups) -> str:
  """Returns the metric that selects the best evaluation of the baseline."""
  return next(iter(groups.values()))[0].summary['best_metric']


def draw_curves(
  groups: comparison.Groups,
  curves: Sequence[learning_curves.LearningCurve],
  metric: str,
  axis: learning_curves.Axis,
  target: comparison.Target | None = None,
) -> mpl_figure.Figure:
  """Draws a metric against a cost: means over seeds, ± 1 standard deviation.

  Args:
    groups: The compared runs; the first is the baseline, and dashed.
    curves: Their curves, as `learning_curves.curves` returns them.
    metric: Name of the metric.
    axis: The cost.
    target: Value to reach, drawn if it is of the metric; `None` for none.
  """
  with figure_style.in_style():
    figure = figure_style.new_figure()
    axes = figure.subplots()
    styles = figure_style.line_styles(groups)
    for curve in curves:
      _draw_curve(axes, curve, metric, axis, styles[curve.name])
    if axis.is_log:
      figure_style.set_log_x(axes, [x for c in curves for x in c.x if x > 0])
    if target is not None and target.metric == metric:
      _draw_target(axes, target)
    display_name = learning_curves.metrics(groups)[metric]
    axes.set_xlabel(axis.label)
    axes.set_ylabel(learning_curves.label(metric, display_name))
    axes.margins(x=0.01)
    _leave_out_the_start(axes, curves, metric, target)
    ends = {
      curve.name: learning_curves.in_unit(metric, curve.mean[-1])
      for curve in curves
    }
    figure_style.label_curves(
      figure, axes, ends, learning_curves.short_names(groups), styles
    )
  return figure


def draw_factors(
  groups: comparison.Groups,
  rows: Sequence[comparison.Row],
  direction: str = 'total',
) -> mpl_figure.Figure:
  """Draws the main metric against the compression factor, with its front.

  A configuration is on the Pareto front if no other one has both a better
  metric and a higher factor.

  Args:
    groups: The compared runs.
    rows: Results of `comparison.compare`.
    direction: `total`, `uplink` or `downlink`.
  """
  metric = main_metric(groups)
  points = _factors(rows, metric, direction)
  with figure_style.in_style():
    figure = figure_style.new_figure()
    axes = figure.subplots()
    styles = figure_style.line_styles(groups)
    names = learning_curves.short_names(groups)
    for marker, (name, (x, y, deviation)) in zip(
      itertools.cycle(_MARKERS), points.items(), strict=False
    ):
      axes.errorbar(
        *(x, y),
        None
        if deviation is None
        else learning_curves.in_unit(metric, deviation),
        color=styles[name]['color'],
        fmt=marker,
        markersize=7,
        capsize=3,
        zorder=3,
        label=names[name],
      )
    front = pareto_front(
      [p[:2] for p in points.values()], metrics_lib.is_cost(metric)
    )
    axes.step(
      *zip(*front, strict=True),
      # Lower factors than that of a point of the front are reached, too.
      where='pre',
      color='0.6',
      linewidth=1,
      label=_FRONT,
    )
    scale = _scale_factors(axes, [p[0] for p in points.values()])
    axes.set_xlabel(
      f'{direction} bytes of the baseline ÷ those of the run{scale}'
    )
    display_name = learning_curves.metrics(groups).get(metric, metric)
    axes.set_ylabel(learning_curves.label(metric, display_name))
    figure_style.legend(figure, [*(names[name] for name in points), _FRONT])
  return figure


def draw_traffic(
  groups: comparison.Groups, rows: Sequence[comparison.Row]
) -> mpl_figure.Figure:
  """Draws the bytes of each configuration, uplink and downlink apart.

  Args:
    groups: The compared runs.
    rows: Results of `comparison.compare`.
  """
  rows = [row for row in rows if row.num_found]
  names = {
    name: figure_style.wrap(short_name, _MAX_BAR_NAME)
    for name, short_name in learning_curves.short_names(groups).items()
  }
  styles = figure_style.line_styles(groups)
  num_lines = sum(1 + names[row.name].count('\n') for row in rows)
  with figure_style.in_style():
    figure = figure_style.new_figure(height=1.2 + 0.34 * num_lines)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, direction in zip(panels, ('uplink', 'downlink'), strict=True):
      sizes = [
        learning_curves.megabytes(getattr(row, direction).num_bytes.mean)
        for row in rows
      ]
      bars = axes.barh(
        [names[row.name] for row in rows],
        sizes,
        color=[styles[row.name]['color'] for row in rows],
      )
      axes.bar_label(bars, [f'{size:,.4g}' for size in sizes], padding=3)
      axes.margins(x=0.25)
      axes.set_xlabel(f'{direction} (MB)')
      axes.grid(visible=False, axis='y')
      axes.locator_params(axis='x', nbins=4)
    panels[0].invert_yaxis()
  return figure


def pareto_front(
  points: Sequence[tuple[float, float]], is_lower_better: bool = False
) -> list[tuple[float, float]]:
  """Returns the points that no other point dominates, by increasing x.

  Args:
    points: Pairs (x, y); a high x is good.
    is_lower_better: If true, a low y is good, otherwise a high one.
  """
  sign = -1 if is_lower_better else 1
  front = []
  for x, y in sorted(set(points), key=lambda p: (-p[0], -sign * p[1])):
    if not front or sign * y > sign * front[-1][1]:
      front.append((x, y))
  return front[::-1]


def _section(metric: str) -> str:
  if metric == 'loss':
    return 'Loss'
  for classes in ('infrequent', 'frequent'):
    if metric.startswith(f'{classes}_'):
      return f'{classes.capitalize()} classes'
  return 'Test metrics'


def _draw_curve(
  axes: mpl_axes.Axes,
  curve: learning_curves.LearningCurve,
  metric: str,
  axis: learning_curves.Axis,
  style: figure_style.LineStyle,
) -> None:
  # Nothing is sent before the first round: no point on a logarithmic axis.
  kept = [i for i, x in enumerate(curve.x) if x > 0 or not axis.is_log]
  x = [curve.x[i] for i in kept]
  mean = [learning_curves.in_unit(metric, curve.mean[i]) for i in kept]
  marker = '.' if len(x) <= _MAX_MARKED_POINTS else None
  axes.plot(x, mean, linewidth=1.6, marker=marker, **style)
  if curve.deviation is not None:
    half = [learning_curves.in_unit(metric, curve.deviation[i]) for i in kept]
    axes.fill_between(
      x,
      [m - h for m, h in zip(mean, half, strict=True)],
      [m + h for m, h in zip(mean, half, strict=True)],
      color=style['color'],
      alpha=0.18,
      linewidth=0,
    )


def _leave_out_the_start(
  axes: mpl_axes.Axes,
  curves: Sequence[learning_curves.LearningCurve],
  metric: str,
  target: comparison.Target | None,
) -> None:
  """Limits the y axis to what follows the start, which is far from the rest."""
  if any(len(curve.mean) <= _MIN_EVALUATIONS for curve in curves):
    return
  shown: list[float] = []
  for curve in curves:
    deviations = curve.deviation or [0.0] * len(curve.mean)
    for mean, deviation in list(zip(curve.mean, deviations, strict=True))[1:]:
      shown += [mean - deviation, mean + deviation]
  if target is not None and target.metric == metric:
    shown.append(target.value)
  low, high = (learning_curves.in_unit(metric, f(shown)) for f in (min, max))
  if high > low:
    margin = 0.05 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def _draw_target(axes: mpl_axes.Axes, target: comparison.Target) -> None:
  y = learning_curves.in_unit(target.metric, target.value)
  axes.axhline(y, color='0.45', linewidth=1, linestyle=(0, (1, 2)))
  axes.annotate(
    f'target {learning_curves.target_text(target)}',
    xy=(0.99, y),
    xycoords=('axes fraction', 'data'),
    # Below the line, where curves that have reached it are no more.
    xytext=(0, -3),
    textcoords='offset points',
    horizontalalignment='right',
    verticalalignment='top',
    bbox={'facecolor': 'white', 'edgecolor': 'none', 'alpha': 0.7, 'pad': 0.5},
    color='0.3',
    fontsize=8,
  )


def _scale_factors(axes: mpl_axes.Axes, factors: Sequence[float]) -> str:
  """Makes the x axis logarithmic for a wide range; returns what to add."""
  axes.margins(x=0.08, y=0.08)
  if max(factors) <= _MAX_LINEAR_RATIO * min(factors):
    return ''
  figure_style.set_log_x(axes, factors)
  return ' (log scale)'
