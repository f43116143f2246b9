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
"""Builders of the methods that train a part of the output layer's rows."""

from collections.abc import Callable
import dataclasses
import functools
from typing import Any

import tensorflow_federated as tff

from programs.command_line import runner
from programs.methods import row_flags
import tasks
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import retrieval

_INDEXES = {
  'simhash': retrieval.SimHash,
  'product_quantization': retrieval.ProductQuantization,
  'ivf_pq': retrieval.IvfPq,
  'random': retrieval.RandomRows,
  'exact': retrieval.ExactRows,
}


def build_fed_ss(
  task: tasks.RowTask,
  client_optimizer: tff.learning.optimizers.Optimizer,
  server_optimizer: tff.learning.optimizers.Optimizer,
  choice: row_flags.FedSsChoice,
  downlink: options_lib.DownlinkOptions | None,
  **weighting: tff.learning.ClientWeighting,
) -> tff.learning.templates.LearningProcess:
  """Builds federated sampled softmax for a task."""
  return algorithms.build_fed_ss(
    task.row_model,
    client_optimizer,
    server_optimizer,
    options=choice.options,
    model_distributor=downlink,
    **build_aggregators(
      choice.sketch, has_rows=choice.options.variant != 'full_softmax'
    ),
    **weighting,
  )


def build_lsh_select(
  task: tasks.RowTask,
  client_optimizer: tff.learning.optimizers.Optimizer,
  server_optimizer: tff.learning.optimizers.Optimizer,
  choice: row_flags.LshSelectChoice,
  downlink: options_lib.DownlinkOptions | None,
  **weighting: tff.learning.ClientWeighting,
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging of the rows that an index finds."""
  return algorithms.build_lsh_select_fed_avg(
    task.row_model,
    client_optimizer,
    server_optimizer,
    options=choice.options,
    index=build_index(choice.index),
    model_distributor=downlink,
    **build_aggregators(choice.sketch, has_rows=True),
    **weighting,
  )


def build_evaluated_model_fn(
  task: tasks.RowTask, options: object
) -> Callable[[], tff.learning.models.VariableModel]:
  """Returns a `model_fn` of the task's model with the weights of its rows."""
  del options
  return task.rows_model_fn or task.model_fn


def build_aggregators(
  sketch: options_lib.SketchOptions | None, *, has_rows: bool
) -> dict[str, Any]:
  """Returns the aggregators of body and rows as keyword arguments.

  Args:
    sketch: Options of the encoders; `None` for `float32` values.
    has_rows: If false, all weights are aggregated as the body.
  """
  if sketch is None:
    return {}
  body = aggregators.sketched_update_aggregator(**dataclasses.asdict(sketch))
  if not has_rows:
    return {'model_aggregator': body}
  rows = functools.partial(aggregators.sketched_rows_aggregator, sketch=sketch)
  return {'model_aggregator': body, 'rows_aggregator': rows}


def build_index(choice: row_flags.IndexChoice) -> retrieval.RowIndex:
  """Builds the index that the flags name."""
  return _INDEXES[choice.name](**choice.arguments)


def check_fed_ss_task(
  task: tff.simulation.baselines.BaselineTask,
  choice: row_flags.FedSsChoice,
) -> None:
  """Raises `UsageError` unless the task has rows, and enough of them."""
  options = choice.options
  _check_row_task(task, 'fed_ss')
  num_classes = task.row_model.num_classes
  if (options.num_sampled_classes or 0) > num_classes:
    raise runner.UsageError(
      f'Expected --num_sampled_classes of at most {num_classes}, the classes '
      f'of the task, found {options.num_sampled_classes}; lower it.'
    )
  has_tables = bool(task.row_model.input_tables)
  is_needed = has_tables and options.variant != 'full_softmax'
  if is_needed != (options.num_input_rows is not None):
    raise runner.UsageError(
      f'Expected {"" if is_needed else "no "}--num_input_rows with a task '
      f'whose model has {len(task.row_model.input_tables)} input tables and '
      f'--variant={options.variant}, found {options.num_input_rows}; '
      + ('give it.' if is_needed else 'leave it out.')
    )
  if is_needed:
    sizes = {n: len(t.rows) for n, t in task.row_model.input_tables.items()}
    try:
      options.num_rows_of_tables(sizes)
    except ValueError as e:
      raise runner.UsageError(str(e)) from e


def check_lsh_select_task(
  task: tff.simulation.baselines.BaselineTask,
  choice: row_flags.LshSelectChoice,
) -> None:
  """Raises `UsageError` unless the task has rows that the budgets fit."""
  _check_row_task(task, 'lsh_select')
  if task.row_model.input_tables:
    raise runner.UsageError(
      'Expected a task whose model has no input tables with '
      f'--method=lsh_select, found {sorted(task.row_model.input_tables)}; take '
      '--method=fed_ss.'
    )
  own_budget = choice.options.own_budget
  if own_budget and not task.row_model.rows_embed_input:
    raise runner.UsageError(
      'Expected no --own_budget with a task whose rows do not embed the input, '
      f'found {own_budget}; leave it out.'
    )


def _check_row_task(task, method_name: str) -> None:
  if not isinstance(task, tasks.RowTask):
    raise runner.UsageError(
      'Expected a task whose model has a row for each class with '
      f'--method={method_name}, found another; docs/tasks.md lists them.'
    )
  try:
    _ = task.row_model
  except ValueError as e:  # The model of a user.
    raise runner.UsageError(str(e)) from e
