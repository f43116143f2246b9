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
"""Classes whose rows share a SimHash bucket."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from programs.reports import tables
from programs.runs import saved_weights
import tasks
from tff_methods import retrieval

# Sizes of shown buckets, in classes.
_MIN_SHOWN_SIZE, _MAX_SHOWN_SIZE = 3, 8


class Bucket(NamedTuple):
  """Classes with the same hash code.

  Attributes:
    cosine: Mean cosine over all pairs of their rows; NaN for a single class.
    classes: The classes, ascending.
  """

  cosine: float
  classes: tuple[int, ...]


def report(
  task: tasks.RowTask,
  weights: saved_weights.SavedWeights,
  *,
  num_bits: int,
  transform: str,
  num_classes: int,
  num_shown: int,
  seed: int,
) -> None:
  """Prints the buckets of a model's rows, the most similar ones first.

  Args:
    task: The task of the model.
    weights: Weights of the model.
    num_bits: Bits of a hash code.
    transform: One of `options.TRANSFORMS`.
    num_classes: Largest number of classes to hash, the first ones.
    num_shown: Largest number of buckets to print.
    seed: Seed of the projections.

  Raises:
    UsageError: If the weights are not of the task's model.
  """
  model = task.row_model
  saved_weights.check_fit('--weights', weights, model.full_model())
  vectors = model.row_vectors(tf.constant(weights.trainable[-1])).numpy()
  vectors = vectors[:num_classes]
  found = build_buckets(vectors, num_bits, transform, seed)
  names = task.class_names or tuple(map(str, range(len(vectors))))
  tables.print_table(
    ['mean cosine', 'bucket'],
    [
      [f'{bucket.cosine:.2f}', '  '.join(names[c] for c in bucket.classes)]
      for bucket in _most_similar(found, num_shown)
    ],
  )
  print(
    f'{len(vectors):,} classes in {len(found):,} buckets: pairs in the same '
    f'bucket have a mean cosine of {_mean_cosine_within(found):.3f}, all pairs '
    f'of {mean_cosine(vectors):.3f}.'
  )


def build_buckets(
  vectors: np.ndarray, num_bits: int, transform: str, seed: int
) -> list[Bucket]:
  """Hashes vectors into one table and returns its non-empty buckets.

  Args:
    vectors: `float32[n, d]`, the rows of `n` classes.
    num_bits: Bits of a hash code.
    transform: One of `options.TRANSFORMS`.
    seed: Seed of the projections.
  """
  index = retrieval.SimHash(
    num_bits, 1, transform, bucket_capacity=len(vectors)
  )
  key = np.array([seed, 0], np.uint32).view(np.int32)
  built = index.build(tf.constant(key), tf.constant(vectors))
  ids = built.tables.ids.numpy()[0]
  offsets = built.tables.offsets.numpy()[0]
  members = np.split(ids, offsets[1:-1])
  return [
    Bucket(mean_cosine(vectors[m]), tuple(sorted(m.tolist())))
    for m in members
    if m.size
  ]


def mean_cosine(vectors: np.ndarray) -> float:
  """Returns the mean cosine over all pairs of vectors; NaN without a pair.

  Args:
    vectors: `float[n, d]`, none of them zero.
  """
  n = len(vectors)
  if n < 2:
    return float('nan')
  directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
  # The squared norm of the sum has each pair twice, and n ones.
  total = np.square(directions.sum(axis=0, dtype=np.float64)).sum()
  return float((total - n) / (n * (n - 1)))


def _most_similar(found: Iterable[Bucket], num_shown: int) -> list[Bucket]:
  shown = [
    b for b in found if _MIN_SHOWN_SIZE <= len(b.classes) <= _MAX_SHOWN_SIZE
  ]
  return sorted(shown, key=lambda b: -b.cosine)[:num_shown]


def _mean_cosine_within(found: Iterable[Bucket]) -> float:
  """Returns the mean cosine over all pairs that share a bucket."""
  pairs = np.array([len(b.classes) * (len(b.classes) - 1) for b in found])
  cosines = np.nan_to_num([b.cosine for b in found])
  return float((pairs * cosines).sum() / max(pairs.sum(), 1))
