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
"""The results of finished runs, at one of their evaluations."""

from collections.abc import Iterator
import csv
import os
from typing import Any

from programs.runs import run_directory

# Rounds, what was sent and received by then, and the metrics; of the summary
# also what has no round.
Results = dict[str, Any]

_PREFIX = 'evaluation/'


def is_better(metric: str, value: float, than: float) -> bool:
  """Whether a metric's value is better: less of a loss, more of another."""
  return bool(value < than if metric == 'loss' else value > than)


def last(path: str) -> Results:
  """Returns those of the run in the directory `path`, at its end."""
  return run_directory.read_summary(path)


def best(path: str) -> Results:
  """Returns those at the best evaluation."""
  summary = last(path)
  return summary | summary['best']


def first_as_good(path: str, baseline_path: str) -> Results | None:
  """Returns those at the first evaluation as good as another run's best.

  Good by the metric that told which was the best there.

  Args:
    path: Of the run.
    baseline_path: Of the other run; it may be the same.

  Returns:
    The results, or `None` if there is no such evaluation.
  """
  baseline = last(baseline_path)
  metric = baseline['best_metric']
  goal = baseline['best']['metrics'][metric]
  for evaluation in _evaluations(path):
    value = evaluation['metrics'].get(metric)
    if value == goal or (value is not None and is_better(metric, value, goal)):
      return last(path) | evaluation
  return None


def _evaluations(path: str) -> Iterator[Results]:
  metrics_path = os.path.join(path, run_directory.METRICS_FILE)
  with open(metrics_path, newline='', encoding='utf-8') as f:
    for row in csv.DictReader(f):
      metrics = {
        name.removeprefix(_PREFIX): float(value)
        for name, value in row.items()
        if name.startswith(_PREFIX) and value
      }
      if metrics:
        yield {
          'rounds': int(row['round']),
          'uplink_bytes': int(row['uplink_bytes']),
          'downlink_bytes': int(row['downlink_bytes']),
          'metrics': metrics,
        }
