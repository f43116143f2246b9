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
"""Descriptions of the tables of a page: `results/PAGE/tables.toml`.

  page = 'docs/methods/terngrad.md'

  [digits]
  columns = ['accuracy', 'uplink MB', 'uplink reduction']
  seeds = [0, 1, 2]
  [digits.rows]
  'sketched_updates/digits_fed_avg' = '`digits_fed_avg`'
  'digits_terngrad' = '`digits_terngrad`'

A column is that of a comparison, the name of a metric, or `excluded` or
`missing rows`, what clients lack rows for.
Each row names a run and its label; `heading = [...]` names several columns of
labels, which are then lists; `at = 'best'` shows the best evaluation instead of
the last one, `at = 'test'` the best one by validation data, evaluated on test
data at the end, and `at = 'train'` the last one with columns such as
`train_accuracy`, on the examples of training clients. `target = 'METRIC=VALUE'`
adds columns of the costs until it is reached; with `network = NAME` and
`client_seconds = SECONDS`, the simulated time is among them. `pictures = [NAME,
...]` adds pictures of `programs.compare`. A run NAME is
`programs/flagfiles/NAME.flags`, NAME-FLAG=VALUE is the same with a flag more,
and PAGE/NAME is a run of another page. Reduction factors are relative to the
first row.

A table that a program prints has its command alone, and the names of pictures
that the program draws into its --output_dir, which become
`docs/pictures/PAGE_NAME.png`. `DIRECTORY` stands for that of data files:

  [delicious_divergence]
  command = '''programs.label_report --task=delicious --data_dir=DIRECTORY
    --section=divergence --output_dir=output/delicious_report'''
  pictures = ['divergence']
"""

from collections.abc import Mapping, Sequence
import dataclasses
import os
import pathlib
import re
import reprlib
import shlex
import tomllib
from typing import Any

from programs.command_line import runner
from programs.runs import run_results

FILE = 'tables.toml'
PICTURES_DIR = 'docs/pictures'
OUTPUT_DIR = '--output_dir'
_MAX_NAME = 255  # Bytes of the name of a directory.
_FLAG = re.compile(r'-(?=\w+=)')
_OUTPUT_NAME = re.compile(r'\w+')
_LIST_TYPES = {'columns': str, 'seeds': int, 'heading': str, 'pictures': str}
_DEFAULT_LISTS = {'heading': ('run',), 'pictures': ()}
_OPTIONAL_TYPES = {
  'target': str,
  'network': str,
  'client_seconds': (int, float),
}


@dataclasses.dataclass(frozen=True)
class Run:
  """Configuration of the runs of a row, without the seed.

  Attributes:
    page: Directory in `results/` that holds the files of the runs.
    name: Name of the directory there.
  """

  page: str
  name: str

  @property
  def flagfile(self) -> str:
    """Path of the flag file, from the root of the repository."""
    return f'programs/flagfiles/{_FLAG.split(self.name)[0]}.flags'

  @property
  def flags(self) -> list[str]:
    """Additional flags, each FLAG=VALUE."""
    return _FLAG.split(self.name)[1:]


@dataclasses.dataclass(frozen=True)
class Row:
  """Row of a table.

  Attributes:
    run: The runs whose results the row shows.
    labels: Cells before the results.
  """

  run: Run
  labels: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
  """Table of a page.

  Attributes:
    name: Name in the page's comments.
    heading: Titles of the columns of labels.
    columns: Names of the columns of results.
    seeds: Seeds of each run.
    rows: The rows.
    at: Evaluation in the table, one of `run_results.PAGE_AT`.
    pictures: Names of pictures of `comparison_figures`.
    target: `METRIC=VALUE` to reach; `None` for none.
    network: Name of a network of `simulated_time`; `None` for none.
    client_seconds: Time that a client computes in a round, in seconds.
  """

  name: str
  heading: tuple[str, ...]
  columns: tuple[str, ...]
  seeds: tuple[int, ...]
  rows: tuple[Row, ...]
  at: str = 'last'
  pictures: tuple[str, ...] = ()
  target: str | None = None
  network: str | None = None
  client_seconds: float = 0


@dataclasses.dataclass(frozen=True)
class Output:
  """Output of a program on a page.

  Attributes:
    page: Directory in `results/` that holds the output.
    name: Name in the page's comments, and of the directory there.
    command: The module and its flags, as for `python -m`.
    pictures: Pictures that it draws, without ".png".
  """

  page: str
  name: str
  command: tuple[str, ...]
  pictures: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Page:
  """Page with tables of results.

  Attributes:
    name: Name of its directory in `results/`.
    path: Path of the Markdown file, from the root of the repository.
    tables: Its tables of runs.
    outputs: Its outputs of programs.
  """

  name: str
  path: str
  tables: tuple[Table, ...]
  outputs: tuple[Output, ...] = ()


