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
"""Benchmarks of row indexes: build time, search time, recall and bytes."""

from collections.abc import Callable, Mapping
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from programs.benchmarks import bench_timing
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval

NUM_TIMED_ROWS, NUM_ROWS, DIMENSION, NUM_VECTORS = 80_000, 20_000, 96, 1000
# The relevant rows of a vector: those of largest inner product.
NUM_BEST = 10
# Rows that a client receives, as fractions of all rows.
BUDGETS = (0.05, 0.1, 0.2, 0.3)

NUM_PARTS = (4, 8, 12)
# K, L, queries, and the capacity of a bucket relative to the average number of
# rows per bucket.
SIMHASH_SETTINGS = (
  (8, 8, 512, 4),
  (8, 8, 512, 1),
  (8, 8, 1024, 1),
  (8, 8, 2048, 0.5),
  (6, 8, 512, 0.5),
  (4, 8, 128, 0.25),
)

# Lists, those that a client looks up, and parts.
IVF_PQ_SETTINGS = (
  (64, 16, 8),
  (64, 32, 4),
  (64, 32, 8),
  (256, 64, 8),
  (256, 128, 8),
)

TIMED_INDEXES = {
  **{
    f'SimHash(), {transform}': retrieval.SimHash(transform=transform)
    for transform in options_lib.TRANSFORMS
  },
  **{
    f'product quantization, {parts} parts': retrieval.ProductQuantization(parts)
    for parts in NUM_PARTS
  },
  'IVF-PQ, 64 of 256 lists, 8 parts': retrieval.IvfPq(),
  'exact': retrieval.ExactRows(),
}
_KEY = (1, 2)


class Found(NamedTuple):
  """Result of a client's search in an index.

  Attributes:
    recalls: For each of `BUDGETS`, the fraction of the `NUM_BEST` rows of a
      vector that the client receives, averaged over its vectors.
    uplink_bytes: Bytes of the keys that the client looks up.
    downlink_bytes: Bytes of the index parameters and of the entries that the
      client receives, without the rows.
    num_dropped: Number of entries dropped from full buckets.
  """

  recalls: tuple[float, ...]
  uplink_bytes: int
  downlink_bytes: int
  num_dropped: int


def recall_indexes(num_rows: int) -> dict[str, retrieval.RowIndex]:
  """Returns the indexes that `measure_recalls` compares, by name.

  Args:
    num_rows: Number of rows in the index.
  """
  indexes: dict[str, retrieval.RowIndex] = {
    'random': retrieval.RandomRows(),
    'exact': retrieval.ExactRows(),
  }
  for bits, tables, queries, buckets in SIMHASH_SETTINGS:
    capacity = math.ceil(buckets * num_rows / 2**bits)
    for transform in options_lib.TRANSFORMS:
      name = (
        f'SimHash, {transform}, K = {bits}, L = {tables}, {queries} queries '
        f'of {capacity}'
      )
      indexes[name] = retrieval.SimHash(
        bits, tables, transform, queries, capacity
      )
  for parts in NUM_PARTS:
    name = f'product quantization, {parts} parts'
    indexes[name] = retrieval.ProductQuantization(parts)
  for lists, queries, parts in IVF_PQ_SETTINGS:
    name = f'IVF-PQ, {queries} of {lists} lists, {parts} parts'
    indexes[name] = retrieval.IvfPq(lists, queries, parts)
  return indexes


def synthetic_data(
  num_rows: int, num_vectors: int
) -> tuple[np.ndarray, np.ndarray]:
  """Draws rows similar to those of words, and vectors similar to a client's.

  The norm of the r-th row is `r^-0.15`, since frequent words have longer rows;
  its direction is the sum of one of 100 topics and a random vector of equal
  norm. The client's text has 5 of the topics: a vector is the direction of a
  word plus noise of equal norm. Words are drawn by Zipf's law, and words of
  these topics are ten times as likely.

  Args:
    num_rows: Number of rows.
    num_vectors: Number of vectors.

  Returns:
    `float32[num_rows, DIMENSION]` and `float32[num_vectors, DIMENSION]`.
  """
  rng = np.random.default_rng(0)

  def directions(n):
    x = rng.normal(size=[n, DIMENSION])
    return x / np.linalg.norm(x, axis=1, keepdims=True)

  ranks = 1 + np.arange(num_rows)
  topics = rng.integers(100, size=num_rows)
  words = directions(100)[topics] + directions(num_rows)
  words /= np.linalg.norm(words, axis=1, keepdims=True)
  probability = np.where(topics < 5, 10.0, 1.0) / ranks
  said = rng.choice(num_rows, num_vectors, p=probability / probability.sum())
  rows = words * ranks[:, np.newaxis] ** -0.15
  vectors = words[said] + directions(num_vectors)
  return rows.astype(np.float32), vectors.astype(np.float32)


def noisy_rows(rows: np.ndarray, num_vectors: int) -> np.ndarray:
  """Returns random rows, each plus noise of the row's own norm.

  Args:
    rows: `float32[n, d]`.
    num_vectors: Number of vectors.

  Returns:
    `float32[num_vectors, d]`.
  """
  rng = np.random.default_rng(0)
  chosen = rows[rng.integers(len(rows), size=num_vectors)]
  noise = rng.normal(size=chosen.shape)
  noise *= np.linalg.norm(chosen, axis=1, keepdims=True) / np.linalg.norm(
    noise, axis=1, keepdims=True
  )
  return (chosen + noise).astype(np.float32)


