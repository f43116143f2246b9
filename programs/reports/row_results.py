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
"""Columns of tables on what clients lack a row for, in training."""

from collections.abc import Sequence
import math

from programs.reports import tables
from programs.runs import finished_run

_Runs = Sequence[finished_run.FinishedRun]

_EXCLUDED, _EXAMPLES = 'train/num_excluded_examples', 'train/num_examples'
_MISSING = (
  'distributor/num_missing_rows',
  'distributor/num_missing_input_rows',
)
_CLIENTS = 'num_clients'
_NONE = 'none'


def excluded_text(runs: _Runs) -> str:
  """Returns the share of training examples whose class has no row.

  Args:
    runs: Runs of a configuration, one for each seed.

  Returns:
    The mean over the runs of their shares, of all rounds together; "none" if
    they count no excluded examples.
  """
  shares = [_total(run, _EXCLUDED) / _total(run, _EXAMPLES) for run in runs]
  return (
    _NONE if any(map(math.isnan, shares)) else tables.percent(_mean(shares))
  )


def missing_text(runs: _Runs) -> str:
  """Returns the rows that a client needs and lacks in a round, on average.

  Args:
    runs: Runs of a configuration, one for each seed.

  Returns:
    The mean over the runs of their means over rounds and clients; "none" if
    they count no missing rows.
  """
  names = [name for name in _MISSING if name in runs[0].rows[-1]]
  if not names:
    return _NONE
  means = [
    sum(_total(run, name) for name in names) / _total(run, _CLIENTS)
    for run in runs
  ]
  return f'{_mean(means):.1f}'


def _total(run: finished_run.FinishedRun, name: str) -> float:
  """Returns the sum of a metric over rounds; NaN if no round has it."""
  values = [row[name] for row in run.rows if name in row]
  return sum(values) if values else math.nan


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values)


# Columns of tables, by title.
COLUMNS = {'excluded': excluded_text, 'missing rows': missing_text}
