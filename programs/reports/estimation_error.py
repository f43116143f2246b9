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
"""Error of the mean of a label's positives, by their number.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", theorem 1.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from programs.reports import client_labels
from programs.reports import figures
from programs.reports import tables
import tasks
from tff_methods import label_hashing

_MAX_EXAMPLES = 20_000
_MAX_LABELS = 50
_MIN_POSITIVES = 100
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class EstimationError(NamedTuple):
  """Squared errors of estimates of a label's mean, per coordinate.

  Attributes:
    num_positives: Number of the label's positives that are averaged.
    own: Error of the mean of these.
    bound: Variance of the positives, divided by their number.
    bucket: Error of their mean with all positives of the bucket's other labels.
  """

  num_positives: int
  own: float
  bound: float
  bucket: float


def report(
  task: tasks.MultiLabelTask,
  num_buckets: int,
  *,
  num_draws: int,
  seed: int,
  figure_path: str,
) -> None:
  """Prints and draws the errors for labels with many positives.

  Args:
    task: The task, whose input vectors are taken as embeddings.
    num_buckets: Number of buckets.
    num_draws: Number of draws of positives, each with its own hash table.
    seed: Seed of all random choices.
    figure_path: Path of the PNG file.
  """
  errors = measure(
    *_read_examples(task), task.num_labels, num_buckets, num_draws, seed
  )
  if not errors:
    print(f'No label has {_MIN_POSITIVES} positives: no errors to show.')
    return
  tables.print_table(
    [
      'positives of a label',
      'error of their mean',
      'variance / positives',
      f'error with the bucket of {num_buckets:,}',
    ],
    [
      [
        f'{e.num_positives}',
        f'{e.own:.3e}',
        f'{e.bound:.3e}',
        f'{e.bucket:.3e}',
      ]
      for e in errors
    ],
  )
  sizes = [e.num_positives for e in errors]
  figures.save_curves(
    figure_path,
    {
      "label's own positives": figures.Curve(sizes, [e.own for e in errors]),
      'variance / positives': figures.Curve(sizes, [e.bound for e in errors]),
      "with the bucket's others": figures.Curve(
        sizes, [e.bucket for e in errors]
      ),
    },
    x_label='positives of a label',
    y_label="squared error of the label's mean, per coordinate",
    log_x=True,
    log_y=True,
  )


def measure(
  vectors: np.ndarray,
  positives: client_labels.Positives,
  num_labels: int,
  num_buckets: int,
  num_draws: int,
  seed: int,
) -> Sequence[EstimationError]:
  """Measures the errors, averaged over labels and draws.

  A draw takes some positives of a label, with replacement: the mean of all of
  them is the truth. Labels are at most 50 of those with at least 100 positives.

  Args:
    vectors: `float[n, d]`, embeddings of the examples.
    positives: Labels of the examples.
    num_labels: Number of labels.
    num_buckets: Number of buckets.
    num_draws: Number of draws.
    seed: Seed of all random choices.

  Returns:
    The errors for 1, 2, 4, ..., 64 positives; none without such labels.
  """
  rng = np.random.default_rng(seed)
  counts = positives.counts(num_labels)
  chosen = np.flatnonzero(counts >= _MIN_POSITIVES)
  if not chosen.size:
    return []
  if chosen.size > _MAX_LABELS:
    chosen = rng.choice(chosen, _MAX_LABELS, replace=False)
  buckets = label_hashing.LabelHash.draw(
    num_labels, num_draws, num_buckets, seed
  ).buckets()
  totals = {size: np.zeros([3]) for size in _SIZES}
  for label in chosen:
    own = vectors[positives.examples[positives.labels == label]]
    mean, variance = own.mean(axis=0), own.var(axis=0).mean()
    for table in buckets:
      others = _others(vectors, positives, label, table)
      for size in _SIZES:
        drawn = own[rng.integers(len(own), size=size)]
        with_others = np.concatenate([drawn, others])
        totals[size] += [
          np.square(drawn.mean(axis=0) - mean).mean(),
          variance / size,
          np.square(with_others.mean(axis=0) - mean).mean(),
        ]
  scale = 1 / (len(chosen) * num_draws)
  return [
    EstimationError(size, *(scale * total).tolist())
    for size, total in totals.items()
  ]


def _others(
  vectors: np.ndarray,
  positives: client_labels.Positives,
  label: int,
  buckets: np.ndarray,
) -> np.ndarray:
  """Returns the examples of the other labels in the label's bucket."""
  is_other = buckets[positives.labels] == buckets[label]
  is_own = positives.labels == label
  return vectors[
    np.setdiff1d(positives.examples[is_other], positives.examples[is_own])
  ]


def _read_examples(
  task: tasks.MultiLabelTask,
) -> tuple[np.ndarray, client_labels.Positives]:
  """Returns vectors and labels of the first examples of the clients."""
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)
  per_client = -(-_MAX_EXAMPLES // len(data.client_ids))
  vectors, labels = [], []
  for client_id in data.client_ids:
    for x, y in _first(
      data.create_tf_dataset_for_client(client_id), per_client
    ):
      vectors.append(x.numpy())
      labels.append(y.numpy())
  return np.concatenate(vectors), client_labels.from_batches(labels)


def _first(batches: Iterable, num_examples: int) -> Iterable:
  """Yields batches until there are enough examples."""
  for x, y in batches:
    yield x, y
    num_examples -= len(y)
    if num_examples <= 0:
      return
