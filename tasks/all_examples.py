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
"""Evaluation on all examples of a task, for data that nothing trained on."""

import tensorflow as tf
import tensorflow_federated as tff

from tasks import validation


def as_test_data(
  datasets: tff.simulation.baselines.BaselineTaskDatasets,
  *,
  of_training: bool = False,
) -> tff.simulation.baselines.BaselineTaskDatasets:
  """Returns data of a task whose test data are all of its examples.

  These are the examples of the training clients, client by client in the order
  of their ids, then the test data. Examples that are on several clients
  (`validation.SharedExampleDatasets`) count once.

  Args:
    datasets: Data of a task.
    of_training: If true, without the test data.
  """
  train_data, test_data = datasets.train_data, datasets.test_data
  if isinstance(test_data, tff.simulation.datasets.ClientData):
    test_data = _of_all_clients(test_data)
  of_clients = _of_all_clients(train_data)
  if isinstance(datasets, validation.SharedExampleDatasets):
    of_clients = of_clients.unique()
  return type(datasets)(
    train_data=train_data,
    test_data=(
      of_clients if of_training else of_clients.concatenate(test_data)
    ),
    train_preprocess_fn=datasets.train_preprocess_fn,
    eval_preprocess_fn=datasets.eval_preprocess_fn,
  )


def _of_all_clients(
  client_data: tff.simulation.datasets.ClientData,
) -> tf.data.Dataset:
  clients = tf.data.Dataset.from_tensor_slices(sorted(client_data.client_ids))
  return clients.flat_map(client_data.serializable_dataset_fn)
