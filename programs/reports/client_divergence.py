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
"""Divergence between the label distributions of clients.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", Theorem 2.
"""

from collections.abc import Sequence
import itertools
from typing import NamedTuple

import numpy as np

from programs.reports import client_labels
from programs.reports import figures
from programs.reports import tables
from tff_methods import label_hashing


class Divergence(NamedTuple):
  """Mean divergence over pairs of clients, for hash tables of one size.

  Attributes:
    num_buckets: Number of buckets of each table, `B`.
    mean: Mean over tables, in nats.
    deviation: Standard deviation over tables, in nats.
    largest_ratio: Largest ratio, over pairs and tables, of the divergence
      between distributions over buckets to that between distributions over
      labels. At most 1, by the log-sum inequality.
    of_unions: Mean over tables of the divergence between distributions of
      bucket labels as they are trained, in nats: an example counts once for a
      bucket, however many of its labels are there. Theorem 2 does not cover it.
  """

  num_buckets: int
  mean: float
  deviation: float
  largest_ratio: float
  of_unions: float


def report(
  clients: Sequence[client_labels.Positives],
  num_labels: int,
  bucket_counts: Sequence[int],
  *,
  num_tables: int,
  seed: int,
  figure_path: str,
) -> None:
  """Prints a table of divergences and draws them.

  Args:
    clients: Labels of the examples of each client.
    num_labels: Number of labels.
    bucket_counts: Numbers of buckets.
    num_tables: Number of hash tables drawn for each number of buckets.
    seed: Seed of the hash tables.
    figure_path: Path of the PNG file.
  """
  label_divergences = pairwise_divergences(
    _smoothed_counts(clients, num_labels)
  )
  unhashed = float(np.mean(label_divergences))
  divergences = [
    measure(clients, num_labels, num_buckets, num_tables, seed)
    for num_buckets in bucket_counts
  ]
  _print_divergences(num_labels, unhashed, divergences)
  _draw_divergences(figure_path, num_labels, unhashed, divergences)


def _smoothed_counts(
  clients: Sequence[client_labels.Positives], num_labels: int
) -> np.ndarray:
  """Returns `int64[K, p]`, one more than the positives of clients and labels.

  The theorem assumes that each client has all labels.
  """
  return 1 + np.stack([client.counts(num_labels) for client in clients])


def pairwise_divergences(distributions: np.ndarray) -> np.ndarray:
  """Returns the divergence between each ordered pair of clients.

  Args:
    distributions: `[K, ..., n]`, a distribution over `n` values for each of `K`
      clients, up to a factor.

  Returns:
    `float64[K (K - 1), ...]`, in nats.
  """
  return np.stack(
    [
      label_hashing.kl_divergence(first, second)
      for first, second in itertools.permutations(distributions, 2)
    ]
  )


def measure(
  clients: Sequence[client_labels.Positives],
  num_labels: int,
  num_buckets: int,
  num_tables: int,
  seed: int,
) -> Divergence:
  """Measures the divergence between clients' distributions over buckets.

  Args:
    clients: Labels of the examples of each client.
    num_labels: Number of labels.
    num_buckets: Number of buckets of each table.
    num_tables: Number of hash tables.
    seed: Seed of the hash tables.
  """
  label_hash = label_hashing.LabelHash.draw(
    num_labels, num_tables, num_buckets, seed
  )
  counts = _smoothed_counts(clients, num_labels)
  bucket_divergences = pairwise_divergences(
    np.stack([label_hashing.hashed_distribution(c, label_hash) for c in counts])
  )
  of_tables = bucket_divergences.mean(axis=0)
  label_divergences = pairwise_divergences(counts)[:, np.newaxis]
  # The ratio of two clients with equal distributions is 0.
  ratios = np.divide(
    bucket_divergences,
    label_divergences,
    where=label_divergences > 0,
    out=np.zeros_like(bucket_divergences),
  )
  return Divergence(
    num_buckets,
    float(of_tables.mean()),
    float(of_tables.std(ddof=1)) if num_tables > 1 else 0.0,
    float(ratios.max()),
    float(pairwise_divergences(_union_counts(clients, label_hash)).mean()),
  )


def _union_counts(
  clients: Sequence[client_labels.Positives],
  label_hash: label_hashing.LabelHash,
) -> np.ndarray:
  """Returns `int64[K, R, B]`, positives of buckets, smoothed as labels are."""
  num_buckets, tables_of_labels = label_hash.num_buckets, label_hash.buckets()
  added = [np.bincount(b, minlength=num_buckets) for b in tables_of_labels]
  found = [
    [client.bucket_counts(b, num_buckets) for b in tables_of_labels]
    for client in clients
  ]
  return np.array(found) + np.array(added)


def _print_divergences(
  num_labels: int, unhashed: float, divergences: Sequence[Divergence]
) -> None:
  rows = [
    [
      f'{d.num_buckets:,}',
      f'{d.mean:.4f} (± {d.deviation:.4f})',
      f'{d.mean / unhashed:.3f}',
      f'{d.largest_ratio:.3f}',
      f'{d.of_unions:.4f}',
    ]
    for d in divergences
  ]
  rows.append(
    [
      f'{num_labels:,}, not hashed',
      f'{unhashed:.4f}',
      '1',
      '1',
      f'{unhashed:.4f}',
    ]
  )
  tables.print_table(
    [
      'buckets',
      'divergence, nats',
      'ratio to labels',
      'largest ratio',
      'of bucket labels as trained, nats',
    ],
    rows,
  )


def _draw_divergences(
  path: str,
  num_labels: int,
  unhashed: float,
  divergences: Sequence[Divergence],
) -> None:
  figures.save_curves(
    path,
    {
      'hashed': figures.Curve(
        [d.num_buckets for d in divergences],
        [d.mean for d in divergences],
        [d.deviation for d in divergences],
      ),
      'hashed, bucket labels as trained': figures.Curve(
        [d.num_buckets for d in divergences],
        [d.of_unions for d in divergences],
      ),
      'not hashed': figures.Curve(
        [divergences[0].num_buckets, num_labels], [unhashed, unhashed]
      ),
    },
    x_label='buckets',
    y_label='KL divergence between two clients, nats',
    log_x=True,
  )
