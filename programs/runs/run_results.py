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
"""Results of finished runs: at the end, at the best, at a matching metric."""

from collections.abc import Iterator
import os
from typing import Any

from programs.runs import metrics_file
from programs.runs import run_files
from programs.training import metrics as metrics_lib

# Rounds, bytes sent and received until then, and metrics; those of the summary
# also have entries that belong to no round.
Results = dict[str, Any]

_PREFIX = 'evaluation/'


def last(path: str) -> Results:
  """Returns the results at the end of the run in the directory `path`."""
  summary = run_files.read_summary(path)
  if summary is None:
    raise ValueError(f'Expected a finished run in {path}, found none.')
  return summary


def best(path: str) -> Results:
  """Returns the results at the best evaluation of the run."""
  summary = last(path)
  return summary | summary['best']


def first_as_good(path: str, baseline_path: str) -> Results | None:
  """Returns the first results that are as good as the best of another run.

  They are compared by the metric that selected the best evaluation there.

  Args:
    path: Directory of the run.
    baseline_path: Directory of the other run, which may be the same.

  Returns:
    The results, or `None` if no evaluation is as good.
  """
  baseline = last(baseline_path)
  metric = baseline['best_metric']
  goal = baseline['best']['metrics'][metric]
  for evaluation in _evaluations(path):
    value = evaluation['metrics'].get(metric)
    if value == goal or (
      value is not None and metrics_lib.is_better(metric, value, goal)
    ):
      return last(path) | evaluation
  return None


def _evaluations(path: str) -> Iterator[Results]:
  metrics_path = os.path.join(path, run_files.METRICS)
  for row in metrics_file.read(metrics_path):
    metrics = {
      name.removeprefix(_PREFIX): float(value)
      for name, value in row.items()
      if name.startswith(_PREFIX) and value
    }
    if metrics:
      yield {
        'rounds': int(row[metrics_file.KEY]),
        'uplink_bytes': int(row['uplink_bytes']),
        'downlink_bytes': int(row['downlink_bytes']),
        'metrics': metrics,
      }
