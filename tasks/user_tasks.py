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
"""Tasks that a user's function builds."""

from typing import Any

import attrs
import tensorflow_federated as tff

from tasks import options as options_lib
from tasks import references


def build_user_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> tff.simulation.baselines.BaselineTask:
  """Calls a user's function that builds a task.

  The function gets those of `data_dir`, `cache_dir`, `seed` and `options` that
  it names as arguments. Options that are not given are `None`.

  Args:
    name: Reference to the function, `module:function`.
    data_dir: Directory with the files of the task, or `None`.
    cache_dir: Directory of cached client data.
    seed: Seed of all random choices.
    options: Options that are given.

  Returns:
    The task.

  Raises:
    ValueError: If there is no such function, it does not take `data_dir` or
      `options` although they are given, or it returns no task whose client data
      can be read inside a computation.
  """
  required = []
  if data_dir:
    required.append('data_dir')
  if options != options_lib.TaskOptions():
    required.append('options')
  task = references.call(
    name,
    {
      'data_dir': data_dir,
      'cache_dir': cache_dir,
      'seed': seed,
      'options': options,
    },
    required,
  )
  _check_task(name, task)
  return _with_preprocessing(task)


def _check_task(name: str, task: Any) -> None:
  if not isinstance(task, tff.simulation.baselines.BaselineTask):
    raise ValueError(
      f'Expected {name!r} to return a tff.simulation.baselines.BaselineTask, '
      f'found {type(task).__name__}: return one.'
    )
  try:
    _ = task.datasets.train_data.dataset_computation
  except Exception as e:
    raise ValueError(
      f'Expected the train_data of {name!r} to make a data set of a client id, '
      f'a tf.Tensor, found {references.describe_error(e)}: make it of '
      'TensorFlow ops.'
    ) from e


def _with_preprocessing(
  task: tff.simulation.baselines.BaselineTask,
) -> tff.simulation.baselines.BaselineTask:
  """Returns a task whose training data are preprocessed, if only by identity.

  Programs preprocess the data of all tasks.
  """
  datasets = task.datasets
  if datasets.train_preprocess_fn is not None:
    return task
  return attrs.evolve(
    task,
    datasets=tff.simulation.baselines.BaselineTaskDatasets(
      train_data=datasets.train_data,
      test_data=datasets.test_data,
      validation_data=datasets.validation_data,
      train_preprocess_fn=lambda dataset: dataset,
      eval_preprocess_fn=datasets.eval_preprocess_fn,
    ),
  )
