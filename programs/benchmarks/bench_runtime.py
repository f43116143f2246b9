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
"""Benchmarks of runtimes: in-process, TFF's C++ runtime, plain TensorFlow."""

from collections.abc import Callable, Mapping, Sequence
import functools

import numpy as np
import psutil
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_hand_written
from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_select
from programs.benchmarks import bench_timing
from tasks.images import image_models
from tff_methods import runtime
from tff_methods import templates

IN_PROCESS = 'in-process'
CPP = "TFF's C++ runtime"
CPP_DEFAULT_LOOP = "TFF's C++ runtime, TFF's default loop"
COHORT_SIZES = (100, 1000)
NUM_REGISTERED = 100_000
_LEARNING_RATE = 0.1
_LARGE_WIDTH = 7071  # Its square is fifty million.


def create_contexts() -> dict[str, tff.framework.SyncContext]:
  """Returns the compared contexts, by name."""
  return {
    IN_PROCESS: runtime.create_in_process_context('cpu'),
    CPP: runtime.create_local_context(),
  }


def time_cnn_rounds(repeats: int) -> dict[str, np.ndarray]:
  """Times rounds of federated averaging of a CNN of 843,658 weights.

  Args:
    repeats: Number of timed rounds of each candidate; they take turns.

  Returns:
    By candidate, `float64[2]`: the median seconds of wall time and of CPU time.
  """
  model_fn, clients = bench_rounds.cnn_workload()
  contexts = create_contexts()
  runs: dict[str, Callable[[], object]] = {
    name: _round(model_fn, clients, context)
    for name, context in contexts.items()
  }
  runs[CPP_DEFAULT_LOOP] = _round(
    model_fn, clients, contexts[CPP], loop='DATASET_REDUCE'
  )
  # Last, since Keras loses track of its models once TFF has built some.
  runs[bench_hand_written.NAME] = bench_hand_written.build_round(
    image_models.mnist_cnn(0), clients, _LEARNING_RATE
  )
  return _medians(runs, repeats)


def time_large_rounds(repeats: int) -> dict[str, np.ndarray]:
  """Times rounds of a model of fifty million weights, on one example a client.

  Args:
    repeats: Number of timed rounds of each candidate; they take turns.

  Returns:
    By candidate, `float64[2]`: the median seconds of wall time and of CPU time.
  """
  x = np.ones([1, _LARGE_WIDTH], np.float32)
  dataset = tf.data.Dataset.from_tensors((x, x))

  def model_fn():
    return tff.learning.models.from_keras_model(
      _large_model(),
      loss=tf.keras.losses.MeanSquaredError(),
      input_spec=dataset.element_spec,
    )

  clients = [dataset] * 10
  return _medians(
    {
      name: _round(model_fn, clients, context)
      for name, context in create_contexts().items()
    },
    repeats,
  )


def time_selects(repeats: int) -> dict[str, np.ndarray]:
  """Times `bench_select.build_bare_select`.

  Args:
    repeats: Number of timed runs of each candidate; they take turns.

  Returns:
    By candidate, `float64[2]`: the median seconds of wall time and of CPU time.
  """
  run = bench_select.build_bare_select()
  table, candidates = bench_select.table_and_candidates()

  def in_context(context):
    with tff.framework.get_context_stack().install(context):
      run(table, candidates)

  return _medians(
    {
      name: functools.partial(in_context, context)
      for name, context in create_contexts().items()
    },
    repeats,
  )


