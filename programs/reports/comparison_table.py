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
"""Tables of a comparison: for a terminal, a page, and a program to read."""

from collections.abc import Sequence
import csv
import io
import json
import math

from programs.reports import comparison
from programs.reports import privacy_results
from programs.reports import tables
from programs.runs import finished_run
from programs.runs import run_results
from programs.training import metrics as metrics_lib

_NEVER = 'never'
# Columns that a narrow terminal does without.
OPTIONAL = (
  'method',
  'uplink MB',
  'downlink MB',
  'less downlink',
  'model MB',
  'run seconds',
)


def header(
  groups: comparison.Groups, rows: Sequence[comparison.Row]
) -> list[str]:
  """Returns the titles of the columns.

  Args:
    groups: The compared runs.
    rows: Results of `comparison.compare`.
  """
  return [
    'run',
    'method',
    *comparison.shown_metrics(groups).values(),
    *([privacy_results.EPSILON] if privacy_results.has_privacy(groups) else []),
    'rounds',
    'total MB',
    'less total',
    'uplink MB',
    'less uplink',
    'downlink MB',
    'less downlink',
    'model MB',
    'run seconds',
    *target_cells(rows[0]),
  ]


def cells(
  groups: comparison.Groups, rows: Sequence[comparison.Row]
) -> list[list[str]]:
  """Returns the cells of each row.

  Metrics are means, with the standard deviation over the seeds; bytes, rounds
  and seconds are means.

  Args:
    groups: The compared runs.
    rows: Results of `comparison.compare`.
  """
  shown = list(comparison.shown_metrics(groups))
  has_privacy = privacy_results.has_privacy(groups)
  epsilons = [
    [privacy_results.epsilon_text(groups[row.name])] if has_privacy else []
    for row in rows
  ]
  return [
    _cells(row, shown, epsilon)
    for row, epsilon in zip(rows, epsilons, strict=True)
  ]


def csv_text(
  groups: comparison.Groups,
  at: str = 'last',
  target: comparison.Target | None = None,
  clock: comparison.Clock | None = None,
) -> str:
  """Formats a table in CSV: a row for each run and seed, with all numbers.

  Cells are empty where a run lacks the metric or the flag, never matches the
  baseline, or never reaches the target.

  Args:
    groups: The compared runs.
    at: One of `run_results.AT`: the evaluation that stands for a run.
    target: Value to reach; `None` for none.
    clock: Simulated time of a run; `None` for none.
  """
  rows = [
    _record(run, comparison.baseline_of(groups, run), at, target, clock)
    for runs in groups.values()
    for run in runs
  ]
  output = io.StringIO()
  names = dict.fromkeys(name for row in rows for name in row)
  writer = csv.DictWriter(output, names, restval='', lineterminator='\n')
  writer.writeheader()
  writer.writerows(rows)
  return output.getvalue()


def _cells(
  row: comparison.Row, shown: Sequence[str], epsilon: Sequence[str]
) -> list[str]:
  at_target = target_cells(row).values()
  if not row.num_found:
    no_results = [''] * 8
    metrics = ['' for _ in shown]
    rounds = rounds_text(row)
    return [row.name, '', *metrics, *epsilon, rounds, *no_results, *at_target]
  return [
    row.name,
    row.method,
    *(spread(metric, row.metrics.get(metric)) for metric in shown),
    *epsilon,
    rounds_text(row),
    tables.megabytes(row.total.num_bytes.mean),
    f'{row.total.factor:.2f} x',
    tables.megabytes(row.uplink.num_bytes.mean),
    f'{row.uplink.factor:.2f} x',
    tables.megabytes(row.downlink.num_bytes.mean),
    f'{row.downlink.factor:.2f} x',
    tables.megabytes(row.model_bytes.mean),
    f'{row.seconds.mean:.1f}',
    *at_target,
  ]


def rounds_text(row: comparison.Row) -> str:
  """Formats the mean rounds until the evaluation, and of how many runs it is.

  Args:
    row: Results of one configuration.

  Returns:
    The rounds, and the number of runs where some never match the baseline;
    "never" if none does.
  """
  if not row.num_found:
    return _NEVER
  return _of_runs(f'{row.rounds.mean:.0f}', row.num_found, row.num_runs)


