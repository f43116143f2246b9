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
"""Runs that can be compared, out of directories that may be anything."""

from collections.abc import Iterable

from programs.command_line import runner
from programs.runs import finished_run


def read(
  paths: Iterable[str],
) -> tuple[list[finished_run.FinishedRun], list[str]]:
  """Reads the runs that can be compared with the first of them.

  Args:
    paths: Directories of runs.

  Returns:
    The runs, and one line for each directory that is left out: it has no
    finished run, is damaged or of an older layout, is of another task, is
    evaluated on other data, or its name and seed are there already.
  """
  runs: list[finished_run.FinishedRun] = []
  notes: list[str] = []
  for path in paths:
    try:
      run = finished_run.read(path)
    except runner.UsageError as e:
      notes.append(f'left out {path}. {e}')
      continue
    found = _difference(run, runs)
    if found is None:
      runs.append(run)
    else:
      notes.append(f'left out {path}, {found}.')
  return runs, notes


def _difference(
  run: finished_run.FinishedRun, runs: list[finished_run.FinishedRun]
) -> str | None:
  """Returns why a run cannot join others, `None` if it can."""
  if runs and run.task != runs[0].task:
    return f'a run of task {run.task}, not of {runs[0].task} as the first'
  if runs and run.evaluated_on != runs[0].evaluated_on:
    return (
      f'evaluated on {run.evaluated_on}, not on {runs[0].evaluated_on} as the '
      'first'
    )
  if any((run.name, run.seed) == (r.name, r.seed) for r in runs):
    return f'a second run named {run.name} with seed {run.seed}'
  return None
