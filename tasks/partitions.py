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
"""Partitions of a labelled data set over clients, as lists of index arrays."""

import numpy as np


def partition_iid(
  num_examples: int, num_clients: int, rng: np.random.Generator
) -> list[np.ndarray]:
  """Deals shuffled examples to clients, whose sizes differ by at most one.

  Args:
    num_examples: Examples to deal.
    num_clients: Clients to deal them to.
    rng: Where the order comes from.

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
  """Deals examples so that clients differ in their label distributions.

  In the manner of Hsu, Qi and Brown (2019, "Measuring the Effects of
  Non-Identical Data Distribution for Federated Visual Classification"): each
  client draws its label distribution `q ~ Dirichlet(alpha, ..., alpha)`, and
  then its examples without replacement, their labels distributed as `q`. A
  label that has run out is left out of `q`, so the last clients get what is
  left. Client sizes differ by at most one, as in `partition_iid`.

  Args:
    labels: The examples' labels, `[num_examples]`.
    num_clients: Clients to deal them to.
    alpha: The concentration of each label; towards infinity the labels are
      uniformly distributed on every client, towards zero a client has one.
    rng: Where all choices come from.

  Returns:
    For each client the indices of its examples; each index occurs once.

  Raises:
    ValueError: If there are more clients than examples.
  """
  _check_num_clients(num_clients, len(labels))
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
  """Deals each client equally many examples of a few classes.

  As Waghmare et al. (2022), "Efficient Image Representation Learning with
  Federated Sampled Softmax", section 4.3, have clients of 100 images over 20
  classes. Examples of a class are shuffled and cut into packs of
  `examples_per_class`. The first packs of all classes are dealt, the classes in
  random order, then the second packs, and so on. A client never holds two packs
  of a class. What is left over is not dealt: less than a pack of each class,
  and the packs at the end that do not make a whole client.

  Args:
    labels: The examples' labels, `[num_examples]`.
    classes_per_client: Classes of a client.
    examples_per_class: Examples that it has of each.
    rng: Where all choices come from.

  Returns:
    For each client the indices of its examples; no index occurs twice.

  Raises:
    ValueError: If there is not enough for one client.
  """
  packs = {}
  for label in np.unique(labels):
    examples = rng.permutation(np.flatnonzero(labels == label))
    num_packs = len(examples) // examples_per_class
    packs[label] = examples[: num_packs * examples_per_class].reshape(
      num_packs, examples_per_class
    )
  clients, held = [], {}
  for i in range(max(map(len, packs.values()), default=0)):
    dealt = rng.permutation([k for k, p in packs.items() if i < len(p)])
    # Those come last that the unfinished client already has.
    for label in sorted(dealt, key=held.__contains__):
      if label in held:
        continue
      held[label] = packs[label][i]
      if len(held) == classes_per_client:
        clients.append(np.concatenate(list(held.values())))
        held = {}
  if not clients:
    raise ValueError(
      f'Expected at least {classes_per_client} classes of '
      f'{examples_per_class} training examples, found '
      f'{sum(len(p) > 0 for p in packs.values())}.'
    )
  return clients


def _draw_counts(
  size: int, q: np.ndarray, left: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
  """How many of each label: `size` in all, at most `left`, drawn from `q`."""
  counts = np.zeros_like(left)
  while (missing := size - counts.sum()) > 0:
    weights = q * (counts < left)
    if weights.sum() < 1e-12:  # A small alpha: all of q on labels run out.
      weights = (left - counts).astype(float)
    draw = rng.multinomial(missing, weights / weights.sum())
    counts = np.minimum(counts + draw, left)
  return counts


def _check_num_clients(num_clients: int, num_examples: int) -> None:
  if not 0 < num_clients <= num_examples:
    raise ValueError(
      f'Expected `num_clients` from 1 to {num_examples}, the number of '
      f'training examples, found {num_clients}.'
    )
