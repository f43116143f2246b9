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
"""Positives of the buckets of labels.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", lemma 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from programs.reports import client_labels
from programs.reports import figures
from programs.reports import tables
from tff_methods import label_hashing


class BucketPositives(NamedTuple):
  """Mean numbers of positives of labels of similar frequency.

  Attributes:
    num_labels: Number of labels.
    own: Positives of the label itself.
    found: Positives of its bucket, over labels and hash tables.
    sums: `expected_sum` of these labels.
    bound: `lower_bound` of these labels.
  """

  num_labels: int
  own: float
  found: float
  sums: float
  bound: float


def report(
  positives: client_labels.Positives,
  num_labels: int,
  num_buckets: int,
  *,
  num_tables: int,
  seed: int,
  figure_path: str,
) -> None:
  """Prints and draws the positives of buckets, by those of labels.

  Args:
    positives: Labels of the examples.
    num_labels: Number of labels.
    num_buckets: Number of buckets of each hash table.
    num_tables: Number of hash tables.
    seed: Seed of the hash tables.
    figure_path: Path of the PNG file.
  """
  groups = measure(positives, num_labels, num_buckets, num_tables, seed)
  tables.print_table(
    [
      f'labels, hashed to {num_buckets:,} buckets',
      'own positives',
      'of the bucket',
      'sum of its labels, expected',
      'bound for independent labels',
      'bucket / own',
    ],
    [
      [
        f'{g.num_labels:,}',
        f'{g.own:,.1f}',
        f'{g.found:,.1f}',
        f'{g.sums:,.1f}',
        f'{g.bound:,.1f}',
        f'{g.found / g.own:.1f}',
      ]
      for g in groups
    ],
  )
  own = [g.own for g in groups]
  figures.save_curves(
    figure_path,
    {
      'bucket': figures.Curve(own, [g.found for g in groups]),
      'bound for independent labels': figures.Curve(
        own, [g.bound for g in groups]
      ),
      'label alone': figures.Curve(own, own),
    },
    x_label='positives of a label',
    y_label='positives of its bucket',
    log_x=True,
    log_y=True,
  )


def measure(
  positives: client_labels.Positives,
  num_labels: int,
  num_buckets: int,
  num_tables: int,
  seed: int,
) -> Sequence[BucketPositives]:
  """Measures the positives of buckets.

  Args:
    positives: Labels of the examples.
    num_labels: Number of labels.
    num_buckets: Number of buckets of each hash table.
    num_tables: Number of hash tables.
    seed: Seed of the hash tables.

  Returns:
    Means over the labels that have from `2^i` to `2^(i + 1) - 1` positives, for
    each i with such labels.
  """
  counts = positives.counts(num_labels)
  buckets = label_hashing.LabelHash.draw(
    num_labels, num_tables, num_buckets, seed
  ).buckets()
  found = np.mean(
    [positives.bucket_counts(b, num_buckets)[b] for b in buckets], axis=0
  )
  arguments = counts, counts.sum(), num_buckets
  sums = expected_sum(*arguments)
  bounds = lower_bound(*arguments, positives.num_examples)
  group_of_label = np.frexp(counts)[1]
  groups = []
  for group in np.unique(group_of_label[counts > 0]):
    of_group = group_of_label == group
    means = [x[of_group].mean() for x in (counts, found, sums, bounds)]
    groups.append(BucketPositives(int(of_group.sum()), *map(float, means)))
  return groups


def expected_sum(own: np.ndarray, total: int, num_buckets: int) -> np.ndarray:
  """Returns the expected sum of the positives of all labels of a bucket.

  `n_j + (N - n_j) / B`, if each other label is in the bucket with a probability
  of 1 / B. Examples with several of these labels count several times.

  Args:
    own: Positives n_j of labels.
    total: Sum N of the positives of all labels.
    num_buckets: Number B of buckets.
  """
  return own + (total - own) / num_buckets


def lower_bound(
  own: np.ndarray, total: int, num_buckets: int, num_examples: int
) -> np.ndarray:
  """Returns a lower bound of the expected positives of the bucket of a label.

  A bucket's positives are the union of those of its labels. By Bonferroni's
  inequality they are at least the sum, less the examples that each pair of
  labels shares. Independent labels of n_l and n_m of n examples share `n_l n_m
  / n` in expectation; a pair with label j is in the bucket with a probability
  of 1 / B, another one of 1 / B^2, if the hashes of three labels are
  independent:

    `n_j + (N - n_j) / B - n_j (N - n_j) / (B n) - (N - n_j)^2 / (2 B^2 n)`.

  Lemma 1 has this form. Labels of real data are not independent: where they
  occur together, buckets have fewer positives.

  Args:
    own: Positives n_j of labels.
    total: Sum N of the positives of all labels.
    num_buckets: Number B of buckets.
    num_examples: Number n of examples.
  """
  others = (total - own) / num_buckets
  shared = own * others / num_examples + others**2 / (2 * num_examples)
  return np.maximum(own, own + others - shared)
