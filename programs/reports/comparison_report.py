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
"""Report of a comparison: tables, pictures and one HTML page of them all."""

import base64
from collections.abc import Mapping, Sequence
import dataclasses
import json
import os
import pathlib

import jinja2

from programs.reports import comparison
from programs.reports import comparison_figures
from programs.reports import comparison_table
from programs.reports import figure_style
from programs.reports import learning_curves
from programs.reports import privacy_results
from programs.reports import tables
from programs.runs import run_files

REPORT = 'report.html'
_TEMPLATE = pathlib.Path(__file__).with_name('report.html.jinja')
_AT = {
  'last': 'the last evaluation of each run',
  'best': 'the best evaluation of each run',
  'matching': 'the first evaluation as good as the best of the baseline',
}


@dataclasses.dataclass(frozen=True)
class Request:
  """Contents of a report.

  Attributes:
    groups: The compared runs, at least one; the first configuration is the
      baseline.
    at: One of `run_results.AT`: the evaluation that stands for a run.
    target: Value to reach; `None` for none.
    clock: Simulated time of a run; `None` for none.
    network: Description of the network; `None` for none.
    notes: Remarks, such as which runs are left out.
  """

  groups: comparison.Groups
  at: str = 'last'
  target: comparison.Target | None = None
  clock: comparison.Clock | None = None
  network: str | None = None
  notes: Sequence[str] = ()


def write(request: Request, directory: str) -> str:
  """Writes `comparison.csv`, `comparison.md`, `pictures/` and `report.html`.

  Args:
    request: The runs, and what to show.
    directory: Directory of the files, which exists. Existing files are
      replaced.

  Returns:
    Path of the page.

  Raises:
    StorageError: If a file cannot be written.
  """
  groups = request.groups
  rows = comparison.compare(groups, request.at, request.target, request.clock)
  header = comparison_table.header(groups, rows)
  cells = comparison_table.cells(groups, rows)
  texts = {
    'comparison.csv': comparison_table.csv_text(
      groups, request.at, request.target, request.clock
    ),
    'comparison.md': tables.markdown(header, cells),
  }
  for name, text in texts.items():
    _write_text(os.path.join(directory, name), text)
  pictures = os.path.join(directory, 'pictures')
  sections = _write_pictures(request, rows, pictures)
  path = os.path.join(directory, REPORT)
  _write_text(
    path,
    _template().render(
      title=_title(groups),
      description=_description(request),
      notes=[*request.notes, *privacy_results.notes(groups)],
      header=header,
      rows=cells,
      sections=sections,
      tables=_tables(groups),
    ),
  )
  return path


def _write_pictures(
  request: Request, rows: Sequence[comparison.Row], directory: str
) -> dict[str, list[dict[str, str]]]:
  """Writes each picture as PNG and SVG; returns them by section."""
  sections: dict[str, list[dict[str, str]]] = {}
  for picture in comparison_figures.pictures(
    request.groups, rows, request.target, request.clock
  ):
    figure = picture.draw()
    path = os.path.join(directory, picture.name)
    try:
      os.makedirs(directory, exist_ok=True)
      figure_style.save(figure, f'{path}.png')
      figure_style.save(figure, f'{path}.svg')
      data = pathlib.Path(f'{path}.svg').read_bytes()
    except OSError as e:
      raise run_files.storage_error(path, e) from e
    sections.setdefault(picture.section, []).append(
      {'title': picture.title, 'data': base64.b64encode(data).decode()}
    )
  return sections


def _write_text(path: str, text: str) -> None:
  """Writes a text file as a whole."""
  try:
    with (
      run_files.replacing(path) as temporary_path,
      open(temporary_path, 'w', encoding='utf-8') as f,
    ):
      f.write(text)
  except OSError as e:
    raise run_files.storage_error(path, e) from e


def _template() -> jinja2.Template:
  environment = jinja2.Environment(
    autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
  )
  environment.filters['unbroken'] = _unbroken
  return environment.from_string(_TEMPLATE.read_text(encoding='utf-8'))


def _unbroken(cell: str) -> str:
  """Lets a cell break before its spread in brackets, and nowhere else."""
  space = '\N{NO-BREAK SPACE}'
  return cell.replace(' ', space).replace(f'{space}(', ' (')


def _title(groups: comparison.Groups) -> str:
  task = next(iter(groups.values()))[0].task
  return f'{len(groups)} configurations on {task}'


def _description(request: Request) -> str:
  """Describes the table and the curves in sentences."""
  baseline, *_ = request.groups
  seeds = {len(runs) for runs in request.groups.values()}
  spread = (
    'one seed, so no spread'
    if seeds == {1}
    else 'means over seeds, with the standard deviation in brackets and as band'
  )
  data = next(iter(request.groups.values()))[0].evaluated_on
  parts = [
    f'The table has {_AT[request.at]} on {data}: {spread}. Factors compare '
    f'with {baseline}, which is dashed. Bytes are those of all clients '
    'together; 1 MB is 10^6 bytes.'
  ]
  if request.target is not None:
    parts.append(
      f'Target: {learning_curves.target_text(request.target)}, of means over '
      'the seeds that reach it.'
    )
  if request.network is not None:
    parts.append(f'Simulated time, not measured: {request.network}.')
  return ' '.join(parts)


def _tables(
  groups: comparison.Groups,
) -> list[tuple[str, list[str], list[list[str]]]]:
  """Returns guarantees, flags that differ, and seeds and machines of runs."""
  configurations = {
    name: runs[0].configuration for name, runs in groups.items()
  }
  names = dict.fromkeys(n for c in configurations.values() for n in c)
  differing = [
    name
    for name in names
    if name != 'seed'
    and len({json.dumps(c.get(name)) for c in configurations.values()}) > 1
  ]
  flags = [
    [name, *(_flag_text(c.get(flag)) for flag in differing)]
    for name, c in configurations.items()
  ]
  runs = [
    [
      name,
      ', '.join(str(run.seed) for run in of_name),
      '; '.join(dict.fromkeys(_machine(run.environment) for run in of_name)),
    ]
    for name, of_name in groups.items()
  ]
  privacy = privacy_results.rows(groups)
  return [
    *([('Privacy', list(privacy_results.TITLES), privacy)] if privacy else []),
    ('Flags that differ', ['run', *differing], flags),
    ('Seeds and machines', ['run', 'seeds', 'versions and processor'], runs),
  ]


def _flag_text(value: object) -> str:
  return '' if value is None else str(value)


def _machine(environment: Mapping[str, str]) -> str:
  return ', '.join(f'{name} {value}' for name, value in environment.items())
