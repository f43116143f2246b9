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
"""Benchmark of rounds of FedMLH, beside federated averaging of all labels."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_label_hashing
from programs.benchmarks import bench_memory
from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_timing
from programs.reports import tables
from tasks.many_labels import multi_label_models
from tff_methods import algorithms
from tff_methods import label_hashing
from tff_methods import runtime

DATA_SET = 'Wiki10-31K'
NUM_CLIENTS, NUM_EXAMPLES = 4, 500
NUM_EVALUATED = (500, 2_000)
_BATCH_SIZE = 100


class Rounds(NamedTuple):
  """Costs of a model in training and in evaluation.

  Attributes:
    round_seconds: Median time of a round of `NUM_CLIENTS` clients.
    client_seconds: Median time of a round of one client.
    client_bytes: Memory that a round of one client adds at its peak.
  """

  round_seconds: float
  client_seconds: float
  client_bytes: int


def measure_rounds(data_set: str, repeats: int) -> dict[str, Rounds]:
  """Measures rounds with the labels of a data set, in process.

  Clients train with Adam on `NUM_EXAMPLES` examples each.

  Args:
    data_set: A key of `bench_label_hashing.SIZES`.
    repeats: Number of timed rounds; models take turns.

  Returns:
    The costs of both models, by name.
  """
  names = (bench_label_hashing.ALL_LABELS, bench_label_hashing.HASHED_LABELS)
  seconds = {
    num_clients: bench_timing.medians(
      {name: _prepare_round(data_set, name, num_clients) for name in names},
      repeats,
    )
    for num_clients in (NUM_CLIENTS, 1)
  }
  return {
    name: Rounds(
      float(seconds[NUM_CLIENTS][name]),
      float(seconds[1][name]),
      bench_memory.peak_bytes(_prepare_round, data_set, name, 1),
    )
    for name in names
  }


def peak_evaluation_bytes(data_set: str, num_examples: int) -> int:
  """Measures the memory that an evaluation with hashed labels adds.

  Args:
    data_set: A key of `bench_label_hashing.SIZES`.
    num_examples: Number of evaluated examples, in batches of 100.
  """
  return bench_memory.peak_bytes(_prepare_evaluation, data_set, num_examples)


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed rounds.
  """
  num_labels, _ = bench_label_hashing.SIZES[DATA_SET]
  results = measure_rounds(DATA_SET, repeats)
  plain = results[bench_label_hashing.ALL_LABELS]
  table = []
  for i, measured in enumerate(
    (
      f'a round of {NUM_CLIENTS} clients of {NUM_EXAMPLES} examples',
      'a round of one of these clients',
    )
  ):
    table.extend(
      [
        f'{measured}: {num_labels:,} labels',
        name,
        f'{result[i]:.2f} s',
        f'{plain[i] / result[i]:.2f} x as fast',
      ]
      for name, result in results.items()
    )
  table.extend(
    [
      f'peak memory of a client: {num_labels:,} labels',
      name,
      f'{tables.megabytes(result.client_bytes, 0)} MB',
      f'{plain.client_bytes / result.client_bytes:.2f} x less',
    ]
    for name, result in results.items()
  )
  table.extend(
    [
      f'peak memory of an evaluation: {num_labels:,} labels',
      f'{bench_label_hashing.HASHED_LABELS}, {num_examples:,} examples',
      f'{tables.megabytes(peak_evaluation_bytes(DATA_SET, num_examples), 0)} '
      'MB',
      f'{tables.megabytes(4 * num_examples * num_labels, 0)} MB for all scores',
    ]
    for num_examples in NUM_EVALUATED
  )
  return table


def _model(data_set: str, name: str) -> label_hashing.HashedLabelModel:
  num_labels, num_buckets = bench_label_hashing.SIZES[data_set]
  if name == bench_label_hashing.ALL_LABELS:
    label_hash = label_hashing.LabelHash.identity(num_labels)
  else:
    label_hash = label_hashing.LabelHash.draw(
      num_labels, bench_label_hashing.NUM_TABLES, num_buckets, 0
    )
  return label_hashing.HashedLabelModel(
    bench_label_hashing.NETWORK, label_hash, bench_label_hashing.MAX_LABELS
  )


def _dataset(data_set: str, num_examples: int, seed: int) -> tf.data.Dataset:
  num_labels, _ = bench_label_hashing.SIZES[data_set]
  rng = np.random.default_rng(seed)
  x = rng.standard_normal(
    [num_examples, bench_label_hashing.NETWORK.input_width], np.float32
  )
  labels = rng.integers(
    num_labels,
    size=[num_examples, bench_label_hashing.MAX_LABELS],
    dtype=np.int32,
  )
  return tf.data.Dataset.from_tensor_slices((x, labels)).batch(_BATCH_SIZE)


def _prepare_round(
  data_set: str, name: str, num_clients: int
) -> Callable[[], object]:
  process = algorithms.build_fed_mlh(
    _model(data_set, name), tff.learning.optimizers.build_adam(1e-3)
  )
  clients = [_dataset(data_set, NUM_EXAMPLES, i) for i in range(num_clients)]
  context = runtime.create_in_process_context('cpu')
  return bench_rounds.build_round(process, clients, context)


def _prepare_evaluation(
  data_set: str, num_examples: int
) -> Callable[[], object]:
  """Returns an evaluation as that of a training program, batch by batch."""
  num_labels, _ = bench_label_hashing.SIZES[data_set]
  model = _model(data_set, bench_label_hashing.HASHED_LABELS)
  initialize, update, finalize = multi_label_models.metrics_fns(
    np.zeros([num_labels], bool),
    lambda predictions, k: model.top_k(predictions, k)[1],
  )
  functional = model.functional_model()
  data = _dataset(data_set, num_examples, 0)

  @tf.function
  def add(state, x, labels):
    output = functional.predict_on_batch(functional.initial_weights, x)
    loss = functional.loss(output, labels)
    batch_output = tff.learning.models.BatchOutput(loss, output, len(labels))
    return update(state, labels, batch_output)

  def run():
    state = initialize()
    for x, labels in data:
      state = add(state, x, labels)
    return finalize(state)

  return run
