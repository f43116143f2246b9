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
"""Learning curves of a comparison: means and spreads over seeds."""

from collections.abc import Callable, Sequence
import dataclasses
import math
import statistics

from programs.reports import comparison
from programs.reports import tables
from programs.runs import finished_run
from programs.training import metrics as metrics_lib

_MEGABYTE = 1e6
# Values from here on, NaN and Inf are not drawn.
_DIVERGED = 1e30
_CLASSES = ('frequent_', 'infrequent_')


@dataclasses.dataclass(frozen=True)
class Axis:
  """Cost of training, along which a metric is drawn.

  Attributes:
    name: Name in names of files.
    title: End of a title: "accuracy against …".
    label: Label with the unit.
    is_log: If true, the scale is logarithmic.
    cost: Function from a run and an evaluation of it to the cost until then.
  """

  name: str
  title: str
  label: str
  is_log: bool
  cost: Callable[[finished_run.FinishedRun, finished_run.Evaluation], float]


@dataclasses.dataclass(frozen=True)
class LearningCurve:
  """Metric of one configuration against a cost, over its seeds.

  Attributes:
    name: Name of the configuration.
    x: Mean costs at the evaluations.
    mean: Mean values of the metric.
    deviation: Standard deviations of the metric; `None` for one seed.
  """

  name: str
  x: Sequence[float]
  mean: Sequence[float]
  deviation: Sequence[float] | None


def axes(
  groups: comparison.Groups, clock: comparison.Clock | None = None
) -> list[Axis]:
  """Returns the axes on which curves of runs differ.

  Args:
    groups: The compared runs.
    clock: Simulated time of a run; `None` for none.
  """
  found = [
    Axis('rounds', 'rounds', 'rounds', False, lambda _, e: e.rounds),
    Axis(
      'uplink_mb',
      'uplink',
      'uplink of all clients (MB, log scale)',
      True,
      lambda _, e: e.uplink_bytes / _MEGABYTE,
    ),
    Axis(
      'total_mb',
      'total traffic',
      'uplink and downlink of all clients (MB)',
      False,
      lambda _, e: e.total_bytes / _MEGABYTE,
    ),
  ]
  if changes_downlink(groups):
    found.append(
      Axis(
        'downlink_mb',
        'downlink',
        'downlink of all clients (MB, log scale)',
        True,
        lambda _, e: e.downlink_bytes / _MEGABYTE,
      )
    )
  if clock is not None:
    found.append(
      Axis(
        'seconds',
        'simulated time',
        'simulated time (s)',
        False,
        lambda run, e: clock(run)[e.rounds],
      )
    )
  return found


def changes_downlink(groups: comparison.Groups) -> bool:
  """Returns whether a method sends clients more or less than the baseline.

  Methods that send rows do, and those with a quantized downlink. Differences
  below 1 % are those of keys and seeds.

  Args:
    groups: The compared runs.
  """
  per_round = [
    run.last.downlink_bytes / max(run.last.rounds, 1)
    for runs in groups.values()
    for run in runs
  ]
  return any(
    not math.isclose(value, per_round[0], rel_tol=0.01) for value in per_round
  )


def metrics(groups: comparison.Groups) -> dict[str, str]:
  """Returns the metrics to draw, with their display names.

  These are the shown metrics of the baseline; for tasks with many labels,
  those of the frequent and of the infrequent classes apart; and the loss.

  Args:
    groups: The compared runs.
  """
  shown = comparison.shown_metrics(groups)
  evaluated = next(iter(groups.values()))[0].last.metrics
  names = dict(shown)
  for prefix in _CLASSES:
    for name, display_name in shown.items():
      if prefix + name in evaluated:
        classes = prefix.removesuffix('_')
        names[prefix + name] = f'{display_name} of {classes} classes'
  if 'loss' in evaluated:
    names['loss'] = 'loss'
  return names


def curves(
  groups: comparison.Groups, metric: str, axis: Axis
) -> list[LearningCurve]:
  """Returns the learning curve of each configuration that has the metric.

  A curve has the rounds at which all seeds were evaluated. It ends where a
  seed diverges.

  Args:
    groups: The compared runs.
    metric: Name of the metric.
    axis: The cost.
  """
  found = []
  for name, runs in groups.items():
    points = [_points(run, metric, axis) for run in runs]
    values = {
      r: comparison.Statistic.of(by_round[r][1] for by_round in points)
      for r in sorted(set.intersection(*map(set, points)))
    }
    values = {r: v for r, v in values.items() if abs(v.mean) < _DIVERGED}
    if not values:
      continue
    found.append(
      LearningCurve(
        name,
        [statistics.fmean(p[r][0] for p in points) for r in values],
        [v.mean for v in values.values()],
        [v.deviation or 0.0 for v in values.values()]
        if len(runs) > 1
        else None,
      )
    )
  return found


def short_names(groups: comparison.Groups) -> dict[str, str]:
  """Returns names without the name of the task, if all begin with it.

  Args:
    groups: The compared runs.
  """
  task = next(iter(groups.values()))[0].task
  if all(name.startswith(f'{task}_') for name in groups):
    return {name: name.removeprefix(f'{task}_') for name in groups}
  return {name: name for name in groups}


def megabytes(num_bytes: float) -> float:
  """Returns a number of bytes in megabytes of 10^6 bytes."""
  return num_bytes / _MEGABYTE


def in_unit(metric: str, value: float) -> float:
  """Returns the value of a metric as drawn: fractions as percentages."""
  return 100 * value if metrics_lib.is_fraction(metric) else value


def label(metric: str, display_name: str) -> str:
  """Returns the label of an axis, with the unit."""
  if metrics_lib.is_fraction(metric):
    return f'{display_name} (%)'
  return display_name


def target_text(target: comparison.Target) -> str:
  """Returns a target as text."""
  if metrics_lib.is_fraction(target.metric):
    return f'{target.metric} {tables.percent(target.value)}'
  return f'{target.metric} {target.value:g}'


def _points(
  run: finished_run.FinishedRun, metric: str, axis: Axis
) -> dict[int, tuple[float, float]]:
  """Returns cost and metric of a run by round."""
  return {
    e.rounds: (axis.cost(run, e), e.metrics[metric])
    for e in run.evaluations
    if metric in e.metrics
  }
