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
"""Benchmark of one client of neuron retrieval: memory, CPU time and bytes."""

from collections.abc import Callable, Sequence
import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_client_cost
from tasks.text import text_models
from tasks.text import vocabulary as vocabulary_lib
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods import templates

SIZES = (10_000, 80_000)
NUM_BLOCKS, NUM_SENTENCES, BATCH_SIZE = 3, 64, 16
ROW_BUDGET = 0.3
_NUM_SPECIAL_IDS = 4
_KEY = (1, 2)
# Received rows are copies of these, in a memory of their own.
_NUM_ROWS_OF_BLOCK = 1000


def measure_full(num_rows: int) -> bench_client_cost.ClientCost:
  """Measures a client of federated averaging, which trains all rows.

  Args:
    num_rows: Number of rows of the model.
  """
  return bench_client_cost.measure_fed_avg(
    build_row_model(num_rows).full_model(), _prepare_full, num_rows
  )


def measure_selected(num_rows: int) -> bench_client_cost.ClientCost:
  """Measures a client that trains the `ROW_BUDGET` an index finds.

  All other options, those of the index among them, are the defaults.

  Args:
    num_rows: Number of rows of the model.
  """
  index = retrieval.SimHash()
  process = algorithms.build_lsh_select_fed_avg(
    build_row_model(num_rows),
    tff.learning.optimizers.build_sgdm(bench_client_cost.LEARNING_RATE),
    options=options_lib.LshSelectOptions(row_budget=ROW_BUDGET),
    index=index,
  )
  entries = _look_up_anything(index, num_rows)
  return bench_client_cost.measure(
    communication.traced_bytes(process.accounted_next(0)),
    _prepare_selected,
    num_rows,
    num_entries=int(np.prod(entries.shape)),
  )


def measure(repeats: int, sizes: Sequence[int] = SIZES) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of fresh processes whose median is shown.
    sizes: Numbers of rows of the models.
  """
  table = []
  for num_rows in sizes:
    measures = {
      'all rows': functools.partial(measure_full, num_rows),
      f'{100 * ROW_BUDGET:.0f} % of the rows': functools.partial(
        measure_selected, num_rows
      ),
    }
    measured = f'one client, next of {num_rows:,} words'
    table += bench_client_cost.rows(measured, measures, repeats)
  return table


def build_row_model(num_rows: int) -> models.RowModel:
  """Builds the next-token Transformer of three blocks.

  Args:
    num_rows: Number of words and special ids.
  """
  words = [str(i) for i in range(num_rows - _NUM_SPECIAL_IDS)]
  return text_models.transformer(
    0, vocabulary_lib.Vocabulary(words), num_blocks=NUM_BLOCKS
  )


def _client_data(num_rows: int) -> tf.data.Dataset:
  """Returns a client's sentences, of words drawn by Zipf's law."""
  ids = np.arange(1, num_rows - _NUM_SPECIAL_IDS + 1)
  tokens = np.random.default_rng(0).choice(
    ids,
    [NUM_SENTENCES, vocabulary_lib.SEQUENCE_LENGTH + 1],
    p=1 / ids / np.sum(1 / ids),
  )
  tokens = tokens.astype(np.int32)
  return tf.data.Dataset.from_tensor_slices(
    (tokens[:, :-1], tokens[:, 1:])
  ).batch(BATCH_SIZE)


def _prepare_full(num_rows: int) -> Callable[[], object]:
  """Returns a function that receives and trains the full model."""
  row_model = build_row_model(num_rows)
  train = bench_client_cost.build_training(
    row_model.full_model(), _client_data(num_rows)
  )

  @tf.function
  def run(body, block):
    rows = bench_client_cost.receive(block, num_rows)
    return train(((*body, rows), ()))

  return _call_with_weights(run, row_model)


def _prepare_selected(num_rows: int) -> Callable[[], object]:
  """Returns a function that searches an index, and trains what it finds."""
  row_model, dataset = build_row_model(num_rows), _client_data(num_rows)
  trained = round(ROW_BUDGET * num_rows)
  own = round(ROW_BUDGET * num_rows / 2)
  index = retrieval.SimHash()
  client = templates.IndexClient(
    row_model,
    index,
    templates.RowBudget(trained, own),
    corrects_loss=False,
    seed_source='entropy',
  )
  entries = _look_up_anything(index, num_rows)
  train = bench_client_cost.build_training(
    row_model.sub_model(trained), dataset
  )

  @tf.function
  def run(body, block, entries):
    key, own_classes = client.own_classes(tf.constant(_KEY), dataset)
    own_rows = bench_client_cost.receive(block, own)
    client_params = tf.constant(_KEY)
    weights = (body, ())
    vectors, queries = client.search(
      weights, own_rows, own_classes, dataset, client_params
    )
    candidates, keys = client.choose(
      key, own_classes, client_params, vectors, queries, tf.identity(entries)
    )
    candidates, rows = client.trained_rows(
      key,
      own_classes,
      own_rows,
      vectors,
      candidates,
      keys,
      bench_client_cost.receive(block, trained - own),
    )
    # The plain softmax over these rows.
    candidates = candidates._replace(log_probability=tf.zeros([trained]))
    return train(row_model.sub_weights(weights, [rows], [candidates]))

  return _call_with_weights(run, row_model, entries)


def _look_up_anything(index: retrieval.RowIndex, num_rows: int) -> tf.Tensor:
  """Returns the entries of a client's queries in an index of random rows."""
  rng = np.random.default_rng(1)
  rows = rng.standard_normal(
    [num_rows, text_models.text_bodies.EMBEDDING_SIZE], np.float32
  )
  built = index.build(tf.constant(_KEY), tf.constant(rows))
  return index.look_up(built.tables, tf.range(index.num_queries))


def _call_with_weights(
  run: Callable[..., object], row_model: models.RowModel, *arguments: object
) -> Callable[[], object]:
  """Returns a call of `run` on weights, after a first one."""
  trainable, _ = row_model.full_model().initial_weights
  *body, table = trainable
  block = tf.constant(table[:_NUM_ROWS_OF_BLOCK])
  # The first call optimizes the graph.
  run(tuple(map(tf.constant, body)), block, *arguments)
  return lambda: run(tuple(map(tf.constant, body)), block, *arguments)
