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
"""The partition of multi-label data over clients by their frequent classes.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 5,
"Non-iid data partition".
"""

import numpy as np

from tasks.many_labels import multi_label_source


def is_frequent(
  label_counts: np.ndarray, num_examples: int, min_share: float
) -> np.ndarray:
  """The classes that many examples have.

  The paper calls classes frequent without a number; the code of its authors
  takes those that at least a hundredth of the training examples have.

  Args:
    label_counts: `[num_labels]`, of each class the training examples that have
      it.
    num_examples: The training examples.
    min_share: The share of these that a frequent class has at least.

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
  """Gives all examples of a frequent class to one client, drawn at random.

  So an example of several frequent classes is with each client that one of them
  was given to, once. An example of none, of which the paper says nothing, is
  with one client, drawn at random too.

  Args:
    labels: Of the training examples.
    frequent: bool `[num_labels]`, as `is_frequent` returns it.
    num_clients: The clients.
    rng: Where all choices come from.

  Returns:
    For each client the indices of its examples, ascending; each index is with
    at least one.

  Raises:
    ValueError: If a client is left without examples.
  """
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
      f'Expected examples for each of {num_clients} clients, found that '
      f'{num_empty} have none of the {frequent.sum()} frequent classes: take '
      'fewer clients, or lower `frequent_share`.'
    )
  return clients
