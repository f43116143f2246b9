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
"""Comparison of runs: one row for each configuration, over its seeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import dataclasses
import math
import statistics

from programs.reports import tables
from programs.runs import finished_run
from programs.runs import run_results

# Runs of one configuration by its name; the first is the baseline.
Groups = Mapping[str, Sequence[finished_run.FinishedRun]]
# Function from a run to the simulated seconds until the end of each round.
Clock = Callable[[finished_run.FinishedRun], Sequence[float]]
# Evaluations of a run and of the baseline.
_Pair = tuple[finished_run.Evaluation, finished_run.Evaluation]


@dataclasses.dataclass(frozen=True)
class Target:
  """Value of a metric that runs are to reach.

  Attributes:
    metric: Name of the metric.
    value: The value; a lower loss or error reaches it, of others a higher one.
  """

  metric: str
  value: float


@dataclasses.dataclass(frozen=True)
class Statistic:
  """Mean and spread of a value over seeds.

  Attributes:
    mean: The mean; NaN without values.
    deviation: Sample standard deviation; `None` for fewer than two values, and
      for those of diverged runs.
  """

  mean: float
  deviation: float | None

  @classmethod
  def of(cls, values: Iterable[float]) -> 'Statistic':
    """Returns the statistic of values."""
    values = list(values)
    if not values:
      return cls(math.nan, None)
    total = sum(values)
    if not math.isfinite(total):  # A diverged run; `statistics` would fail.
      return cls(total / len(values), None)
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return cls(statistics.fmean(values), deviation)


@dataclasses.dataclass(frozen=True)
class TargetResult:
  """Costs until a target is first reached, over the seeds that reach it.

  Attributes:
    num_runs: Number of runs that reach it.
    rounds: Rounds until then.
    total_bytes: Bytes of all clients in both directions until then.
    seconds: Simulated seconds until then; `None` without a network.
  """

  num_runs: int
  rounds: Statistic
  total_bytes: Statistic
  seconds: Statistic | None


@dataclasses.dataclass(frozen=True)
class Traffic:
  """Bytes of all clients, and how many fewer than those of the baseline.

  Attributes:
    num_bytes: The bytes.
    factor: Mean bytes of the baseline's runs, those of `baseline_of`, divided
      by those here; NaN where there are none.
  """

  num_bytes: Statistic
  factor: float


@dataclasses.dataclass(frozen=True)
class Row:
  """Results of one configuration, over the seeds that have them.

  Attributes:
    name: Name of the configuration.
    method: Name of the method.
    num_runs: Number of seeds.
    num_found: Number of seeds that have results; fewer than `num_runs` only if
      runs are to match the baseline.
    metrics: Metrics on test data, by name.
    differences: Difference of each metric to the baseline's run of the same
      seed: see `baseline_of`.
    rounds: Rounds until the evaluation.
    uplink: Bytes sent by all clients until then.
    downlink: Bytes received by all clients until then.
    total: Bytes of both directions.
    model_bytes: Size of the model, in bytes.
    seconds: Duration of the run on the machine that simulated it.
    target: Costs until the target is reached; `None` without a target.
  """

  name: str
  method: str
  num_runs: int
  num_found: int
  metrics: Mapping[str, Statistic]
  differences: Mapping[str, Statistic]
  rounds: Statistic
  uplink: Traffic
  downlink: Traffic
  total: Traffic
  model_bytes: Statistic
  seconds: Statistic
  target: TargetResult | None


def group(runs: Iterable[finished_run.FinishedRun]) -> Groups:
  """Returns runs by the name of their configuration, in order of appearance."""
  groups: dict[str, list[finished_run.FinishedRun]] = {}
  for run in runs:
    groups.setdefault(run.name, []).append(run)
  return groups


def baseline_of(
  groups: Groups, run: finished_run.FinishedRun
) -> finished_run.FinishedRun:
  """Returns the baseline's run of the same seed, or its first one."""
  baselines = next(iter(groups.values()))
  return next((b for b in baselines if b.seed == run.seed), baselines[0])


