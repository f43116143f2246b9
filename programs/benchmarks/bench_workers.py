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
"""Benchmark of rounds on one and on two workers, each bound to a core."""

from collections.abc import Generator
import contextlib
import os
import tempfile
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_scale
from programs.benchmarks import bench_timing
from tasks import client_database
from tff_methods.runtime import remote_context
from tff_methods.runtime import workers

ONE_WORKER = 'one worker on a core'
TWO_WORKERS = 'two workers on a core each'
SHARED_CORE = 'two workers on one core'
_NUM_CLIENTS = 10
_NUM_EXAMPLES = 100
_BATCH_SIZE = 20


def time_rounds(
  process: tff.templates.IterativeProcess, clients: list[Any], repeats: int
) -> dict[str, float]:
  """Times the first round on one and on two workers, bound to a core each.

  Args:
    process: The process.
    clients: Argument of `next` for each client.
    repeats: Number of timed rounds of each candidate; they take turns.

  Returns:
    By candidate, the median seconds. `SHARED_CORE` has both workers on the core
    of `ONE_WORKER`: it takes longer by what dividing and merging cost.
  """
  first, second = sorted(os.sched_getaffinity(0))[:2]
  candidates = {
    ONE_WORKER: [first],
    TWO_WORKERS: [first, second],
    SHARED_CORE: [first, first],
  }
  with contextlib.ExitStack() as stack:
    runs = {
      name: bench_rounds.build_round(
        process, clients, stack.enter_context(_workers_on(cores))
      )
      for name, cores in candidates.items()
    }
    seconds = bench_timing.medians(runs, repeats, warm_up=2)
  return {name: float(value) for name, value in seconds.items()}


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Clients are ids, as in the programs: workers read the data.

  Args:
    repeats: Number of timed rounds of each candidate.

  Returns:
    The rows; none on a machine with one core.
  """
  if len(os.sched_getaffinity(0)) < 2:
    return []
  with tempfile.TemporaryDirectory() as directory:
    process, clients = _cnn_of_ids(directory)
    seconds = time_rounds(process, clients, repeats)
  return [
    [
      'a round on workers: CNN, 843,658 weights',
      name,
      f'{1000 * value:.0f} ms',
      f'{seconds[ONE_WORKER] / value:.2f} x as fast as {ONE_WORKER}',
    ]
    for name, value in seconds.items()
  ]


def _cnn_of_ids(
  directory: str,
) -> tuple[tff.templates.IterativeProcess, list[str]]:
  """Returns a process over client ids, and the ids; writes their data."""
  path = bench_scale.write_clients(
    directory, _NUM_CLIENTS, _NUM_EXAMPLES, 28 * 28
  )
  data = client_database.load_train_data(path).preprocess(
    lambda serialized: serialized.batch(_BATCH_SIZE).map(_parse)
  )
  model_fn, _ = bench_rounds.cnn_workload()
  process = tff.simulation.compose_dataset_computation_with_learning_process(
    data.dataset_computation,
    tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      tff.learning.optimizers.build_sgdm(0.1),
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
  )
  return process, sorted(data.client_ids)


def _parse(serialized):
  pixels, labels = client_database.parse_examples(serialized)
  x = tf.reshape(tf.cast(pixels, tf.float32), [-1, 28, 28, 1])
  return x / 255.0, tf.cast(labels, tf.int32)


@contextlib.contextmanager
def _workers_on(cores: list[int]) -> Generator[tff.framework.SyncContext]:
  """Starts a worker on each core; ends them on exit."""
  with contextlib.ExitStack() as stack:
    addresses = []
    for core in cores:
      worker = workers.LocalWorker()
      stack.callback(worker.end)
      _bind(worker.pid, core)
      addresses.append(f'localhost:{worker.port}')
    yield remote_context.create_remote_context(addresses)


def _bind(pid: int, core: int) -> None:
  """Binds all threads of a process to a core; later ones inherit it."""
  bound: set[str] = set()
  # A thread may have started another one before it was bound.
  while threads := set(os.listdir(f'/proc/{pid}/task')) - bound:
    for thread in threads:
      with contextlib.suppress(ProcessLookupError):  # It has ended meanwhile.
        os.sched_setaffinity(int(thread), {core})
    bound |= threads
