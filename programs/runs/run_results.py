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

from programs.runs import finished_run
from programs.training import metrics as metrics_lib

AT = ('last', 'best', 'matching')
# Of tables of pages, too: the best one, evaluated on test data at the end; and
# the last one, with metrics on the examples of training clients.
PAGE_AT = (*AT, 'test', 'train')


def evaluation_at(
  at: str, run: finished_run.FinishedRun, baseline: finished_run.FinishedRun
) -> finished_run.Evaluation | None:
  """Returns the evaluation that stands for a run in a comparison.

  Args:
    at: One of `PAGE_AT`: the last evaluation, the best one, the first one that
      is as good as the best of the baseline, the best one on test data, or the
      last one with metrics on training data, too.
    run: The run.
    baseline: The run that it is compared with, which may be the same.

  Returns:
    The evaluation, or `None` if none is as good as the best of the baseline.

  Raises:
    UsageError: If the run was not evaluated on test or training data.
  """
  match at:
    case 'last':
      return run.last
    case 'best':
      return run.best
    case 'test':
      return run.test
    case 'train':
      return run.train
    case _:  # 'matching'
      # The metric that selected the best evaluation of the baseline.
      metric = baseline.summary['best_metric']
      return first_reaching(run, metric, baseline.best.metrics[metric])


def first_reaching(
  run: finished_run.FinishedRun, metric: str, value: float
) -> finished_run.Evaluation | None:
  """Returns the first evaluation whose metric is at least as good as a value.

  Args:
    run: The run.
    metric: Name of the metric; a low `loss` is good, of others a high value.
    value: The value to reach.

  Returns:
    The evaluation, or `None` if there is none.
  """
  for evaluation in run.evaluations:
    found = evaluation.metrics.get(metric)
    if found is not None and (
      found == value or metrics_lib.is_better(metric, found, value)
    ):
      return evaluation
  return None
