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
"""Progress of a training: a bar in a terminal, lines in a file or a pipe."""

from collections.abc import Mapping

from rich import console as rich_console
from rich import progress as rich_progress

from programs.reports import tables


class Progress:
  """A context manager that shows the progress of a training.

  A terminal gets a progress bar; a file or a pipe gets one line for each
  evaluation.
  """

  def __init__(self, rounds: int, console: rich_console.Console | None = None):
    """Initializes the display; shows nothing yet.

    Args:
      rounds: Total number of rounds.
      console: Output device; standard output by default.
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

  def __exit__(self, *exc_info: object) -> None:
    self._bar.stop()

  def update(
    self,
    round_num: int,
    metrics: Mapping[str, float],
    uplink_bytes: int,
    is_evaluated: bool,
  ) -> None:
    """Shows the state of the training after a round.

    Args:
      round_num: Number of completed rounds.
      metrics: Metrics of the last evaluation; empty if none is to be shown.
      uplink_bytes: Bytes sent by all clients so far.
      is_evaluated: If true, `metrics` are of this round. A file or a pipe shows
        these rounds only.
    """
    parts = [
      f'{name} {text}' for name, text in tables.metric_texts(metrics).items()
    ]
    parts.append(f'uplink {tables.megabytes(uplink_bytes, decimals=2)} MB')
    description = ', '.join(parts)
    if self._bar_task is None:
      # Starts at the first shown round: the estimate of the remaining time
      # would otherwise count the rounds before a resumption as instantaneous.
      self._bar_task = self._bar.add_task(
        description, total=self._rounds, completed=round_num
      )
    self._bar.update(
      self._bar_task, completed=round_num, description=description
    )
    if is_evaluated and not self._console.is_terminal:
      # Flushed, since files and pipes are often watched while they grow.
      print(f'round {round_num}/{self._rounds}: {description}', flush=True)