def read_all(results_dir: pathlib.Path) -> list[Page]:
  """Reads the descriptions of all pages, in the order of their names.

  Args:
    results_dir: The directory `results`.

  Raises:
    UsageError: If a description is damaged.
  """
  return [_read(path) for path in sorted(results_dir.glob(f'*/{FILE}'))]


def _read(path: pathlib.Path) -> Page:
  try:
    contents = tomllib.loads(path.read_text(encoding='utf-8'))
  except (OSError, ValueError) as e:
    raise _damaged(path, f'{e}') from e
  page = contents.pop('page', None)
  if not isinstance(page, str):
    raise _damaged(path, f'{page!r} as page')
  tables, outputs = [], []
  for name, value in contents.items():
    if not isinstance(value, dict):
      raise _damaged(path, f'{value!r} as {name}')
    if 'command' in value:
      outputs.append(_output(path, name, value))
    else:
      tables.append(_table(path, name, value))
  pictures = [picture for output in outputs for picture in output.pictures]
  if len(set(pictures)) < len(pictures):
    raise _damaged(path, f'{sorted(pictures)} as pictures of outputs')
  return Page(path.parent.name, page, tuple(tables), tuple(outputs))


def _output(
  path: pathlib.Path, name: str, contents: Mapping[str, Any]
) -> Output:
  """Returns an output of the description at `path`."""
  if not _OUTPUT_NAME.fullmatch(name):
    raise _damaged(path, f'{name!r} as the name of an output')
  unknown = sorted(set(contents) - {'command', 'pictures'})
  if unknown:
    raise _damaged(path, f'{unknown[0]!r} beside the command of {name}')
  command = contents['command']
  try:
    parts = shlex.split(command) if isinstance(command, str) else []
  except ValueError:  # A quotation mark without its counterpart.
    parts = []
  if not parts or not parts[0].startswith('programs.'):
    raise _damaged(path, f'{command!r} as {name}.command')
  pictures = contents.get('pictures', [])
  if pictures != [] and not (
    _is_list_of(str, pictures)
    and all(map(_OUTPUT_NAME.fullmatch, pictures))
    and any(part.startswith(f'{OUTPUT_DIR}=') for part in parts)
  ):
    raise _damaged(path, f'{pictures!r} as {name}.pictures')
  return Output(path.parent.name, name, tuple(parts), tuple(pictures))


def _table(path: pathlib.Path, name: str, contents: Mapping[str, Any]) -> Table:
  """Returns a table of the description at `path`."""
  known = {*_LIST_TYPES, *_OPTIONAL_TYPES, 'rows', 'at'}
  unknown = set(contents) - known
  if unknown:
    raise _damaged(path, f'{sorted(unknown)[0]!r} in {name}')
  lists: dict[str, tuple] = dict(_DEFAULT_LISTS)
  for key, kind in _LIST_TYPES.items():
    if key in lists and key not in contents:
      continue
    values: Any = contents.get(key)
    if not _is_list_of(kind, values):
      raise _damaged(path, f'{values!r} as {name}.{key}')
    lists[key] = tuple(values)
  rows = contents.get('rows')
  if not isinstance(rows, dict) or not rows:
    raise _damaged(path, f'{rows!r} as {name}.rows')
  at = contents.get('at', 'last')
  if at not in run_results.PAGE_AT:
    raise _damaged(path, f'{at!r} as {name}.at')
  optional = {}
  for key, kind in _OPTIONAL_TYPES.items():
    value = contents.get(key)
    if value is not None:
      if not isinstance(value, kind) or isinstance(value, bool):
        raise _damaged(path, f'{value!r} as {name}.{key}')
      optional[key] = value
  return Table(
    name=name,
    at=at,
    rows=tuple(_rows(path, rows, len(lists['heading']))),
    **lists,
    **optional,
  )


def _rows(
  path: pathlib.Path, rows: Mapping[str, Any], num_labels: int
) -> Sequence[Row]:
  found: list[Row] = []
  for reference, labels in rows.items():
    labels = [labels] if isinstance(labels, str) else labels
    if not _is_list_of(str, labels) or len(labels) != num_labels:
      raise _damaged(path, f'{labels!r} as labels of {reference}')
    page, name = os.path.split(reference)
    if not 0 < len(os.fsencode(name)) <= _MAX_NAME:
      raise _damaged(path, f'{reprlib.repr(reference)} as a run')
    if name in {row.run.name for row in found}:
      raise _damaged(path, f'two runs {name!r} in a table')
    if tuple(labels) in {row.labels for row in found}:
      raise _damaged(path, f'two rows {labels!r} in a table')
    found.append(Row(Run(page or path.parent.name, name), tuple(labels)))
  return found


def _is_list_of(kind: type, values: Any) -> bool:
  return (
    isinstance(values, list)
    and bool(values)
    and all(type(value) is kind for value in values)
  )


def _damaged(path: pathlib.Path, found: str) -> runner.UsageError:
  return runner.UsageError(
    f'Expected {path} to describe the tables of a page, found {found}; see '
    'programs/pages/descriptions.py.'
  )