def target_cells(row: comparison.Row) -> dict[str, str]:
  """Returns the costs until the target is reached, by the title of the column.

  Args:
    row: Results of one configuration, without or with a target.
  """
  target = row.target
  if target is None:
    return {}
  rounds = megabytes = seconds = _NEVER
  if target.num_runs:
    rounds = _of_runs(
      f'{target.rounds.mean:.0f}', target.num_runs, row.num_runs
    )
    megabytes = tables.megabytes(target.total_bytes.mean)
    seconds = f'{target.seconds.mean:,.1f}' if target.seconds else ''
  cells = {'rounds to target': rounds, 'total MB to target': megabytes}
  return cells | ({'seconds to target': seconds} if target.seconds else {})


def spread(metric: str, value: comparison.Statistic | None) -> str:
  """Formats a metric, with its standard deviation if known.

  Args:
    metric: Name of the metric.
    value: The metric over seeds; `None` if no run has it.
  """
  if value is None or math.isnan(value.mean):
    return ''
  mean = tables.metric_text(metric, value.mean)
  if value.deviation is None:
    return mean
  deviation = tables.metric_text(metric, value.deviation).removesuffix(' %')
  return f'{mean} (± {deviation})'


def signed_spread(metric: str, value: comparison.Statistic | None) -> str:
  """Formats the difference of a metric to the baseline, with its deviation.

  Args:
    metric: Name of the metric.
    value: The difference over seeds; `None` if no run has the metric.

  Returns:
    The mean with its sign, in percentage points for fractions; empty if it is
    unknown.
  """
  if value is None or math.isnan(value.mean):
    return ''
  unit, decimals = (100, 2) if metrics_lib.is_fraction(metric) else (1, 4)
  # Adding 0.0 makes a negative zero positive.
  mean = f'{round(unit * value.mean, decimals) + 0.0:+.{decimals}f}'
  if value.deviation is None:
    return mean
  return f'{mean} (± {unit * value.deviation:.{decimals}f})'


def _of_runs(text: str, count: int, num_runs: int) -> str:
  return text if count == num_runs else f'{text} ({count} of {num_runs} runs)'


def _record(
  run: finished_run.FinishedRun,
  baseline: finished_run.FinishedRun,
  at: str,
  target: comparison.Target | None,
  clock: comparison.Clock | None,
) -> dict[str, object]:
  """Returns one row of the CSV, by column."""
  record: dict[str, object] = {
    'run': run.name,
    'seed': run.seed,
    'task': run.task,
    'method': run.method,
  }
  evaluation = run_results.evaluation_at(at, run, baseline)
  if evaluation is not None:
    record |= {
      'rounds': evaluation.rounds,
      'total_bytes': evaluation.total_bytes,
      'uplink_bytes': evaluation.uplink_bytes,
      'downlink_bytes': evaluation.downlink_bytes,
    }
    if clock is not None:
      record['simulated_seconds'] = clock(run)[evaluation.rounds]
    for name, value in evaluation.metrics.items():
      record[f'evaluation/{name}'] = value
  record['model_bytes'] = run.summary['model_bytes']
  record['run_seconds'] = run.summary['seconds']
  record['rounds_without_update'] = run.summary['rounds_without_update']
  record['stopped_early'] = run.summary['stopped_early']
  for name, value in run.summary.get('privacy', {}).items():
    record[f'privacy/{name}'] = _csv_value(value)
  if target is not None:
    record |= _target_record(run, target, clock)
  for prefix, entries in (
    ('configuration', run.configuration),
    ('environment', run.environment),
  ):
    for name, value in entries.items():
      record[f'{prefix}/{name}'] = _csv_value(value)
  return record


def _target_record(
  run: finished_run.FinishedRun,
  target: comparison.Target,
  clock: comparison.Clock | None,
) -> dict[str, object]:
  result = comparison.target_result([run], target, clock)
  if not result.num_runs:
    return {}
  record: dict[str, object] = {
    'rounds_to_target': int(result.rounds.mean),
    'total_bytes_to_target': int(result.total_bytes.mean),
  }
  if result.seconds is not None:
    record['seconds_to_target'] = result.seconds.mean
  return record


def _csv_value(value: object) -> object:
  """Returns a flag's value as a cell: lists as JSON, `None` as nothing."""
  if value is None:
    return ''
  return json.dumps(value) if isinstance(value, (list, dict)) else value
