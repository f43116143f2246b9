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
"""Partitions of labelled data over clients, as lists of index arrays."""

import numpy as np

from tasks import options as options_lib


def partition_iid(
  num_examples: int, num_clients: int, rng: np.random.Generator
) -> list[np.ndarray]:
  """Deals shuffled examples to clients, whose sizes differ by at most one.

  Args:
    num_examples: Number of examples.
    num_clients: Number of clients.
    rng: Source of the order.

  Returns:
    For each client the indices of its examples; each index occurs once.

  Raises:
    ValueError: If there are more clients than examples.
  """
  _check_num_clients(num_clients, num_examples)
  return np.array_split(rng.permutation(num_examples), num_clients)


def partition_dirichlet(
  labels: np.ndarray, num_clients: int, alpha: float, rng: np.random.Generator
) -> list[np.ndarray]:
  """Deals examples to clients with different label distributions.

  Follows Hsu, Qi and Brown (2019, "Measuring the Effects of Non-Identical Data
  Distribution for Federated Visual Classification"): each client draws its
  label distribution `q ~ Dirichlet(alpha, ..., alpha)`, and then its examples
  without replacement, their labels distributed as `q`. An exhausted label is
  left out of `q`, so the last clients get the remaining labels. Client sizes
  differ by at most one, as in `partition_iid`.

  Args:
    labels: Labels of the examples, `[num_examples]`.
    num_clients: Number of clients.
    alpha: Concentration of each label, from `options.MIN_ALPHA` to
      `options.MAX_ALPHA`. Towards infinity, labels are uniformly
      distributed on every client; towards zero, each client has one label.
    rng: Source of all random choices.

  Returns:
    For each client the indices of its examples; each index occurs once.

  Raises:
    TypeError: If `alpha` is not a number.
    ValueError: If there are more clients than examples, or `alpha` is out of
      range.
  """
  _check_num_clients(num_clients, len(labels))
  options_lib.check_alpha('`alpha`', alpha)
  pools = [
    rng.permutation(np.flatnonzero(labels == label))
    for label in np.unique(labels)
  ]
  sizes = [len(a) for a in np.array_split(labels, num_clients)]
  clients = []
  for size in sizes:
    left = np.array([len(pool) for pool in pools])
    q = rng.dirichlet(np.full(len(pools), float(alpha)))
    counts = _draw_counts(size, q, left, rng)
    clients.append(
      np.concatenate([p[:n] for p, n in zip(pools, counts, strict=True)])
    )
    pools = [p[n:] for p, n in zip(pools, counts, strict=True)]
  return clients


def partition_by_classes(
  labels: np.ndarray,
  *,
  classes_per_client: int,
  examples_per_class: int,
  rng: np.random.Generator,
) -> list[np.ndarray]:
  """Deals the same number of examples of a few classes to each client.

  Waghmare et al. (2022), "Efficient Image Representation Learning with
  Federated Sampled Softmax", section 4.3, use clients of 100 images over 20
  classes. Examples of a class are shuffled and cut into packs of
  `examples_per_class`. The first packs of all classes are dealt, the classes in
  random order, then the second packs, and so on. A client never has two packs
  of a class. Left over are less than a pack of each class, and the last packs
  if they do not fill a client.

  Args:
    labels: Labels of the examples, `[num_examples]`.
    classes_per_client: Number of classes of a client.
    examples_per_class: Number of examples of each class of a client.
    rng: Source of all random choices.

  Returns:
    For each client the indices of its examples; no index occurs twice.

  Raises:
    ValueError: If the examples do not fill one client.
  """
  packs = {}
  for label in np.unique(labels):
    examples = rng.permutation(np.flatnonzero(labels == label))
    num_packs = len(examples) // examples_per_class
    packs[label] = examples[: num_packs * examples_per_class].reshape(
      num_packs, examples_per_class
    )
  clients, packs_of_client = [], {}
  for i in range(max(map(len, packs.values()), default=0)):
    dealt = rng.permutation([k for k, p in packs.items() if i < len(p)])
    # Classes that the unfinished client already has come last.
    for label in sorted(dealt, key=packs_of_client.__contains__):
      if label in packs_of_client:
        continue
      packs_of_client[label] = packs[label][i]
      if len(packs_of_client) == classes_per_client:
        clients.append(np.concatenate(list(packs_of_client.values())))
        packs_of_client = {}
  if not clients:
    raise ValueError(
      f'Expected at least {classes_per_client} classes of '
      f'{examples_per_class} training examples, found '
      f'{sum(len(p) > 0 for p in packs.values())}: take a larger data set.'
    )
  return clients


def _draw_counts(
  size: int, q: np.ndarray, left: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
  """Draws `size` labels from `q`, at most `left`; returns their counts."""
  counts = np.zeros_like(left)
  while (missing := size - counts.sum()) > 0:
    weights = q * (counts < left)
    if weights.sum() < 1e-12:  # Small alpha: all of q on exhausted labels.
      weights = (left - counts).astype(float)
    draw = rng.multinomial(missing, weights / weights.sum())
    counts = np.minimum(counts + draw, left)
  return counts


def _check_num_clients(num_clients: int, num_examples: int) -> None:
  if not 0 < num_clients <= num_examples:
    raise ValueError(
      f'Expected `num_clients` from 1 to {num_examples}, the number of '
      f'training examples, found {num_clients}: change it.'
    )