def time_cohorts(repeats: int) -> dict[int, tuple[float, float]]:
  """Measures time and memory of in-process rounds by the cohort size.

  The cohort of each round is sampled from `NUM_REGISTERED` clients.

  Args:
    repeats: Number of timed rounds of each size; they take turns.

  Returns:
    By cohort size, the median seconds of a round, and the bytes by which a
    round of that size raises the resident memory of this process.
  """
  context = runtime.create_in_process_context('cpu')
  process = _registered_process()
  rng = np.random.default_rng(0)
  with tff.framework.get_context_stack().install(context):
    state = process.initialize()

    def run(size):
      ids = rng.choice(NUM_REGISTERED, size, replace=False).astype(np.int32)
      process.next(state, list(ids))

    run(COHORT_SIZES[0])  # Traces and imports all graphs.
    raised = {}
    for size in COHORT_SIZES:
      before = psutil.Process().memory_info().rss
      run(size)
      raised[size] = psutil.Process().memory_info().rss - before
    seconds = bench_timing.medians(
      {size: functools.partial(run, size) for size in COHORT_SIZES}, repeats
    )
  return {size: (seconds[size], raised[size]) for size in COHORT_SIZES}


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  table = []
  for measured, time_runs in MEASURES.items():
    medians = time_runs(repeats)
    own_wall, own_cpu = medians[IN_PROCESS]
    for candidate, (wall, cpu) in medians.items():
      table.append(
        [
          measured,
          candidate,
          f'{1000 * wall:.0f} ms, {1000 * cpu:.0f} ms of CPU',
          f'{wall / own_wall:.2f} x in-process, {cpu / own_cpu:.2f} x its CPU '
          'time',
        ]
      )
  cohorts = time_cohorts(repeats)
  for size, (seconds, num_bytes) in cohorts.items():
    table.append(
      [
        f'a round of clients of {NUM_REGISTERED:,}, in-process',
        f'{size:,} clients',
        f'{1000 * seconds:.0f} ms',
        f'{1e6 * seconds / size:.0f} us a client, '
        f'{num_bytes / 1e6:+.1f} MB held',
      ]
    )
  return table


MEASURES = {
  'a round of 10 clients: CNN, 843,658 weights': time_cnn_rounds,
  'a round of 10 clients: 49,999,041 weights': time_large_rounds,
  'federated_select: 1,000 of 10,000 rows of 64 to each of 10 clients': (
    time_selects
  ),
}


def _medians(
  runs: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, np.ndarray]:
  clock = bench_timing.wall_and_cpu_clock()
  return bench_timing.medians(runs, repeats, warm_up=2, clock=clock)


def _round(
  model_fn: templates.Model,
  clients: Sequence[tf.data.Dataset],
  context: tff.framework.SyncContext,
  loop: str = 'DATASET_ITERATOR',
) -> Callable[[], None]:
  """Returns a function that runs a round of averaging in a context."""
  process = tff.learning.algorithms.build_weighted_fed_avg(
    model_fn,
    tff.learning.optimizers.build_sgdm(_LEARNING_RATE),
    loop_implementation=tff.learning.LoopImplementation[loop],
  )
  return bench_rounds.build_round(process, clients, context)


def _large_model() -> tf.keras.Model:
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer((_LARGE_WIDTH,)),
      tf.keras.layers.Dense(
        _LARGE_WIDTH, use_bias=False, kernel_initializer='zeros'
      ),
    ]
  )


def _registered_process() -> tff.learning.templates.LearningProcess:
  """Returns a process of a small model with integers as client ids."""
  spec = (tf.TensorSpec([None, 10]), tf.TensorSpec([None, 1]))

  def model_fn():
    model = tf.keras.Sequential(
      [
        tf.keras.layers.InputLayer((10,)),
        tf.keras.layers.Dense(1000, kernel_initializer='zeros'),
        tf.keras.layers.Dense(1, kernel_initializer='zeros'),
      ]
    )
    return tff.learning.models.from_keras_model(
      model, loss=tf.keras.losses.MeanSquaredError(), input_spec=spec
    )

  @tff.tensorflow.computation(np.int32)
  def dataset_computation(client):
    x = tf.random.stateless_normal([20, 10], tf.stack([client, 0]))
    return tf.data.Dataset.from_tensors((x, tf.reduce_sum(x, 1, True)))

  return tff.simulation.compose_dataset_computation_with_learning_process(
    dataset_computation,
    tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      tff.learning.optimizers.build_sgdm(0.01),
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
  )
