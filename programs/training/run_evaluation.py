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


def evaluate(
  method_name: str, options: Any, weights_path: str, export_dir: str | None
) -> dict[str, Any]:
  """Evaluates a model on the task of the flags.

  Args:
    method_name: Name of the method of the run.
    options: Options of the method.
    weights_path: Path of the file of weights.
    export_dir: Directory to write the model to; `None` writes nothing.

  Returns:
    `metrics` by name and, with `export_dir`, the paths `exported`.

  Raises:
    UsageError: If the task cannot be built, is not for the method, or the
      weights are not of its model.
    StorageError: If the model cannot be written.
  """
  task = task_flags.build_task()
  method = registry.METHODS[method_name]
  method.check_task(task, options)
  datasets = evaluation_data.datasets_of(task)
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