def shown_metrics(groups: Groups) -> dict[str, str]:
  """Returns the display names of the shown metrics of the baseline."""
  return tables.shown_metrics(next(iter(groups.values()))[0].last.metrics)


def compare(
  groups: Groups,
  at: str = 'last',
  target: Target | None = None,
  clock: Clock | None = None,
) -> list[Row]:
  """Compares configurations with the first one.

  Args:
    groups: Runs of each configuration, at least one each.
    at: One of `run_results.AT`: the evaluation that stands for a run.
    target: Value to reach; `None` for none.
    clock: Simulated time of a run; `None` for none.

  Returns:
    A row for each configuration, in order.
  """
  return [
    _row(
      runs,
      _pairs(groups, runs, at),
      None if target is None else target_result(runs, target, clock),
    )
    for runs in groups.values()
  ]


def target_result(
  runs: Sequence[finished_run.FinishedRun],
  target: Target,
  clock: Clock | None = None,
) -> TargetResult:
  """Returns the costs until runs of one configuration reach a target.

  Args:
    runs: The runs.
    target: Value to reach.
    clock: Simulated time of a run; `None` for none.
  """
  reached = [
    (run, evaluation)
    for run in runs
    if (
      evaluation := run_results.first_reaching(run, target.metric, target.value)
    )
  ]
  seconds = None
  if clock is not None:
    seconds = Statistic.of(clock(run)[e.rounds] for run, e in reached)
  return TargetResult(
    len(reached),
    Statistic.of(e.rounds for _, e in reached),
    Statistic.of(e.total_bytes for _, e in reached),
    seconds,
  )


def _pairs(
  groups: Groups, runs: Sequence[finished_run.FinishedRun], at: str
) -> list[_Pair]:
  """Returns evaluations of runs that have one, beside the baseline's.

  Both are of one seed, and so of the same clients and examples, where the
  baseline has a run of it: see `baseline_of`.
  """
  pairs = []
  for run in runs:
    baseline = baseline_of(groups, run)
    here, there = (
      run_results.evaluation_at(at, r, baseline) for r in (run, baseline)
    )
    if here is not None and there is not None:
      pairs.append((here, there))
  return pairs


def _row(
  runs: Sequence[finished_run.FinishedRun],
  pairs: Sequence[_Pair],
  target: TargetResult | None,
) -> Row:
  names = dict.fromkeys(name for here, _ in pairs for name in here.metrics)
  return Row(
    name=runs[0].name,
    method=runs[0].method,
    num_runs=len(runs),
    num_found=len(pairs),
    metrics={
      name: Statistic.of(_metric(here, name) for here, _ in pairs)
      for name in names
    },
    differences={
      name: Statistic.of(
        _metric(here, name) - _metric(there, name) for here, there in pairs
      )
      for name in names
    },
    rounds=Statistic.of(here.rounds for here, _ in pairs),
    uplink=_traffic(pairs, lambda e: e.uplink_bytes),
    downlink=_traffic(pairs, lambda e: e.downlink_bytes),
    total=_traffic(pairs, lambda e: e.total_bytes),
    model_bytes=Statistic.of(run.summary['model_bytes'] for run in runs),
    seconds=Statistic.of(run.summary['seconds'] for run in runs),
    target=target,
  )


def _metric(evaluation: finished_run.Evaluation, name: str) -> float:
  return evaluation.metrics.get(name, math.nan)


def _traffic(
  pairs: Sequence[_Pair], num_bytes: Callable[[finished_run.Evaluation], int]
) -> Traffic:
  here = Statistic.of(num_bytes(evaluation) for evaluation, _ in pairs)
  there = Statistic.of(num_bytes(baseline) for _, baseline in pairs)
  # The best model may be that before the first round.
  return Traffic(here, there.mean / here.mean if here.mean else math.nan)
