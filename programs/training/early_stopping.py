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
"""The best evaluation of a training, and when to train no more."""

import dataclasses
from typing import NamedTuple

from absl import flags
import numpy as np

from programs.command_line import runner
from programs.runs import run_results
from programs.training import evaluation

_BEST_METRIC = flags.DEFINE_string(
  'best_metric',
  None,
  'The metric of evaluations by which one is the best; loss: the lower, '
  'others: the higher. By default mean_precision where there is one, else '
  'accuracy.',
)
_PATIENCE = flags.DEFINE_integer(
  'early_stopping_patience',
  None,
  'After how many evaluations in a row without a new best one the training '
  'ends, before --rounds; by default it does not.',
  lower_bound=1,
)
_DEFAULT_METRICS = ('mean_precision', 'accuracy')


class Best(NamedTuple):
  """The best evaluation so far.

  Attributes:
    round_num: After which round it was.
    uplink_bytes: What all clients had sent by then.
    downlink_bytes: What all clients had received by then.
    metrics: The evaluation.
    evaluations_since: How many there were after it.
  """

  round_num: np.int64
  uplink_bytes: np.int64
  downlink_bytes: np.int64
  metrics: evaluation.Metrics
  evaluations_since: np.int64


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
  """Which evaluation is the best, and how long to wait for a better one.

  Attributes:
    metric: The name of the metric that tells.
    patience: For how many evaluations to wait; `None`: forever.
  """

  metric: str = 'accuracy'
  patience: int | None = None

  def update(self, state) -> Best:
    """Returns the best evaluation, now that there is another one.

    Args:
      state: The `training_loop.ProgramState` after it, with the best one before
        it. Of equal ones the first stays; any is better than NaN.
    """
    if not self._is_better(state.metrics, state.best.metrics):
      return state.best._replace(
        evaluations_since=state.best.evaluations_since + np.int64(1)
      )
    return Best(
      state.round_num,
      state.uplink_bytes,
      state.downlink_bytes,
      state.metrics,
      np.int64(0),
    )

  def is_over(self, best: Best) -> bool:
    """Whether there was no better evaluation for too long."""
    return self.patience is not None and best.evaluations_since >= self.patience

  def _is_better(
    self, metrics: evaluation.Metrics, best_metrics: evaluation.Metrics
  ) -> bool:
    value, best_value = metrics[self.metric], best_metrics[self.metric]
    if np.isnan(best_value):
      return not np.isnan(value)
    return run_results.is_better(self.metric, value, best_value)


def first(metrics: evaluation.Metrics) -> Best:
  """Returns the evaluation before the first round, the best so far."""
  zero = np.int64(0)
  return Best(zero, zero, zero, metrics, zero)


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that `from_flags` depends on."""
  return [_BEST_METRIC, _PATIENCE]


def from_flags(metric_names: list[str]) -> EarlyStopping:
  """Returns what the flags say.

  Args:
    metric_names: Those of the evaluation.

  Raises:
    UsageError: If --best_metric is none of them.
  """
  metric = _BEST_METRIC.value
  if metric is None:
    metric = next(name for name in _DEFAULT_METRICS if name in metric_names)
  if metric not in metric_names:
    raise runner.UsageError(
      f'Expected --best_metric to be one of {", ".join(metric_names)}, found '
      f'{metric!r}.'
    )
  return EarlyStopping(metric, _PATIENCE.value)
