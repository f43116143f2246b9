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
import rich.progress

from programs.reports import figures
from programs.reports import tables
import tasks
from tff_methods import label_hashing


class Divergence(NamedTuple):
  """Mean divergence over pairs of clients, for hash tables of one size.

  Attributes:
    num_buckets: Number of buckets of each table, `B`.
    mean: Mean over tables, in nats.
    deviation: Standard deviation over tables, in nats.
    largest_ratio: Largest ratio, over pairs and tables, of the divergence
      between distributions over buckets to that between distributions over
      labels. Less than 1 by Theorem 2.
  """

  num_buckets: int
  mean: float
  deviation: float
  largest_ratio: float


def report(
  task: tasks.MultiLabelTask,
  bucket_counts: Sequence[int],
  *,
  num_tables: int,
  seed: int,
  figure_path: str,
) -> None:
  """Prints a table of divergences and draws them.

  Args:
    task: The task whose training data are read.
    bucket_counts: Numbers of buckets.
    num_tables: Number of hash tables drawn for each number of buckets.
    seed: Seed of the hash tables.
    figure_path: Path of the PNG file.
  """
  # One more of each label: the theorem assumes that each client has all.
  counts = 1 + count_labels(task)
  label_divergences = pairwise_divergences(counts)
  unhashed = float(np.mean(label_divergences))
  divergences = [
    measure(counts, label_divergences, num_buckets, num_tables, seed)
    for num_buckets in bucket_counts
  ]
  _print_divergences(task.num_labels, unhashed, divergences)
  _draw_divergences(figure_path, task.num_labels, unhashed, divergences)


def count_labels(task: tasks.MultiLabelTask) -> np.ndarray:
  """Returns `int64[K, p]`, the number of positives of each client and label.

  Args:
    task: The task of `K` clients and `p` labels.
  """
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)
  counts = []
  for client_id in rich.progress.track(data.client_ids, 'Counting labels'):
    total = np.zeros([task.num_labels], np.int64)
    for _, labels in data.create_tf_dataset_for_client(client_id):
      found = labels.numpy()
      found = found[found != label_hashing.PADDING]
      total += np.bincount(found, minlength=task.num_labels)
    counts.append(total)
  return np.stack(counts)


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
  counts: np.ndarray,
  label_divergences: np.ndarray,
  num_buckets: int,
  num_tables: int,
  seed: int,
) -> Divergence:
  """Measures the divergence between clients' distributions over buckets.

  Args:
    counts: `[K, p]`, positive counts of the labels of each client.
    label_divergences: The result of `pairwise_divergences` for `counts`.
    num_buckets: Number of buckets of each table.
    num_tables: Number of hash tables.
    seed: Seed of the hash tables.
  """
  label_hash = label_hashing.LabelHash.draw(
    counts.shape[1], num_tables, num_buckets, seed
  )
  bucket_divergences = pairwise_divergences(
    np.stack([label_hashing.hashed_distribution(c, label_hash) for c in counts])
  )
  label_divergences = label_divergences[:, np.newaxis]
  of_tables = bucket_divergences.mean(axis=0)
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
  )


def _print_divergences(
  num_labels: int, unhashed: float, divergences: Sequence[Divergence]
) -> None:
  rows = [
    [
      f'{d.num_buckets:,}',
      f'{d.mean:.4f} (± {d.deviation:.4f})',
      f'{d.mean / unhashed:.3f}',
      f'{d.largest_ratio:.3f}',
    ]
    for d in divergences
  ]
  rows.append([f'{num_labels:,}, not hashed', f'{unhashed:.4f}', '1', '1'])
  tables.print_table(
    ['buckets', 'divergence, nats', 'ratio to labels', 'largest ratio'], rows
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
      'not hashed': figures.Curve(
        [divergences[0].num_buckets, num_labels], [unhashed, unhashed]
      ),
    },
    x_label='buckets',
    y_label='KL divergence between two clients, nats',
    log_x=True,
  )
