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
"""Benchmarks of scale: rounds of many clients, weights and rows."""

from collections.abc import Callable
import functools
import itertools
import math
import tempfile
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_select
from programs.benchmarks import bench_timing
from programs.benchmarks import scale_sizes
from programs.training import sampling
from tasks import client_database
from tasks import example_database
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime

NUM_CLIENTS = 10
NUM_SAMPLED_ROWS = 1000
_NUM_EXAMPLES, _NUM_FEATURES = 20, 10
_SGD = tff.learning.optimizers.build_sgdm(0.1)
_LOOP = tff.learning.LoopImplementation.DATASET_ITERATOR


class Round(NamedTuple):
  """Cost of a round in process.

  Attributes:
    seconds: Median time.
    peak_bytes: Memory that a round adds at its peak.
  """

  seconds: float
  peak_bytes: int


def measure_cohorts(
  sizes: scale_sizes.Sizes, repeats: int
) -> dict[tuple[int, int], Round]:
  """Measures rounds of clients that are sampled from a database.

  A client has 20 examples; the model has 1,000 weights, so that the time is
  that of visiting clients.

  Args:
    sizes: Sizes; cohorts and registered clients are measured.
    repeats: Number of timed rounds of each cohort; they take turns.

  Returns:
    The cost by registered clients and cohort.
  """
  costs = {}
  with tempfile.TemporaryDirectory() as directory:
    for registered in sizes.registered:
      path = write_clients(directory, registered)
      run = _prepare_cohorts(path)
      seconds = bench_timing.medians(
        {size: functools.partial(run, size) for size in sizes.cohorts}, repeats
      )
      for size, median in seconds.items():
        peak = bench_memory.peak_bytes(_prepare_cohort, path, size)
        costs[registered, size] = Round(float(median), peak)
  return costs


def measure_weights(num_weights: int, repeats: int) -> Round:
  """Measures a round of ten clients of one example, with a model of one matrix.

  Args:
    num_weights: Weights of the model, approximately.
    repeats: Number of timed rounds.
  """
  return _measure(repeats, _prepare_weights, num_weights)


def measure_rows(num_rows: int, repeats: int) -> Round:
  """Measures a round of FedSS, ten clients of 1,000 rows of 64 values each.

  Args:
    num_rows: Rows of the model.
    repeats: Number of timed rounds.
  """
  return _measure(repeats, _prepare_rows, num_rows)


