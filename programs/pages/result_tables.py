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
"""Tables of results in Markdown, with their origin."""

from collections.abc import Mapping, Sequence
import dataclasses
import pathlib
import textwrap

from programs.command_line import runner
from programs.pages import descriptions
from programs.pages import stored_runs
from programs.reports import comparison
from programs.reports import comparison_table
from programs.reports import privacy_results
from programs.reports import row_results
from programs.reports import simulated_time
from programs.reports import tables
from programs.runs import finished_run

# Columns other than the metrics of an evaluation.
_COLUMNS = {
  'rounds': comparison_table.rounds_text,
  'uplink MB': lambda row: tables.megabytes(row.uplink.num_bytes.mean),
  'uplink reduction': lambda row: f'{row.uplink.factor:,.2f} x',
  'downlink MB': lambda row: tables.megabytes(row.downlink.num_bytes.mean),
  'downlink reduction': lambda row: f'{row.downlink.factor:,.2f} x',
  'total MB': lambda row: tables.megabytes(row.total.num_bytes.mean),
  'total reduction': lambda row: f'{row.total.factor:,.2f} x',
  'model MB': lambda row: tables.megabytes(row.model_bytes.mean),
}
# Columns that need no evaluation, where no run matches the baseline.
_OF_ALL_RUNS = ('rounds', 'model MB')
# Columns that are computed from the runs of a row.
_RUN_COLUMNS = {
  privacy_results.EPSILON: privacy_results.epsilon_text,
  **row_results.COLUMNS,
}
# Column of a metric's difference to the first row, of runs of the same seed.
_DIFFERENCE = ' difference'
_WIDTH = 80


@dataclasses.dataclass(frozen=True)
class Results:
  """Runs of a table, and their comparison.

  Attributes:
    table: The table.
    groups: The runs of each row.
    rows: Results of each row.
  """

  table: descriptions.Table
  groups: comparison.Groups
  rows: Sequence[comparison.Row]


def read(results_dir: pathlib.Path, table: descriptions.Table) -> Results:
  """Reads the runs of a table.

  Args:
    results_dir: The directory `results`.
    table: The table.

  Raises:
    UsageError: If files are missing, damaged or of other flags, or the target
      or the network is unknown.
  """
  groups = stored_runs.read_table(results_dir, table)
  rows = comparison.compare(groups, table.at, _target(table), _clock(table))
  return Results(table, groups, rows)


def text(page: descriptions.Page, results: Results) -> str:
  """Returns a table and its origin: command, seeds and machine.

  Args:
    page: The page that has the table.
    results: Results of the table.

  Raises:
    UsageError: If a column is unknown.
  """
  table = results.table
  shown = comparison.shown_metrics(results.groups)
  metrics = {title: name for name, title in shown.items()}
  cells = [
    [
      *row.labels,
      *(_cell(results, result, column, metrics) for column in table.columns),
    ]
    for row, result in zip(table.rows, results.rows, strict=True)
  ]
  header = [*table.heading, *table.columns]
  runs = [run for group in results.groups.values() for run in group]
  return f'{tables.markdown(header, cells)}\n{_origin(page, runs)}'


def _target(table: descriptions.Table) -> comparison.Target | None:
  """Returns the target of a table, `None` if it has none."""
  if table.target is None:
    return None
  metric, _, value = table.target.partition('=')
  try:
    return comparison.Target(metric, float(value))
  except ValueError as e:
    raise runner.UsageError(
      f'Expected METRIC=VALUE as target in results/*/{descriptions.FILE}, '
      f'found {table.target!r}; correct it.'
    ) from e


def _clock(table: descriptions.Table) -> comparison.Clock | None:
  """Returns the simulated clock of a table, `None` if it has no network."""
  if table.network is None:
    return None
  if table.network not in simulated_time.PRESETS:
    raise runner.UsageError(
      f'Expected a network of {list(simulated_time.PRESETS)} in results/*/'
      f'{descriptions.FILE}, found {table.network!r}; correct it.'
    )
  network = simulated_time.PRESETS[table.network]
  return simulated_time.build_clock(network, lambda _: table.client_seconds)


def _cell(
  results: Results,
  row: comparison.Row,
  column: str,
  metrics: Mapping[str, str],
) -> str:
  """Returns the cell of a row in a column.

  Args:
    results: Results of the table.
    row: Results of the row.
    column: Name of the column.
    metrics: Names of the metrics, by their titles.
  """
  at_target = comparison_table.target_cells(row)
  if column in _COLUMNS:
    is_known = row.num_found or column in _OF_ALL_RUNS
    return _COLUMNS[column](row) if is_known else ''
  if column in _RUN_COLUMNS:
    return _RUN_COLUMNS[column](results.groups[row.name])
  if column in at_target:
    return at_target[column]
  first = results.rows[0]
  title = column.removesuffix(_DIFFERENCE)
  name = metrics.get(title, title)
  # A row without evaluations has no metrics.
  if title in metrics or name in first.metrics or name in row.metrics:
    if title == column:
      return comparison_table.spread(name, row.metrics.get(name))
    if row.name == first.name:
      return ''
    return comparison_table.signed_spread(name, row.differences.get(name))
  known = [
    *(
      f'{metric}{suffix}' for metric in metrics for suffix in ('', _DIFFERENCE)
    ),
    *(*_COLUMNS, *_RUN_COLUMNS, *at_target),
  ]
  raise runner.UsageError(
    f'Expected columns of {known} in {descriptions.FILE}, found {column!r}; '
    'correct it.'
  )


def _origin(
  page: descriptions.Page, runs: Sequence[finished_run.FinishedRun]
) -> str:
  """Returns the paragraph below a table."""
  seeds = list(dict.fromkeys(run.seed for run in runs))
  if len(seeds) == 1:
    of_seeds = f'seed {seeds[0]}'
  else:
    of_seeds = (
      f'seeds {", ".join(map(str, seeds))}; mean (± sample standard deviation)'
    )
  machines = dict.fromkeys(
    '{processor}, TensorFlow {tensorflow}'.format(**run.environment)
    for run in runs
  )
  seconds = [run.summary['seconds'] for run in runs]
  origin = (
    f'`make results PAGE={page.name}`: {of_seeds}; {"; ".join(machines)}; '
    f'{min(seconds):.0f} to {max(seconds):.0f} s a run.'
  )
  baselines = runs[0].summary.get('baselines', {})
  if baselines:
    origin += f' Without training: {tables.baseline_text(baselines)}.'
  return textwrap.fill(origin, _WIDTH, break_on_hyphens=False) + '\n'