def measure_recalls(rows: np.ndarray, vectors: np.ndarray) -> dict[str, Found]:
  """Searches each of `recall_indexes` for one client.

  Args:
    rows: `float32[n, d]`, the rows in the indexes.
    vectors: `float32[m, d]`, the client's vectors.

  Returns:
    By index, the result of the search.
  """
  products = vectors @ rows.T
  best = np.argpartition(-products, NUM_BEST, axis=1)[:, :NUM_BEST]
  return {
    name: _measure_recall(index, rows, vectors, best)
    for name, index in recall_indexes(len(rows)).items()
  }


def time_builds(repeats: int) -> dict[str, float]:
  """Times the build of each of `TIMED_INDEXES` but exact search.

  Args:
    repeats: Number of timed builds of each index; they take turns.

  Returns:
    By index, the median seconds.
  """
  rows, _ = synthetic_data(NUM_TIMED_ROWS, 1)
  rows = tf.constant(rows)
  return bench_timing.medians(
    {
      name: _call(tf.function(index.build), tf.constant(_KEY), rows)
      for name, index in TIMED_INDEXES.items()
      if not isinstance(index, retrieval.ExactRows)
    },
    repeats,
  )


def time_searches(repeats: int) -> dict[str, float]:
  """Times the computations of a client in each of `TIMED_INDEXES`.

  The client has `NUM_VECTORS` vectors. It computes queries from them, for
  indexes that have queries, and scores the entries that it found.

  Args:
    repeats: Number of timed runs of each computation; they take turns.

  Returns:
    By index and computation, the median seconds.
  """
  rows, vectors = synthetic_data(NUM_TIMED_ROWS, NUM_VECTORS)
  candidates = {}
  for name, index in TIMED_INDEXES.items():
    built = index.build(tf.constant(_KEY), tf.constant(rows))
    query, score = tf.function(index.query), tf.function(index.score)
    arguments = built.client_params, tf.constant(vectors)
    queries = query(*arguments)
    found = index.look_up(built.tables, queries.keys)
    if index.num_queries:
      candidates[f'{name}: queries'] = _call(query, *arguments)
    candidates[f'{name}: scores'] = _call(
      score, *arguments, queries.hits, found
    )
  return bench_timing.medians(candidates, repeats)


def measure(
  repeats: int, searched_rows: np.ndarray | None = None
) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
    searched_rows: `float32[n, d]`, rows in which recalls are measured; `None`
      for synthetic ones.
  """
  return [
    *_time_table('the server builds an index', time_builds(repeats)),
    *_time_table(
      f'a client with {NUM_VECTORS:,} vectors searches an index',
      time_searches(repeats),
    ),
    *_recall_table(searched_rows),
  ]


def _time_table(measured: str, seconds: Mapping[str, float]) -> list[list[str]]:
  *_, last = seconds  # For clients, exact search.
  return [
    [
      f'{measured}: {NUM_TIMED_ROWS:,} rows of {DIMENSION}',
      candidate,
      f'{1000 * value:.1f} ms',
      f'{value / seconds[last]:.3f} x {last}',
    ]
    for candidate, value in seconds.items()
  ]


def _recall_table(searched_rows: np.ndarray | None) -> list[list[str]]:
  if searched_rows is None:
    rows, vectors = synthetic_data(NUM_ROWS, NUM_VECTORS)
  else:
    rows, vectors = searched_rows, noisy_rows(searched_rows, NUM_VECTORS)
  table = []
  budgets = ' / '.join(f'{100 * budget:g}' for budget in BUDGETS)
  for candidate, found in measure_recalls(rows, vectors).items():
    recalls = ' / '.join(f'{100 * recall:.1f}' for recall in found.recalls)
    table.append(
      [
        f"a vector's {NUM_BEST} best rows, found among the best "
        f'{budgets} % of {len(rows):,}',
        candidate,
        f'{recalls} %',
        f'{found.downlink_bytes / 1000:,.1f} kB down, '
        f'{found.uplink_bytes / 1000:,.1f} kB up, '
        f'{found.num_dropped:,} entries dropped',
      ]
    )
  return table


def _measure_recall(
  index: retrieval.RowIndex,
  rows: np.ndarray,
  vectors: np.ndarray,
  best: np.ndarray,
) -> Found:
  built = index.build(tf.constant(_KEY), tf.constant(rows))
  queries = index.query(built.client_params, tf.constant(vectors))
  entries = index.look_up(built.tables, queries.keys)
  scored = index.score(
    built.client_params, tf.constant(vectors), queries.hits, entries
  )
  recalls = []
  for budget in BUDGETS:
    chosen = retrieval.select_candidates(
      tf.constant(_KEY),
      _no_candidates(),
      scored,
      len(rows),
      round(budget * len(rows)),
    )
    recalls.append(float(np.isin(best, chosen.keys).mean()))
  return Found(
    tuple(recalls),
    _num_bytes(queries.keys),
    _num_bytes((built.client_params, entries)),
    int(built.num_dropped),
  )


def _no_candidates() -> models.Candidates:
  return models.Candidates(
    tf.zeros([0], tf.int32), tf.zeros([0]), tf.zeros([0], tf.bool)
  )


def _call(
  function: Callable[..., object], *arguments: object
) -> Callable[[], object]:
  return lambda: tf.nest.map_structure(np.asarray, function(*arguments))


def _num_bytes(tensors: object) -> int:
  return sum(np.asarray(x).nbytes for x in tf.nest.flatten(tensors))
