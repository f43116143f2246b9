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
"""Pictures of results, as PNG files that are there as a whole or not at all."""

from collections.abc import Mapping, Sequence
import os
from typing import NamedTuple

from matplotlib import figure as mpl_figure
from matplotlib.backends import backend_agg
import numpy as np

_INCHES = 4.0
_DOTS_PER_INCH = 120


class Curve(NamedTuple):
  """Points to be joined by lines.

  Attributes:
    x: Where they are.
    y: Their values.
    spread: Of the values, to either side; `None` to show none.
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
) -> None:
  """Draws curves over one another.

  Args:
    path: Of the file.
    curves: By their names in the legend.
    x_label: Of the axis.
    y_label: Of the axis, which begins at 0.
    log_x: Whether the scale is logarithmic.
  """
  figure = _new_figure(1.5 * _INCHES, _INCHES)
  axes = figure.add_subplot()
  for name, curve in curves.items():
    axes.errorbar(
      curve.x, curve.y, curve.spread, label=name, marker='.', capsize=2
    )
  if log_x:
    axes.set_xscale('log')
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
  """Draws matrices of numbers from 0 to 1 side by side, in the same colours.

  Args:
    path: Of the file.
    matrices: By their titles. NaN stays empty.
    x_label: Of the columns.
    y_label: Of the rows.
  """
  figure = _new_figure(_INCHES * len(matrices), _INCHES)
  all_axes = figure.subplots(1, len(matrices), squeeze=False)[0]
  for axes, (title, matrix) in zip(all_axes, matrices.items(), strict=True):
    image = axes.imshow(matrix, vmin=0, vmax=1)
    axes.set_title(title, parse_math=False)
    axes.set(xlabel=x_label, xticks=[], yticks=[])
  all_axes[0].set_ylabel(y_label)
  figure.colorbar(image, ax=all_axes)
  _save(figure, path)


def _new_figure(width: float, height: float) -> mpl_figure.Figure:
  figure = mpl_figure.Figure(
    (width, height), dpi=_DOTS_PER_INCH, layout='constrained'
  )
  # Draws in memory, on machines without a screen too.
  backend_agg.FigureCanvasAgg(figure)
  return figure


def _save(figure: mpl_figure.Figure, path: str) -> None:
  temporary_path = f'{path}.temporary'
  figure.savefig(temporary_path, format='png')
  os.replace(temporary_path, path)
