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
"""Figures of results, written atomically as PNG files."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib import figure as mpl_figure
from matplotlib.backends import backend_agg
import numpy as np

from programs.runs import run_files

_INCHES = 4.0
_DOTS_PER_INCH = 120


class Curve(NamedTuple):
  """A curve through points, with optional error bars.

  Attributes:
    x: Abscissas of the points.
    y: Ordinates of the points.
    spread: Half-widths of the error bars; `None` draws none.
  """

  x: Sequence[float]
  y: Sequence[float]
  spread: Sequence[float] | None = None


def save_curves(
  path: str,
  curves: Mapping[str, Curve],
  *,
  x_label: str,
  y_label: str,
  log_x: bool = False,
  log_y: bool = False,
) -> None:
  """Draws curves in one pair of axes.

  Args:
    path: Path of the PNG file. An existing file is replaced.
    curves: The curves, by their names in the legend.
    x_label: Label of the x axis.
    y_label: Label of the y axis, which starts at 0 unless it is logarithmic.
    log_x: If true, the x axis is logarithmic.
    log_y: If true, the y axis is logarithmic.
  """
  figure = _new_figure(1.5 * _INCHES, _INCHES)
  axes = figure.add_subplot()
  for name, curve in curves.items():
    axes.errorbar(
      curve.x, curve.y, curve.spread, label=name, marker='.', capsize=2
    )
  if log_x:
    axes.set_xscale('log')
  if log_y:
    axes.set_yscale('log')
  else:
    axes.set_ylim(bottom=0)
  axes.set_xlabel(x_label)
  axes.set_ylabel(y_label)
  axes.grid(alpha=0.3)
  axes.legend()
  _save(figure, path)


def save_matrices(
  path: str,
  matrices: Mapping[str, np.ndarray],
  *,
  x_label: str,
  y_label: str,
) -> None:
  """Draws matrices side by side as heat maps that share one color scale.

  Args:
    path: Path of the PNG file. An existing file is replaced.
    matrices: Matrices of values in [0, 1], by their titles. NaN elements are
      left empty.
    x_label: Label of the columns.
    y_label: Label of the rows of the first matrix.
  """
  figure = _new_figure(_INCHES * len(matrices), _INCHES)
  all_axes = figure.subplots(1, len(matrices), squeeze=False)[0]
  images = []
  for axes, (title, matrix) in zip(all_axes, matrices.items(), strict=True):
    images.append(axes.imshow(matrix, vmin=0, vmax=1))
    axes.set_title(title, parse_math=False)
    axes.set(xlabel=x_label, xticks=[], yticks=[])
  all_axes[0].set_ylabel(y_label)
  figure.colorbar(images[-1], ax=all_axes)
  _save(figure, path)


def _new_figure(width: float, height: float) -> mpl_figure.Figure:
  figure = mpl_figure.Figure(
    (width, height), dpi=_DOTS_PER_INCH, layout='constrained'
  )
  # Renders in memory, so that no display is needed.
  backend_agg.FigureCanvasAgg(figure)
  return figure


def _save(figure: mpl_figure.Figure, path: str) -> None:
  with run_files.replacing(path) as temporary_path:
    figure.savefig(temporary_path, format='png')
