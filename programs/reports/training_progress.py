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
import datetime
import time

from rich import console as rich_console
from rich import progress as rich_progress

from programs.reports import tables


def show_stage(stage: str) -> None:
  """Prints that a stage before the first round begins.

  Args:
    stage: Its name, such as `Loading digits`.
  """
  print(stage, flush=True)


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
      rich_progress.TextColumn('{task.fields[time_left]}'),
      console=self._console,
      disable=not self._console.is_terminal,
    )
    self._bar_task: rich_progress.TaskID | None = None
    self._first_round = 0
    self._start = 0.0

  def __enter__(self) -> 'Progress':
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
      # Time counts from here, the start of the next round: neither loading nor
      # the rounds before a resumption say how long a round takes.
      self._first_round, self._start = round_num, time.monotonic()
      self._bar.start()
      self._bar_task = self._bar.add_task(
        description,
        total=self._rounds,
        completed=round_num,
        time_left='compiling the first round',
      )
    else:
      self._bar.update(
        self._bar_task,
        completed=round_num,
        description=description,
        time_left=self._time_left(round_num),
      )
    if is_evaluated and not self._console.is_terminal:
      # Flushed, since files and pipes are often watched while they grow.
      print(f'round {round_num}/{self._rounds}: {description}', flush=True)

  def _time_left(self, round_num: int) -> str:
    """Returns the time left, at the mean duration of the rounds so far."""
    num_rounds = round_num - self._first_round
    seconds = (time.monotonic() - self._start) / num_rounds
    left = round(seconds * (self._rounds - round_num))
    return f'{datetime.timedelta(seconds=left)} left'
