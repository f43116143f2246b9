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
"""Partitions of multi-label data over clients by frequent classes.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 6,
"Non-iid data partition": clients have "totally different frequent classes". The
text gives no threshold and does not say where other examples go.
`partition_by_frequent_classes` follows the text; `partition_by_top_labels`
follows the code of the authors, where clients are of equal size.
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
      '`num_clients` or `partition_share`.'
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
      '`num_clients` or `partition_share`.'
    )
  return clients


def partition_by_top_labels(
  labels: multi_label_source.SparseRows,
  num_clients: int,
  rng: np.random.Generator,
) -> list[np.ndarray]:
  """Gives each client one of the most frequent labels, and an equal share.

  Client `j` has `num_examples // num_clients` examples: a random sample of
  those with the label of rank `j` if they are more, and otherwise all of them
  and random other ones. Clients draw independently, so an example can be on
  several clients or on none.

  Args:
    labels: Labels of the training examples.
    num_clients: Number of clients. Of equally frequent labels, the one with the
      smaller id ranks first.
    rng: Source of all random choices.

  Returns:
    For each client the indices of its examples, ascending.

  Raises:
    ValueError: If there are fewer examples, or labels with examples, than
      clients.
  """
  counts = np.bincount(labels.indices)
  num_labels = np.count_nonzero(counts)
  if num_clients > min(len(labels), num_labels):
    raise ValueError(
      f'Expected a label and examples for each of {num_clients} clients, found '
      f'{num_labels} labels of {len(labels)} training examples: lower '
      '`num_clients`.'
    )
  size = len(labels) // num_clients
  rows = labels.row_of_entries()
  clients = []
  for label in np.argsort(-counts, kind='stable')[:num_clients]:
    own = rows[labels.indices == label]
    if own.size >= size:
      chosen = rng.choice(own, size, replace=False)
    else:
      others = np.setdiff1d(np.arange(len(labels)), own)
      more = rng.choice(others, size - own.size, replace=False)
      chosen = np.concatenate([own, more])
    clients.append(np.sort(chosen))
  return clients
