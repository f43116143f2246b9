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
"""Style of the figures of a comparison: colors, lines, labels and files."""

from collections.abc import Iterable, Mapping, Sequence
import contextlib
import itertools
import math
import os
import textwrap
from typing import Any

import matplotlib
from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import ticker

from programs.runs import run_files

# Okabe and Ito (2008), "Color Universal Design", without yellow, which is too
# light for lines; black is the baseline.
_BASELINE_COLOR = '#000000'
_COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
_LINES = ('-', '-.', ':')
_INCHES = (5.8, 3.8)
_MAX_DIRECT_LABELS = 6
# Characters of a label beside curves, which leave room for the axes.
_MAX_DIRECT_CHARACTERS = 50
# Distance of direct labels, in heights of the axes.
_LABEL_DISTANCE = 0.07
_DOTS_PER_INCH = 150
# Characters of a legend that fit into half the width of a figure.
_MAX_HALF_LINE = 36
_MAX_LINE = 75
_LEGEND_LINE_INCHES = 0.17
# From this ratio on, a logarithmic axis has labels at powers of ten only.
_WIDE_RATIO = 1e3
# Any keys: the stubs of matplotlib have a literal for each.
_STYLE: dict[Any, Any] = {
  'font.size': 10,
  'axes.spines.top': False,
  'axes.spines.right': False,
  'axes.grid': True,
  'grid.alpha': 0.25,
  'axes.axisbelow': True,
  'axes.titlesize': 11,
  'axes.titlelocation': 'left',
  # The same figure is the same file.
  'svg.hashsalt': 'tff-methods',
}
# Keyword arguments of a line.
LineStyle = Mapping[str, Any]


def new_figure(height: float = _INCHES[1]) -> mpl_figure.Figure:
  """Returns an empty figure.

  Args:
    height: Height in inches.
  """
  return mpl_figure.Figure((_INCHES[0], height), layout='constrained')


def in_style() -> contextlib.AbstractContextManager[None]:
  """Returns a context in which figures are drawn in the style."""
  return matplotlib.rc_context(_STYLE)


def line_styles(names: Iterable[str]) -> dict[str, LineStyle]:
  """Returns color and line by name; the first one, the baseline, is dashed.

  Args:
    names: Names of configurations, at least one.
  """
  baseline, *others = names
  cycle = itertools.cycle(itertools.product(_LINES, _COLORS))
  styles: dict[str, LineStyle] = {
    baseline: {'color': _BASELINE_COLOR, 'linestyle': '--'}
  }
  for name, (line, color) in zip(others, cycle, strict=False):
    styles[name] = {'color': color, 'linestyle': line}
  return styles


def label_curves(
  figure: mpl_figure.Figure,
  axes: mpl_axes.Axes,
  ends: Mapping[str, float],
  names: Mapping[str, str],
  styles: Mapping[str, LineStyle],
) -> None:
  """Labels curves at the heights of their ends; many or long ones in a legend.

  Args:
    figure: The figure, of one pair of axes.
    axes: The axes, whose limits must not change any more.
    ends: Last ordinate of each curve, by name.
    names: Texts of the labels, by name.
    styles: Style of each curve, by name.
  """
  longest = max((len(names[name]) for name in ends), default=0)
  if len(ends) > _MAX_DIRECT_LABELS or longest > _MAX_DIRECT_CHARACTERS:
    for name in ends:
      axes.plot([], [], label=names[name], **styles[name])
    legend(figure, [names[name] for name in ends])
    return
  low, high = axes.get_ylim()
  heights = {name: (y - low) / (high - low) for name, y in ends.items()}
  heights = {n: h for n, h in heights.items() if math.isfinite(h)}
  for name, height in spread_apart(heights, _LABEL_DISTANCE).items():
    axes.annotate(
      names[name],
      xy=(1, heights[name]),
      xytext=(1.06, height),
      xycoords='axes fraction',
      textcoords='axes fraction',
      va='center',
      fontsize=9,
      arrowprops={
        'arrowstyle': '-',
        'linewidth': 1.6,
        'relpos': (0, 0.5),
        'shrinkA': 2,
        'shrinkB': 0,
        **styles[name],
      },
    )


def spread_apart(
  heights: Mapping[str, float], distance: float
) -> dict[str, float]:
  """Returns heights from 0 to 1 that keep their order and a distance.

  Args:
    heights: Wanted heights, by name.
    distance: Smallest distance of two.
  """
  placed: dict[str, float] = {}
  lowest = -math.inf
  for name in sorted(heights, key=lambda name: heights[name]):
    placed[name] = max(heights[name], lowest)
    lowest = placed[name] + distance
  highest = 1.0
  for name in reversed(placed):
    placed[name] = min(placed[name], highest)
    highest = placed[name] - distance
  return placed


def set_log_x(axes: mpl_axes.Axes, values: Sequence[float]) -> None:
  """Makes the x axis logarithmic, with plain numbers such as 0.5 and 200.

  Args:
    axes: The axes.
    values: All positive abscissas.
  """
  axes.set_xscale('log')
  is_wide = bool(values) and max(values) > _WIDE_RATIO * min(values)
  axes.xaxis.set_major_locator(
    ticker.LogLocator(subs=(1,) if is_wide else (1, 2, 5))
  )
  axes.xaxis.set_major_formatter(lambda x, _: f'{x:g}')
  axes.xaxis.set_minor_formatter(ticker.NullFormatter())


def legend(figure: mpl_figure.Figure, names: Sequence[str]) -> None:
  """Adds a legend below the axes, and its height to the figure.

  Args:
    figure: The figure, of one pair of axes.
    names: Texts of its entries.
  """
  fits_twice = max(map(len, names)) <= _MAX_HALF_LINE
  num_columns = min(len(names), 2) if fits_twice else 1
  wrapped = {name: wrap(name, _MAX_LINE) for name in names}
  num_entry_lines = sum(1 + text.count('\n') for text in wrapped.values())
  num_lines = math.ceil(num_entry_lines / num_columns)
  width, height = figure.get_size_inches()
  figure.set_size_inches(width, height + num_lines * _LEGEND_LINE_INCHES)
  handles, labels = figure.axes[0].get_legend_handles_labels()
  figure.legend(
    handles,
    [wrapped[label] for label in labels],
    loc='outside lower center',
    ncols=num_columns,
    fontsize=8,
    frameon=False,
  )


def wrap(name: str, width: int) -> str:
  """Returns a name in lines, which end at spaces and hyphens, if it is long.

  Args:
    name: Name of a configuration.
    width: Characters of a line.
  """
  if len(name) <= width:
    return name
  return textwrap.fill(name.replace('-', '- '), width).replace('- ', '-')


def save(figure: mpl_figure.Figure, path: str) -> None:
  """Writes a figure as a whole; the same figure gives the same bytes.

  Args:
    figure: The figure.
    path: Path that ends in `.png` or `.svg`. An existing file is replaced.
  """
  _, extension = os.path.splitext(path)
  kind = extension.removeprefix('.')
  with in_style(), run_files.replacing(path) as temporary_path:
    figure.draw_without_rendering()
    # The layout, which takes longest, is now fixed for the next format.
    figure.set_layout_engine('none')
    figure.savefig(
      temporary_path,
      format=kind,
      dpi=_DOTS_PER_INCH,
      metadata={'Date': None} if kind == 'svg' else {'Software': None},
    )
