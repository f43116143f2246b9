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
"""What programs show: progress while they train, and tables of results."""

from collections.abc import Mapping, Sequence

from rich import console as rich_console
from rich import progress as rich_progress
from rich import table as rich_table

_BYTES_IN_MEGABYTE = 1e6
_SHOWN_PREFIXES = {'map_at_': 'MAP@', 'precision_at_': 'P@'}
_WIDEST = 1000  # Characters in a line where no screen limits it.


class Progress:
  """Progress of a training: a bar in a terminal, elsewhere lines.

  Use it as a context.
  """

  def __init__(self, rounds: int, console: rich_console.Console | None = None):
    """Prepares to show the progress.

    Args:
      rounds: How many there will be.
      console: Where to show it; by default standard output.
    """
    self._rounds = rounds
    self._console = console or rich_console.Console()
    self._bar = rich_progress.Progress(
      rich_progress.TextColumn('round'),
      rich_progress.MofNCompleteColumn(),
      rich_progress.BarColumn(),
      rich_progress.TextColumn('{task.description}'),
      rich_progress.TimeRemainingColumn(),
      console=self._console,
      disable=not self._console.is_terminal,
    )
    self._bar_task = None

  def __enter__(self) -> 'Progress':
    self._bar.start()
    return self

  def __exit__(self, *exc_info) -> None:
    self._bar.stop()

  def update(
    self,
    round_num: int,
    metrics: Mapping[str, float],
    uplink_bytes: int,
    is_evaluated: bool,
  ) -> None:
    """Shows where the training is.

    Args:
      round_num: The number of completed rounds.
      metrics: The last evaluation.
      uplink_bytes: What clients have sent so far.
      is_evaluated: Whether the evaluation is of this round. Without a terminal
        other rounds are not shown.
    """
    parts = [f'{name} {text}' for name, text in metric_texts(metrics).items()]
    parts.append(f'uplink {uplink_bytes / _BYTES_IN_MEGABYTE:,.2f} MB')
    description = ', '.join(parts)
    if self._bar_task is None:
      # Begun where the training begins, or the estimate of the time left would
      # count the rounds before a resumption as done in no time.
      self._bar_task = self._bar.add_task(
        description, total=self._rounds, completed=round_num
      )
    self._bar.update(
      self._bar_task, completed=round_num, description=description
    )
    if is_evaluated and not self._console.is_terminal:
      # Flushed, since it is often a file or a pipe that someone watches.
      print(f'round {round_num}/{self._rounds}: {description}', flush=True)


def print_summary(summary: Mapping[str, object]) -> None:
  """Prints the results of one run, the last and the best ones."""
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
  if summary['stopped_early']:
    print(
      f'Stopped early: no better {summary["best_metric"]} after round '
      f'{summary["best"]["rounds"]}.'
    )


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
  """Prints a table, in a file or a pipe as wide as what is in it."""
  table = rich_table.Table(*header)
  for row in rows:
    table.add_row(*row)
  console = rich_console.Console()
  if not console.is_terminal:
    console.width = _WIDEST
  console.print(table)


def shown_fractions(metrics: Mapping[str, float]) -> dict[str, str]:
  """Returns the names of metrics from 0 to 1, with those they are shown under.

  These are `accuracy`, and `MAP@r` for `map_at_r`; or, of many labels, `P@k`
  for `precision_at_k`.
  """
  names = {}
  for name in metrics:
    for prefix, shown in _SHOWN_PREFIXES.items():
      if name.startswith(prefix):
        names[name] = f'{shown}{name.removeprefix(prefix)}'
  # That of the first of many labels is their precision at 1.
  return (
    names if 'precision_at_1' in names else {'accuracy': 'accuracy'} | names
  )


def metric_texts(metrics: Mapping[str, float]) -> dict[str, str]:
  """Returns what is shown of an evaluation, by the names it is shown under."""
  texts = {
    shown: percent(metrics[name])
    for name, shown in shown_fractions(metrics).items()
  }
  return texts | {'loss': f'{metrics["loss"]:.4f}'}


def megabytes(num_bytes: float) -> str:
  """Bytes as megabytes, of 10^6 bytes each."""
  return f'{num_bytes / _BYTES_IN_MEGABYTE:,.3f}'


def percent(fraction: float) -> str:
  return f'{100 * fraction:.2f} %'
