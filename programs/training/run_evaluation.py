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
"""Evaluation, and export, of a model whose weights are in a file."""

import itertools
from typing import Any

import tensorflow_federated as tff

from programs.command_line import runner
from programs.command_line import task_flags
from programs.methods import registry
from programs.runs import saved_weights
from programs.training import evaluation
from programs.training import evaluation_data
from programs.training import model_export
from programs.training import weights_format
import tasks
from tasks import all_examples as all_examples_lib


def evaluate(
  method_name: str,
  options: Any,
  weights_path: str,
  export_dir: str | None,
  *,
  all_examples: bool = False,
  train_data: bool = False,
  other_data_of: str | None = None,
) -> dict[str, Any]:
  """Evaluates a model on the task of the flags.

  Args:
    method_name: Name of the method of the run.
    options: Options of the method.
    weights_path: Path of the file of weights.
    export_dir: Directory to write the model to; `None` writes nothing.
    all_examples: If true, evaluates on training data, too.
    train_data: If true, evaluates on training data alone.
    other_data_of: Directory of the run whose weights they are, if the data are
      not those of the run; then the classes are compared.

  Returns:
    `metrics` by name and, with `export_dir`, the paths `exported`.

  Raises:
    UsageError: If the task cannot be built, is not for the method, has other
      classes than the run, or the weights are not of its model.
    StorageError: If the model cannot be written.
  """
  task = task_flags.build_task()
  method = registry.METHODS[method_name]
  method.check_task(task, options)
  if other_data_of is not None:
    _check_classes(task, other_data_of)
  datasets = evaluation_data.datasets_of(task)
  if all_examples or train_data:
    datasets = all_examples_lib.as_test_data(datasets, of_training=train_data)
  evaluation_fn = evaluation.Evaluation(
    task,
    method.build_evaluated_model_fn(task, options),
    None if datasets is task.datasets else datasets,
  )
  model = evaluation_fn.model
  weights = tff.learning.models.ModelWeights(
    *weights_format.of_model(model, method.constants(task, options)).select(
      weights_path,
      saved_weights.load_arrays(weights_path),
      weights_format.current(model),
    )
  )
  exported = {}
  if export_dir is not None:
    try:
      export = model_export.ModelExport(
        task, model, method.build_outputs_fn(task, options)
      )
      exported['exported'] = export.write(weights, export_dir)
    except model_export.NotExportableError as e:
      raise runner.UsageError(str(e)) from e
  metrics = evaluation_fn(weights)
  return {
    'metrics': {name: float(value) for name, value in metrics.items()},
    **exported,
  }


def _check_classes(
  task: tff.simulation.baselines.BaselineTask, run_path: str
) -> None:
  """Raises `UsageError` unless the classes are those of the run, in order."""
  expected = model_export.saved_class_names(run_path)
  if expected is None or not isinstance(task, tasks.RowTask):
    return
  found = task.class_names or ()
  pairs = itertools.zip_longest(expected, found)
  for i, (name, found_name) in enumerate(pairs):
    if name != found_name:
      raise runner.UsageError(
        f'Expected {len(expected)} classes of the run {run_path}, the number '
        f'{i} being {name!r}, found {len(found)} in the data, with '
        f'{found_name!r}; in a folder, list those of the run in schema.json.'
      )
