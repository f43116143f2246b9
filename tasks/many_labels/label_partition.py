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
"""Partition of multi-label data over clients by frequent classes.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 5,
"Non-iid data partition".
"""

import numpy as np

from tasks.many_labels import multi_label_source


def is_frequent(
  label_counts: np.ndarray, num_examples: int, min_share: float
) -> np.ndarray:
  """Returns a mask of the frequent classes.

  The paper gives no threshold. The code of its authors takes the classes of at
  least a hundredth of the training examples.

  Args:
    label_counts: `[num_labels]`, number of training examples of each class.
    num_examples: Number of training examples.
    min_share: Least share of the training examples of a frequent class.

  Returns:
    bool `[num_labels]`.
  """
  return label_counts >= min_share * num_examples


def partition_by_frequent_classes(
  labels: multi_label_source.SparseRows,
  frequent: np.ndarray,
  num_clients: int,
  rng: np.random.Generator,
) -> list[np.ndarray]:
  """Assigns all examples of a frequent class to one random client.

  An example of several frequent classes is on the client of each of them, once.
  For an example without a frequent class, which the paper leaves open, one
  client is drawn at random.

  Args:
    labels: Labels of the training examples.
    frequent: bool `[num_labels]`, see `is_frequent`.
    num_clients: Number of clients.
    rng: Source of all random choices.

  Returns:
    For each client the indices of its examples, ascending. Each index is on at
    least one client.

  Raises:
    ValueError: If a client has no examples.
  """
  num_placements = len(labels) + len(labels.indices)
  if num_clients > num_placements:
    raise ValueError(
      f'Expected examples for each of {num_clients} clients, found '
      f'{num_placements} training examples and labels of examples: lower '
      '`num_clients` or `frequent_share`.'
    )
  client_of_class = rng.integers(num_clients, size=len(frequent))
  client_of_example = rng.integers(num_clients, size=len(labels))
  has_client = frequent[labels.indices]
  rows = labels.row_of_entries()[has_client]
  is_with = np.zeros((len(labels), num_clients), bool)
  is_with[rows, client_of_class[labels.indices[has_client]]] = True
  others = np.flatnonzero(~is_with.any(axis=1))
  is_with[others, client_of_example[others]] = True
  clients = [np.flatnonzero(column) for column in is_with.T]
  num_empty = sum(not client.size for client in clients)
  if num_empty:
    raise ValueError(
      f'Expected examples for each of {num_clients} clients, found {num_empty} '
      f'clients with none of the {frequent.sum()} frequent classes: lower '
      '`num_clients` or `frequent_share`.'
    )
  return clients
