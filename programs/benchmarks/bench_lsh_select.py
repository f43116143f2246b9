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
"""Benchmarks of neuron retrieval: time of a round, and memory of a client."""

from collections.abc import Callable
import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_select
from programs.benchmarks import bench_timing
from tasks.text import text_models
from tasks.text import vocabulary as vocabulary_lib
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods import runtime
from tff_methods import templates

FULL = 'federated averaging, all rows'
NUM_TOKENS, NUM_CLIENTS, NUM_SENTENCES = 20_000, 10, 64
ROW_BUDGET, OWN_BUDGET = 0.3, 0.03
# Numbers of all rows, and of the rows that a client trains.
MEMORY_ROWS = ((50_000, 5000), (500_000, 5000))
_INDEX = retrieval.SimHash(num_queries=512, bucket_capacity=32)
_KEY = (1, 2)


def time_rounds(repeats: int) -> dict[str, np.ndarray]:
  """Times rounds of the next-token Transformer of `programs.train`.

  Args:
    repeats: Number of timed rounds of each candidate; they take turns.

  Returns:
    By candidate, `float64[2]`: the median seconds of wall time and of CPU time.
  """
  runtime.set_local_context()
  words = [str(i) for i in range(NUM_TOKENS - 4)]
  row_model = text_models.transformer(0, vocabulary_lib.Vocabulary(words))
  optimizers = (
    tff.learning.optimizers.build_sgdm(0.1),
    tff.learning.optimizers.build_adam(0.03, epsilon=1e-3),
  )
  candidates = {
    FULL: tff.learning.algorithms.build_weighted_fed_avg(
      row_model.full_model(),
      *optimizers,
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
    f'lsh_select, {100 * ROW_BUDGET:.0f} % of the rows': (
      algorithms.build_lsh_select_fed_avg(
        row_model,
        *optimizers,
        options=options_lib.LshSelectOptions(
          row_budget=ROW_BUDGET,
          own_budget=OWN_BUDGET,
          retrieval_mode='broadcast',
        ),
      )
    ),
  }
  clients = _clients()
  runs = {
    name: functools.partial(process.next, process.initialize(), clients)
    for name, process in candidates.items()
  }
  return bench_timing.medians(
    runs, repeats, warm_up=2, clock=bench_timing.wall_and_cpu_clock()
  )


def peak_client_bytes(num_rows: int, num_trained: int) -> int:
  """Measures the peak memory of a client. Linux only.

  The client searches an index and trains. The table of all rows is not in
  memory meanwhile.

  Args:
    num_rows: Number of rows in the index.
    num_trained: Number of rows that the client trains.

  Returns:
    Bytes by which the client raises the peak of the resident memory.
  """
  return bench_memory.peak_bytes(_prepare_client, num_rows, num_trained)


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  seconds = time_rounds(repeats)
  full_wall, full_cpu = seconds[FULL]
  table = [
    [
      f'a round of {NUM_CLIENTS} clients: next of {NUM_TOKENS:,} tokens',
      candidate,
      f'{1000 * wall:.0f} ms',
      f'{wall / full_wall:.3f} x all rows, {cpu / full_cpu:.3f} x its CPU time',
    ]
    for candidate, (wall, cpu) in seconds.items()
  ]
  first = None
  for num_rows, num_trained in MEMORY_ROWS:
    peaks = [
      peak_client_bytes(num_rows, num_trained) for _ in range(min(repeats, 5))
    ]
    peak = np.median(peaks)
    first = first or peak
    table.append(
      [
        'peak memory of a client that searches and trains',
        f'{num_trained:,} of {num_rows:,} rows of {bench_select.DIMENSION}',
        f'{peak / 1e6:.2f} MB',
        f'{peak / first:.3f} x',
      ]
    )
  return table


def _clients() -> list[tf.data.Dataset]:
  """Returns sentences of each client, of tokens drawn by Zipf's law."""
  rng = np.random.default_rng(0)
  ids = np.arange(1, NUM_TOKENS - 3)
  size = [NUM_CLIENTS, NUM_SENTENCES, vocabulary_lib.SEQUENCE_LENGTH + 1]
  p = 1 / ids
  tokens = rng.choice(ids, size, p=p / p.sum()).astype(np.int32)
  return [
    tf.data.Dataset.from_tensor_slices((t[:, :-1], t[:, 1:])).batch(16)
    for t in tokens
  ]


def _prepare_client(num_rows: int, num_trained: int) -> Callable[[], object]:
  """Returns a function that searches and trains as one client does."""
  row_model = bench_select.build_row_model(num_rows)
  client = templates.IndexClient(
    row_model,
    _INDEX,
    templates.RowBudget(num_trained),
    corrects_loss=False,
    seed_source='entropy',
  )
  dataset, _ = bench_select.client_data(num_rows)
  body = (tf.ones([row_model.dimension]),), ()
  rng = np.random.default_rng(1)
  table = rng.normal(size=[num_rows, row_model.dimension])
  built = _INDEX.build(tf.constant(_KEY), tf.constant(table, tf.float32))
  # The server looks up the queries of this client.
  _, own = client.own_classes(tf.constant(_KEY), dataset)
  own_rows = tf.zeros([client.num_own_candidates, row_model.dimension])
  client_params = built.client_params
  _, queries = client.search(body, own_rows, own, dataset, client_params)
  entries = _INDEX.look_up(built.tables, queries.keys)
  train = bench_select.build_training(row_model.sub_model(num_trained), dataset)

  @tf.function
  def run(entries, rows):
    key, own = client.own_classes(tf.constant(_KEY), dataset)
    vectors, queries = client.search(
      body, own_rows, own, dataset, client_params
    )
    candidates, _ = client.choose(
      key, own, client_params, vectors, queries, entries
    )
    return train(rows, candidates)

  arguments = entries, tf.ones([num_trained, row_model.dimension])
  run.get_concrete_function(*arguments)
  return lambda: run(*arguments)
