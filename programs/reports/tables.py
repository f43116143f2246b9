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
"""Tables of results, and the number formats they share."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich import console as rich_console
from rich import table as rich_table
from rich import text as rich_text

from programs.reports import privacy_results
from programs.runs import finished_run
from programs.training import metrics as metrics_lib

_BYTES_PER_MEGABYTE = 1e6
_SHOWN_PREFIXES = {
  'map_at_': 'MAP@',
  'ndcg_at_': 'NDCG@',
  'precision_at_': 'P@',
  'recall_at_': 'R@',
}
_COUNTS = ('num_examples', 'num_batches')
_MAX_WIDTH = 1000  # Characters per line in a file or a pipe.


def print_table(
  header: Sequence[str],
  rows: Sequence[Sequence[str]],
  optional: Collection[str] = (),
  console: rich_console.Console | None = None,
) -> None:
  """Prints a table; to a file or a pipe in Markdown, as wide as its contents.

  Args:
    header: Titles of the columns.
    rows: Cells of each row, as many as there are columns.
    optional: Titles of columns that are left out where the table would not fit
      a terminal.
    console: Output device; standard output by default.
  """
  console = console or rich_console.Console()
  if not console.is_terminal:
    print(markdown(header, rows, is_aligned=True), file=console.file)
    return
  table = _table(header, rows, range(len(header)))
  unlimited = console.options.update(width=_MAX_WIDTH)
  if console.measure(table, options=unlimited).maximum > console.width:
    kept = [i for i, title in enumerate(header) if title not in optional]
    table = _table(header, rows, kept)
  console.print(table)


def markdown(
  titles: Sequence[str],
  rows: Sequence[Sequence[str]],
  is_aligned: bool = False,
) -> str:
  """Formats a table in Markdown.

  Args:
    titles: Titles of the columns.
    rows: Cells of each row, as many as there are columns.
    is_aligned: If true, pads cells to the width of their column.
  """
  cells = [
    [cell.replace('|', '\\|') for cell in row] for row in [titles, *rows]
  ]
  widths = [
    max(len('---'), *map(len, column)) if is_aligned else 0
    for column in zip(*cells, strict=True)
  ]
  cells.insert(1, [max(len('---'), width) * '-' for width in widths])
  lines = [map(str.ljust, row, widths) for row in cells]
  return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def _table(
  header: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[int]
) -> rich_table.Table:
  """Returns a table of some columns, of which the first gives way."""
  table = rich_table.Table()
  for i in kept:
    table.add_column(
      rich_text.Text(header[i]), no_wrap=bool(i), overflow='fold'
    )
  for row in rows:
    # Not as a string, in which rich takes words in brackets for its markup.
    table.add_row(*(rich_text.Text(row[i]) for i in kept))
  return table


def print_summary(summary: Mapping[str, Any]) -> None:
  """Prints the last and the best results of one run.

  Args:
    summary: Contents of the run's `summary.json`.
  """
  rows = []
  for name, results, seconds in (
    ('last', summary, f'{summary["seconds"]:.1f}'),
    ('best', summary['best'], ''),
  ):
    rows.append(
      [
        summary['task'],
        summary['method'],
        name,
        str(results['rounds']),
        *metric_texts(results['metrics']).values(),
        megabytes(results['uplink_bytes']),
        megabytes(results['downlink_bytes']),
        seconds,
      ]
    )
  header = [
    'task',
    'method',
    'evaluation',
    'rounds',
    *metric_texts(summary['metrics']),
    'uplink MB',
    'downlink MB',
    'seconds',
  ]
  print_table(header, rows)
  if 'validation_fraction' in summary['configuration']:
    data = finished_run.evaluated_on(summary['configuration'])
    print(f'Evaluated on {data}, not on test data.')
  held_out = metrics_lib.on_held_out_clients(summary['metrics'])
  if held_out:
    texts = metric_texts(held_out).items()
    print(
      'Last evaluation on held-out clients: '
      f'{", ".join(f"{name} {text}" for name, text in texts)}.'
    )
  if 'privacy' in summary:
    print(*privacy_results.sentences(summary['privacy']), sep='\n')
  if summary['stopped_early']:
    print(
      f'Stopped early: no better {summary["best_metric"]} after round '
      f'{summary["best"]["rounds"]}.'
    )


def shown_metrics(metrics: Mapping[str, float]) -> dict[str, str]:
  """Returns the display names of the shown metrics.

  These are `accuracy`, `MAP@r` for `map_at_r`, and `R@k` and `NDCG@k` for
  `recall_at_k` and `ndcg_at_k`. For multi-label tasks they
  are `P@k` for `precision_at_k`, without `accuracy`, which would be the
  precision at 1. Where there are none of these, as with labels that are
  numbers, they are all metrics but counts, the loss last.

  Args:
    metrics: An evaluation, by the names of metrics.
  """
  names = {}
  for name in metrics:
    for prefix, shown in _SHOWN_PREFIXES.items():
      if name.startswith(prefix):
        names[name] = f'{shown}{name.removeprefix(prefix)}'
  if 'precision_at_1' in names:
    return names
  names = {n: n for n in ('accuracy',) if n in metrics} | names
  if names:
    return names
  return {
    n: n.replace('_', ' ')
    for n in sorted(metrics, key=lambda name: name == 'loss')
    if n not in _COUNTS and not n.startswith(metrics_lib.HELD_OUT_CLIENTS)
  }


def metric_texts(metrics: Mapping[str, float]) -> dict[str, str]:
  """Returns the formatted metrics of an evaluation, by their display names.

  Args:
    metrics: An evaluation with a `loss`, by the names of metrics; or nothing,
      where the model of a round is not evaluated.
  """
  if not metrics:
    return {}
  shown = shown_metrics(metrics) | {'loss': 'loss'}
  return {
    display_name: metric_text(name, metrics[name])
    for name, display_name in shown.items()
  }


def metric_text(name: str, value: float) -> str:
  """Formats a metric: a fraction as a percentage, others with four decimals."""
  return percent(value) if metrics_lib.is_fraction(name) else f'{value:.4f}'


def baseline_text(baselines: Mapping[str, float]) -> str:
  """Formats the metrics of predictions without training, in one line."""
  return ', '.join(
    f'{name.replace("_", " ")} {metric_text(name, value)}'
    for name, value in baselines.items()
  )


def megabytes(num_bytes: float, decimals: int = 3) -> str:
  """Formats a number of bytes in megabytes of 10^6 bytes, without the unit."""
  return f'{num_bytes / _BYTES_PER_MEGABYTE:,.{decimals}f}'


def percent(fraction: float) -> str:
  """Formats a fraction as a percentage with two decimals."""
  return f'{100 * fraction:.2f} %'
