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
"""Builders of the methods that hash labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow_federated as tff

from programs.command_line import runner
from programs.methods import label_flags
import tasks
from tasks import catalog
from tff_methods import algorithms
from tff_methods import label_hashing
from tff_methods import options as options_lib


def build_fed_mlh(
  task: tasks.MultiLabelTask,
  client_optimizer: tff.learning.optimizers.Optimizer,
  server_optimizer: tff.learning.optimizers.Optimizer,
  choice: label_flags.LabelHashChoice,
  downlink: options_lib.DownlinkOptions | None,
  **weighting: tff.learning.ClientWeighting,
) -> tff.learning.templates.LearningProcess:
  """Builds federated multiple label hashing for a task.

  Without collisions it is the federated averaging of an ensemble.
  """
  model = _hashed_model(task, choice)
  return algorithms.build_fed_mlh(
    model,
    client_optimizer,
    server_optimizer,
    model_distributor=downlink,
    **weighting,
  )


def check_fed_mlh_task(
  task: tff.simulation.baselines.BaselineTask,
  choice: label_flags.LabelHashChoice,
) -> None:
  """Raises `UsageError` unless the task has at least `num_buckets` labels."""
  if not isinstance(task, tasks.MultiLabelTask):
    raise runner.UsageError(
      'Expected a task with many labels with this --method, found another; '
      f'choose one of {", ".join(catalog.MULTI_LABEL_TASK_NAMES)}.'
    )
  if choice.num_buckets is not None and choice.num_buckets > task.num_labels:
    raise runner.UsageError(
      f'Expected --num_buckets of at most {task.num_labels}, the labels of the '
      f'task, found {choice.num_buckets}; lower it.'
    )


def build_evaluated_model_fn(
  task: tasks.MultiLabelTask, choice: label_flags.LabelHashChoice
) -> Callable[[], tff.learning.models.VariableModel]:
  """Returns a `model_fn` of the hashed model with precision metrics."""
  return task.evaluated_model_fn(_hashed_model(task, choice), choice.decodings)


def build_outputs_fn(
  task: tasks.MultiLabelTask, choice: label_flags.LabelHashChoice
) -> Callable[[Any], dict[str, Any]]:
  """Returns the function from bucket scores to the best classes."""
  return task.hashed_outputs(_hashed_model(task, choice), choice.decoding)


def constants(
  task: tasks.MultiLabelTask, choice: label_flags.LabelHashChoice
) -> dict[str, np.ndarray]:
  """Returns the hash functions, without which the weights mean nothing."""
  return {
    'label_hash_coefficients': np.array(
      label_hash(task, choice).coefficients, np.int64
    )
  }


def _hashed_model(
  task: tasks.MultiLabelTask, choice: label_flags.LabelHashChoice
) -> label_hashing.HashedLabelModel:
  return task.hashed_model(label_hash(task, choice), choice.seed)


def label_hash(
  task: tasks.MultiLabelTask, choice: label_flags.LabelHashChoice
) -> label_hashing.LabelHash:
  """Returns the hash functions of a task's labels."""
  if choice.num_buckets is None:
    return label_hashing.LabelHash.identity(task.num_labels, choice.num_tables)
  return label_hashing.LabelHash.draw(
    task.num_labels, choice.num_tables, choice.num_buckets, choice.seed
  )
