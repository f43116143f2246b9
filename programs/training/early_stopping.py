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
"""Best evaluation of a run, and early stopping."""

import dataclasses
from typing import NamedTuple, Protocol

from absl import flags
import numpy as np

from programs.command_line import common_flags
from programs.command_line import runner
from programs.training import metrics as metrics_lib

BEST_METRIC = flags.DEFINE_string(
  'best_metric',
  None,
  'Evaluation metric that selects the best evaluation: the lowest loss or '
  'error, the highest of any other metric. Default: the first evaluated of '
  'mean_precision, accuracy and loss.',
)
PATIENCE = flags.DEFINE_integer(
  'early_stopping_patience',
  None,
  'Stop after this many evaluations in a row without a new best one. Default: '
  'train to --rounds.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_DEFAULT_METRICS = ('mean_precision', 'accuracy', 'loss')


class Best(NamedTuple):
  """Best evaluation so far.

  Attributes:
    round_num: Number of completed rounds at the evaluation.
    uplink_bytes: Bytes sent by all clients until then.
    downlink_bytes: Bytes received by all clients until then.
    metrics: The evaluation.
    evaluations_since: Number of evaluations after it.
  """

  round_num: np.int64
  uplink_bytes: np.int64
  downlink_bytes: np.int64
  metrics: metrics_lib.Metrics
  evaluations_since: np.int64


class EvaluatedState(Protocol):
  """Part of `program_logic.ProgramState` that early stopping reads."""

  @property
  def round_num(self) -> np.int64:
    """Number of completed rounds."""
    ...

  @property
  def uplink_bytes(self) -> np.int64:
    """Bytes sent by all clients of these rounds."""
    ...

  @property
  def downlink_bytes(self) -> np.int64:
    """Bytes received by all clients of these rounds."""
    ...

  @property
  def metrics(self) -> metrics_lib.Metrics:
    """Last evaluation."""
    ...

  @property
  def best(self) -> Best:
    """Best evaluation."""
    ...


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
  """Selection of the best evaluation, and the patience for a better one.

  Attributes:
    metric: Name of the metric that evaluations are compared by.
    patience: Number of evaluations in a row without a better one after which
      training stops; `None` never stops.
  """

  metric: str = 'accuracy'
  patience: int | None = None

  def update(self, state: EvaluatedState) -> Best:
    """Returns the best evaluation after another one.

    Args:
      state: State after the new evaluation, with the best one before it. Of
        equal evaluations the first remains the best; any is better than NaN.
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
    """Returns whether the patience is exhausted."""
    return self.patience is not None and bool(
      best.evaluations_since >= self.patience
    )

  def _is_better(
    self, metrics: metrics_lib.Metrics, best_metrics: metrics_lib.Metrics
  ) -> bool:
    value = float(metrics[self.metric])
    best_value = float(best_metrics[self.metric])
    if np.isnan(best_value):
      return not np.isnan(value)
    return metrics_lib.is_better(self.metric, value, best_value)


def first(metrics: metrics_lib.Metrics) -> Best:
  """Returns the evaluation before the first round as the best so far."""
  zero = np.int64(0)
  return Best(zero, zero, zero, metrics, zero)


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that `from_flags` depends on."""
  return [BEST_METRIC, PATIENCE]


def from_flags(metric_names: list[str]) -> EarlyStopping:
  """Returns the early stopping that the flags ask for.

  Args:
    metric_names: Names of the evaluation metrics.

  Raises:
    UsageError: If `--best_metric` is not one of them.
  """
  metric = BEST_METRIC.value
  if metric is None:
    metric = next(name for name in _DEFAULT_METRICS if name in metric_names)
  if metric not in metric_names:
    raise runner.UsageError(
      f'Expected --best_metric to be one of {", ".join(metric_names)}, found '
      f'{metric!r}.'
    )
  return EarlyStopping(metric, PATIENCE.value)