def measure(repeats: int, sizes: scale_sizes.Sizes) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed rounds of each candidate.
    sizes: Sizes that are measured.
  """
  table = [
    [
      f'a round of clients of {registered:,}, in process',
      f'{size:,} clients',
      f'{1000 * cost.seconds:.0f} ms',
      f'{1e3 * cost.seconds / size:.2f} ms a client, peak '
      f'+{cost.peak_bytes / 1e6:.0f} MB',
    ]
    for (registered, size), cost in measure_cohorts(sizes, repeats).items()
  ]
  for measured, unit, measure_size, values in (
    ('weights', 1, measure_weights, sizes.weights),
    ('rows', bench_select.DIMENSION, measure_rows, sizes.rows),
  ):
    for size in values:
      cost = measure_size(size, repeats)
      table.append(
        [
          f'a round of {NUM_CLIENTS} clients, in process',
          f'{size:,} {measured}',
          f'{1000 * cost.seconds:.0f} ms',
          f'{1e9 * cost.seconds / size / unit:.1f} ns a weight, peak '
          f'{cost.peak_bytes / (4 * size * unit):.1f} x the weights',
        ]
      )
  return table


def write_clients(
  directory: str,
  number: int,
  num_examples: int = _NUM_EXAMPLES,
  num_pixels: int = _NUM_FEATURES,
) -> str:
  """Writes TFF's SQLite client data, clients of equal examples.

  Args:
    directory: Directory of the new file.
    number: Number of clients.
    num_examples: Examples of each client.
    num_pixels: Pixels of each example.

  Returns:
    Path of the file.
  """
  example = tf.train.Example(
    features=tf.train.Features(
      feature={
        'image': tf.train.Feature(
          bytes_list=tf.train.BytesList(
            value=[bytes(i % 256 for i in range(num_pixels))]
          )
        ),
        'label': tf.train.Feature(int64_list=tf.train.Int64List(value=[1])),
      }
    )
  ).SerializeToString()
  clients = {str(i): [example] * num_examples for i in range(number)}
  return client_database.ensure_database(
    directory,
    'clients',
    {'number': number, 'examples': num_examples, 'pixels': num_pixels},
    lambda path: example_database.write_splits(
      path, {client_database.TRAIN_SPLIT: clients}
    ),
  )


def _measure(
  repeats: int, prepare: Callable[[int], Callable[[], object]], size: int
) -> Round:
  peak = bench_memory.peak_bytes(_prepare_warm, prepare, size)
  seconds = bench_timing.medians({size: prepare(size)}, repeats)
  return Round(float(seconds[size]), peak)


def _prepare_warm(
  prepare: Callable[[int], Callable[[], object]], size: int
) -> Callable[[], object]:
  """Returns a function that has run once: a first call traces."""
  run = prepare(size)
  run()
  return run


def _prepare_cohort(path: str, size: int) -> Callable[[], None]:
  run = _prepare_cohorts(path)
  run(2)  # Traces.
  return functools.partial(run, size)


def _prepare_cohorts(path: str) -> Callable[[int], None]:
  """Returns a function that samples as many clients as it gets, for a round."""
  data = client_database.load_train_data(path).preprocess(
    lambda serialized: serialized.batch(_NUM_EXAMPLES).map(_parse)
  )
  model_fn = _dense_model_fn(_NUM_FEATURES, 100)
  process = tff.simulation.compose_dataset_computation_with_learning_process(
    data.dataset_computation,
    tff.learning.algorithms.build_weighted_fed_avg(
      model_fn, _SGD, loop_implementation=_LOOP
    ),
  )
  context = runtime.create_in_process_context('cpu')
  population = np.array(sorted(data.client_ids))
  rounds = itertools.count(1)
  with tff.framework.get_context_stack().install(context):
    state = process.initialize()

  def run(size):
    cohort = sampling.sample(population, size, 0, next(rounds))
    with tff.framework.get_context_stack().install(context):
      process.next(state, cohort)

  return run


def _prepare_weights(num_weights: int) -> Callable[[], None]:
  width = math.isqrt(num_weights)
  process = tff.learning.algorithms.build_weighted_fed_avg(
    _dense_model_fn(width, width), _SGD, loop_implementation=_LOOP
  )
  x = np.ones([1, width], np.float32)
  clients = [tf.data.Dataset.from_tensors((x, x))] * NUM_CLIENTS
  return _round_in_process(process, clients)


def _prepare_rows(num_rows: int) -> Callable[[], None]:
  process = algorithms.build_fed_ss(
    bench_select.build_row_model(num_rows),
    _SGD,
    options=options_lib.FedSsOptions(
      num_sampled_classes=min(NUM_SAMPLED_ROWS, num_rows)
    ),
  )
  x = np.ones([_NUM_EXAMPLES, bench_select.DIMENSION], np.float32)
  labels = np.arange(NUM_CLIENTS * _NUM_EXAMPLES, dtype=np.int32) % num_rows
  clients = [
    tf.data.Dataset.from_tensors((x, y)) for y in np.split(labels, NUM_CLIENTS)
  ]
  return _round_in_process(process, clients)


def _round_in_process(
  process: tff.learning.templates.LearningProcess,
  clients: list[tf.data.Dataset],
) -> Callable[[], None]:
  context = runtime.create_in_process_context('cpu')
  return bench_rounds.build_round(process, clients, context)


@functools.cache
def _dense_model_fn(
  num_features: int, width: int
) -> Callable[[], tff.learning.models.VariableModel]:
  """Returns a function that builds a model of one matrix."""
  spec = (
    tf.TensorSpec([None, num_features]),
    tf.TensorSpec([None, width]),
  )

  def model_fn():
    model = tf.keras.Sequential(
      [
        tf.keras.layers.InputLayer((num_features,)),
        tf.keras.layers.Dense(
          width, use_bias=False, kernel_initializer='zeros'
        ),
      ]
    )
    return tff.learning.models.from_keras_model(
      model, loss=tf.keras.losses.MeanSquaredError(), input_spec=spec
    )

  return model_fn


def _parse(serialized):
  pixels, labels = client_database.parse_examples(serialized)
  x = tf.reshape(tf.cast(pixels, tf.float32), [-1, _NUM_FEATURES])
  return x / 255.0, tf.one_hot(labels, 100)
