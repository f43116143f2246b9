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
"""Pictures of the runs of a table."""

import dataclasses
import os
import pathlib

from matplotlib import image as mpl_image
import numpy as np

from programs.command_line import runner
from programs.pages import descriptions
from programs.pages import result_tables
from programs.reports import comparison
from programs.reports import comparison_figures
from programs.reports import figure_style

# Of values from 0 to 1: edges are drawn with the machine's arithmetic.
_TOLERANCE = 0.05


def path(
  page: descriptions.Page,
  table: descriptions.Table,
  picture: comparison_figures.Picture,
) -> str:
  """Returns the path of a picture of a table.

  Args:
    page: The page that has the table.
    table: The table.
    picture: One of its pictures.

  Returns:
    The path from the root of the repository.
  """
  name = f'{page.name}_{table.name}_{picture.name}.png'
  return f'{descriptions.PICTURES_DIR}/{name}'


def find(results: result_tables.Results) -> list[comparison_figures.Picture]:
  """Returns the pictures of a table, in the order of its description.

  Runs are named by their labels in the table.

  Args:
    results: Results of the table.

  Raises:
    UsageError: If there is no picture of the name in the description.
  """
  names = results.table.pictures
  if not names:
    return []
  pictures = comparison_figures.pictures(*_labelled(results))
  by_name = {picture.name: picture for picture in pictures}
  for name in names:
    if name not in by_name:
      raise runner.UsageError(
        f'Expected pictures of {list(by_name)} in results/*/'
        f'{descriptions.FILE}, found {name!r}; correct it.'
      )
  return [by_name[name] for name in names]


def _labelled(
  results: result_tables.Results,
) -> tuple[comparison.Groups, list[comparison.Row]]:
  """Returns the runs of a table and their results under its labels."""
  labels = [
    ', '.join(row.labels).replace('`', '') for row in results.table.rows
  ]
  groups = dict(zip(labels, results.groups.values(), strict=True))
  rows = [
    dataclasses.replace(row, name=label)
    for label, row in zip(labels, results.rows, strict=True)
  ]
  return groups, rows


def link(
  page: descriptions.Page,
  table: descriptions.Table,
  picture: comparison_figures.Picture,
) -> str:
  """Returns a line of Markdown with the picture of a table.

  Args:
    page: The page that has the table.
    table: The table.
    picture: One of its pictures.
  """
  title = picture.title
  target = os.path.relpath(
    path(page, table, picture), os.path.dirname(page.path)
  )
  return f'![{title[0].upper()}{title[1:]}]({target})\n'


def save(picture: comparison_figures.Picture, target: pathlib.Path) -> None:
  """Draws a picture.

  Args:
    picture: The picture.
    target: Path of the PNG file.
  """
  target.parent.mkdir(parents=True, exist_ok=True)
  figure_style.save(picture.draw(), str(target))


def look_alike(first: pathlib.Path, second: pathlib.Path) -> bool:
  """Returns whether two PNG files exist and show the same.

  Args:
    first: Path of a file.
    second: Path of the other one.
  """
  if not (first.exists() and second.exists()):
    return False
  a, b = mpl_image.imread(first), mpl_image.imread(second)
  return a.shape == b.shape and bool(np.abs(a - b).max() <= _TOLERANCE)
