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
"""What indexes of rows cost, and how much of what clients search they find."""

import math
from typing import NamedTuple

from absl import flags
import numpy as np
import tensorflow as tf

from programs.benchmarks import bench_timing
from programs.command_line import runner
from programs.runs import saved_weights
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval

_INDEX_WEIGHTS = flags.DEFINE_string(
  'index_weights',
  None,
  'Of --part=index: the model_weights.npz of a run whose last trainable tensor '
  'has the rows to search; by default they are drawn.',
)

NUM_TIMED_ROWS, NUM_ROWS, DIMENSION, NUM_VECTORS = 80_000, 20_000, 96, 1000
# A vector's rows with the largest inner products, which are to be found.
NUM_BEST = 10
# What a client gets, as fractions of all rows.
BUDGETS = (0.05, 0.1, 0.2, 0.3)

NUM_PARTS = (4, 8, 12)
# K, L, queries, and how many rows of a bucket a client gets, in parts of what
# buckets have on average.
SIMHASH_SETTINGS = (
  (8, 8, 512, 4),
  (8, 8, 512, 1),
  (8, 8, 1024, 1),
  (8, 8, 2048, 0.5),
  (6, 8, 512, 0.5),
  (4, 8, 128, 0.25),
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
  'exact': retrieval.ExactRows(),
}
_KEY = (1, 2)


class Found(NamedTuple):
  """What clients find in an index.

  Attributes:
    recalls: For each of `BUDGETS`, which part of the `NUM_BEST` rows of a
      vector the client has, in the mean over its vectors.
    uplink_bytes: Of the keys that a client looks up.
    downlink_bytes: Of the index' guide and entries, without the rows.
    num_dropped: Entries for which the tables have no room.
  """

  recalls: tuple[float, ...]
  uplink_bytes: int
  downlink_bytes: int
  num_dropped: int


def recall_indexes(num_rows: int) -> dict[str, retrieval.RowIndex]:
  """Returns what `measure_recalls` is for, by name."""
  indexes = {
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
  return indexes | {
    f'product quantization, {parts} parts': retrieval.ProductQuantization(parts)
    for parts in NUM_PARTS
  }


def synthetic_data(
  num_rows: int, num_vectors: int
) -> tuple[np.ndarray, np.ndarray]:
  """Draws rows like those of words, and vectors like a client's.

  The length of the r-th row is `r^-0.15`, as frequent words have longer rows;
  its direction is half that of one of 100 topics, half its own. The client's
  text has 5 of the topics: a vector is the direction of a word, drawn by Zipf's
  law from all words and, ten times as likely, from those of these topics, plus
  as much noise.

  Args:
    num_rows: How many rows.
    num_vectors: How many vectors.

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
  """Returns vectors near some of the rows: as long as they, in noise as long.

  Args:
    rows: `float32[n, d]`.
    num_vectors: How many vectors.

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
  """Returns what a client with such vectors finds in each of the indexes."""
  products = vectors @ rows.T
  best = np.argpartition(-products, NUM_BEST, axis=1)[:, :NUM_BEST]
  return {
    name: _measure_recall(index, rows, vectors, best)
    for name, index in recall_indexes(len(rows)).items()
  }


def time_builds(repeats: int) -> dict[str, float]:
  """Returns median seconds to build each of `TIMED_INDEXES`.

  Args:
    repeats: How often each; they take turns.
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
  """Returns median seconds of what a client computes in `TIMED_INDEXES`.

  It has `NUM_VECTORS` vectors, and makes queries of them, where there are any,
  and scores what it found.

  Args:
    repeats: How often each; they take turns.
  """
  rows, vectors = synthetic_data(NUM_TIMED_ROWS, NUM_VECTORS)
  candidates = {}
  for name, index in TIMED_INDEXES.items():
    built = index.build(tf.constant(_KEY), tf.constant(rows))
    query, score = tf.function(index.query), tf.function(index.score)
    arguments = built.guide, tf.constant(vectors)
    queries = query(*arguments)
    found = index.look_up(built.tables, queries.keys)
    if index.num_queries:
      candidates[f'{name}: queries'] = _call(query, *arguments)
    candidates[f'{name}: scores'] = _call(
      score, *arguments, queries.hits, found
    )
  return bench_timing.medians(candidates, repeats)


def measure(repeats: int) -> list[list[str]]:
  """Measures; returns the rows of the table of `programs.bench`.

  Args:
    repeats: How often everything is timed.
  """
  table = []
  for measured, seconds in (
    ('the server builds an index', time_builds(repeats)),
    (
      f'a client with {NUM_VECTORS:,} vectors searches an index',
      time_searches(repeats),
    ),
  ):
    # For clients that is exact search.
    *_, last = seconds
    table.extend(
      [
        f'{measured}: {NUM_TIMED_ROWS:,} rows of {DIMENSION}',
        candidate,
        f'{1000 * value:.1f} ms',
        f'{value / seconds[last]:.3f} x {last}',
      ]
      for candidate, value in seconds.items()
    )
  rows, vectors = _searched_rows_and_vectors()
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


def _searched_rows_and_vectors() -> tuple[np.ndarray, np.ndarray]:
  if _INDEX_WEIGHTS.value is None:
    return synthetic_data(NUM_ROWS, NUM_VECTORS)
  trainable = saved_weights.load(_INDEX_WEIGHTS.value).trainable
  if not trainable or trainable[-1].ndim != 2:
    raise runner.UsageError(
      'Expected weights that end in rows in --index_weights, found others in '
      f'{_INDEX_WEIGHTS.value}; give those of a run with a row model.'
    )
  rows = trainable[-1]
  return rows, noisy_rows(rows, NUM_VECTORS)


def _measure_recall(index, rows, vectors, best) -> Found:
  built = index.build(tf.constant(_KEY), tf.constant(rows))
  queries = index.query(built.guide, tf.constant(vectors))
  entries = index.look_up(built.tables, queries.keys)
  scored = index.score(built.guide, tf.constant(vectors), queries.hits, entries)
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
    _num_bytes((built.guide, entries)),
    int(built.num_dropped),
  )


def _no_candidates() -> models.Candidates:
  return models.Candidates(
    tf.zeros([0], tf.int32), tf.zeros([0]), tf.zeros([0], tf.bool)
  )


def _call(function, *arguments):
  return lambda: tf.nest.map_structure(np.asarray, function(*arguments))


def _num_bytes(tensors) -> int:
  return sum(np.asarray(x).nbytes for x in tf.nest.flatten(tensors))
